use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::lifecycle;
use model::id::TaskId;

use super::super::reader::Reader;
use super::super::refusal::{Sent, refused, see};
use super::sender;
use crate::state::AppState;

/// `POST /tasks/{id}/cancel`, `/rerun`, `/hold` and `/unhold`.
pub async fn act(
    State(state): State<AppState>,
    reader: Reader,
    Path((id, verb)): Path<(i64, String)>,
) -> Response {
    let (engine, task) = (&state.engine, TaskId(id));
    let done = match (sender(&reader), verb.as_str()) {
        (Err(error), _) => Err(error),
        (Ok(person), "cancel") => lifecycle::cancel(engine, &person, task, None).await,
        (Ok(person), "rerun") => lifecycle::rerun(engine, &person, task).await,
        (Ok(person), "hold") => lifecycle::hold(engine, &person, task).await,
        (Ok(person), "unhold") => lifecycle::unhold(engine, &person, task).await,
        (Ok(_), _) => return StatusCode::NOT_FOUND.into_response(),
    };
    let page = format!("/tasks/{id}");
    match done {
        Ok(_) => see(&page),
        Err(error) => refused(&state, &reader, Sent::bare(page), error).await,
    }
}
