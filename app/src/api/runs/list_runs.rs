use leptos::prelude::*;
use model::page::{Page, Position};
use model::view::RunRow;

use super::super::Question;
use crate::error::PageError;

/// One page of runs, of one plan or of all.
#[server(prefix = "/fn", endpoint = "runs", protocol = Question)]
pub async fn list_runs(
    plan: Option<String>,
    before: Option<Position>,
) -> Result<Page<RunRow>, PageError> {
    const LIMIT: u32 = 50;

    let (engine, principal) = crate::context::caller()?;
    Ok(engine::history::runs(&engine, &principal, plan.as_deref(), before, LIMIT).await?)
}
