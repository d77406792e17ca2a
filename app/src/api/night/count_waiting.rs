use leptos::prelude::*;

use super::super::Question;
use crate::error::PageError;

/// How many approvals wait, for the rail.
#[server(prefix = "/fn", endpoint = "waiting", protocol = Question)]
pub async fn count_waiting() -> Result<i64, PageError> {
    let (engine, principal) = crate::context::caller()?;
    Ok(engine::history::count_waiting(&engine, &principal).await?)
}
