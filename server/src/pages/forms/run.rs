use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::lifecycle;
use model::id::RunKey;

use super::super::reader::Reader;
use super::super::refusal::{Sent, refused, see};
use super::sender;
use crate::state::AppState;

/// `POST /runs/{key}/cancel` and `/retry`.
pub async fn act(
    State(state): State<AppState>,
    reader: Reader,
    Path((key, verb)): Path<(i64, String)>,
) -> Response {
    let (engine, run) = (&state.engine, RunKey(key));
    let done = match (sender(&reader), verb.as_str()) {
        (Err(error), _) => Err(error),
        (Ok(person), "cancel") => lifecycle::cancel_run(engine, &person, run).await,
        (Ok(person), "retry") => lifecycle::retry_failed(engine, &person, run).await,
        (Ok(_), _) => return StatusCode::NOT_FOUND.into_response(),
    };
    let page = format!("/runs/{key}");
    match done {
        Ok(_) => see(&page),
        Err(error) => refused(&state, &reader, Sent::bare(page), error).await,
    }
}
