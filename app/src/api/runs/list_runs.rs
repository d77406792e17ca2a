use leptos::prelude::*;
use leptos::server_fn::codec::Json;
use model::page::{Page, Position};
use model::view::RunRow;

use crate::error::PageError;

/// One page of runs, of one plan or of all.
#[server(prefix = "/fn", endpoint = "runs", input = Json)]
pub async fn list_runs(
    plan: Option<String>,
    before: Option<Position>,
) -> Result<Page<RunRow>, PageError> {
    const LIMIT: u32 = 50;

    let (engine, principal) = crate::context::caller()?;
    Ok(engine::history::runs(&engine, &principal, plan.as_deref(), before, LIMIT).await?)
}
