use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use model::id::ApprovalId;

use super::super::reader::Reader;
use super::super::refusal::{Sent, refused, see};
use super::{Fields, in_order, sender, value};
use crate::state::AppState;

/// `POST /approvals/{id}/acknowledge`: the reader has seen it and is reminded no more.
pub async fn acknowledge(
    State(state): State<AppState>,
    reader: Reader,
    Path(id): Path<i64>,
    Form(fields): Fields,
) -> Response {
    let page = in_order(id, value(&fields, "group"));
    let said = async {
        let person = sender(&reader)?;
        engine::approvals::acknowledge(&state.engine, &person, ApprovalId(id)).await
    };
    match said.await {
        Ok(()) => see(&page),
        Err(error) => refused(&state, &reader, Sent::bare(page), error).await,
    }
}
