use serde::{Deserialize, Serialize};

/// What starts a plan by itself. A person can always start it as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Trigger {
    /// Stable over the plan's versions: the schedule's own text.
    pub key: String,
    pub schedule: Schedule,
    pub misfire: Misfire,
    pub overlap: Overlap,
}

/// The moments at which a trigger is due, in the plan's zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// A cron expression of five fields.
    Cron { expression: String },
    /// A real spacing that starts anew at the opening of each day's window.
    Every {
        every_seconds: u64,
        window: Option<Window>,
    },
}

/// The active hours of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Window {
    /// Minutes after local midnight, inclusive.
    pub opens_minute: u16,
    /// Minutes after local midnight, exclusive; 1,440 is the day's end.
    pub closes_minute: u16,
}

/// What happens to moments that passed while nobody was there to act.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Misfire {
    /// None of them runs.
    Skip,
    /// The last of them runs.
    #[default]
    Latest,
    /// Each of them runs, up to a cap.
    All,
}

/// What happens when a moment comes while an earlier run is still going.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The new occurrence is skipped.
    #[default]
    Skip,
    /// It runs when the earlier run has finished.
    Queue,
    /// Both run.
    Allow,
    /// The earlier run is cancelled.
    Cancel,
}
