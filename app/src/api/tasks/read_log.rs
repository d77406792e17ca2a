use leptos::prelude::*;
use leptos::server_fn::codec::Json;
use model::id::{AttemptNumber, TaskId};
use model::view::LogSlice;

use crate::error::PageError;

/// What an attempt wrote after the given place.
#[server(prefix = "/fn", endpoint = "log", input = Json)]
pub async fn read_log(
    task: TaskId,
    attempt: AttemptNumber,
    after_seq: i64,
) -> Result<LogSlice, PageError> {
    const MOST_BYTES: usize = 64 * 1024;

    let (engine, principal) = crate::context::caller()?;
    Ok(engine::history::log(&engine, &principal, task, attempt, after_seq, MOST_BYTES).await?)
}
