use leptos::prelude::*;
use model::page::{Page, Position};
use model::view::{TaskFilter, TaskRow};

use super::super::Question;
use crate::error::PageError;

/// One page of the history.
#[server(prefix = "/fn", endpoint = "tasks", protocol = Question)]
pub async fn list_tasks(
    filter: TaskFilter,
    before: Option<Position>,
) -> Result<Page<TaskRow>, PageError> {
    const LIMIT: u32 = 50;

    let (engine, principal) = crate::context::caller()?;
    Ok(engine::history::tasks(&engine, &principal, &filter, before, LIMIT).await?)
}
