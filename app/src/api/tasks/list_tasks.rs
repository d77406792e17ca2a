use leptos::prelude::*;
use leptos::server_fn::codec::Json;
use model::page::{Page, Position};
use model::view::{TaskFilter, TaskRow};

use crate::error::PageError;

/// One page of the history.
#[server(prefix = "/fn", endpoint = "tasks", input = Json)]
pub async fn list_tasks(
    filter: TaskFilter,
    before: Option<Position>,
) -> Result<Page<TaskRow>, PageError> {
    const LIMIT: u32 = 50;

    let (engine, principal) = crate::context::caller()?;
    Ok(engine::history::tasks(&engine, &principal, &filter, before, LIMIT).await?)
}
