use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::reported::Status;

/// Which tasks a history shows; the same for the page, its detail, its export and its stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskFilter {
    /// Any of these; all where empty.
    pub statuses: Vec<Status>,
    /// Any of these names; all where empty.
    pub tasks: Vec<String>,
    /// The readable id of a run.
    pub run_id: Option<String>,
    /// Nothing that began before this moment.
    pub since: Option<DateTime<Utc>>,
    /// Nothing that began at or after this moment.
    pub until: Option<DateTime<Utc>>,
}
