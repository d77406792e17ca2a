use leptos::prelude::*;
use model::id::TaskId;
use model::view::TaskDetail;

use super::super::{Question, Seen};
use crate::error::PageError;

/// A task with its attempts, its history and its files.
#[server(prefix = "/fn", endpoint = "task", protocol = Question)]
pub async fn load_task(id: TaskId) -> Result<Seen<TaskDetail>, PageError> {
    let (engine, principal) = crate::context::caller()?;
    let it = engine::history::task(&engine, &principal, id).await?;
    Ok(Seen {
        now: engine.clock.now(),
        it,
    })
}
