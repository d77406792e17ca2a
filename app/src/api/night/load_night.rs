use leptos::prelude::*;
use model::view::Dashboard;

use super::super::Question;
use crate::error::PageError;

/// The night: what needs me, what runs, what is next, what was.
#[server(prefix = "/fn", endpoint = "night", protocol = Question)]
pub async fn load_night() -> Result<Dashboard, PageError> {
    use chrono::{DurationRound as _, TimeDelta};

    /// Long enough that a reader anywhere sees the last evening with the first coffee.
    const HOURS: i64 = 18;

    let (engine, principal) = crate::context::caller()?;
    let now = engine.clock.now();
    let since = now - TimeDelta::hours(HOURS);
    let since = since.duration_trunc(TimeDelta::hours(1)).unwrap_or(since);
    Ok(engine::history::dashboard(&engine, &principal, since).await?)
}
