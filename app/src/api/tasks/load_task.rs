use leptos::prelude::*;
use leptos::server_fn::codec::Json;
use model::id::TaskId;
use model::view::TaskDetail;

use super::super::Seen;
use crate::error::PageError;

/// A task with its attempts, its history and its files.
#[server(prefix = "/fn", endpoint = "task", input = Json)]
pub async fn load_task(id: TaskId) -> Result<Seen<TaskDetail>, PageError> {
    let (engine, principal) = crate::context::caller()?;
    let it = engine::history::task(&engine, &principal, id).await?;
    Ok(Seen {
        now: engine.clock.now(),
        it,
    })
}
