use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::DelegationId;

/// A named set of people that a gate may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupRow {
    pub name: String,
    /// Logins, in order.
    pub members: Vec<String>,
}

/// A colleague's right to sign in somebody's place for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DelegationRow {
    pub id: DelegationId,
    /// The login of whose signature it is.
    pub from: String,
    /// The login of who may give it.
    pub to: String,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub note: Option<String>,
    /// Whether it has begun.
    pub active: bool,
}
