use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::DeliveryId;

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is due, or waits for its next try.
    Waiting,
    Delivered,
    /// Given up: a permanent error, or too many days.
    Abandoned,
}

/// One message to a receiver outside, without what it says and without the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeliveryRow {
    pub id: DeliveryId,
    /// Where it goes: `slack`, `email_webhook` or `webhook`.
    pub channel: String,
    /// What it tells of, such as `task.awaiting_approval`.
    pub what: String,
    /// What caused it, such as `approval/7/requested`.
    pub cause: String,
    pub state: DeliveryState,
    pub tries: i32,
    pub created_at: DateTime<Utc>,
    /// None once it is delivered or given up.
    pub next_try_at: Option<DateTime<Utc>>,
    pub delivered_at: Option<DateTime<Utc>>,
    pub abandoned_at: Option<DateTime<Utc>>,
    pub last_error: Option<String>,
}
