use leptos::prelude::*;
use model::id::{AttemptNumber, TaskId};
use model::view::LogSlice;

use super::super::Question;
use crate::error::PageError;

/// What an attempt wrote after the given place.
#[server(prefix = "/fn", endpoint = "log", protocol = Question)]
pub async fn read_log(
    task: TaskId,
    attempt: AttemptNumber,
    after_seq: i64,
) -> Result<LogSlice, PageError> {
    const MOST_BYTES: usize = 64 * 1024;

    let (engine, principal) = crate::context::caller()?;
    Ok(engine::history::log(&engine, &principal, task, attempt, after_seq, MOST_BYTES).await?)
}
