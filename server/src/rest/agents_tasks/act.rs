use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use engine::lifecycle;
use engine::{history, reported};
use model::approval::Verdict;
use model::id::TaskId;
use model::identity::Principal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AgentTask;
use crate::auth::Authenticated;
use crate::rest::Refusal;
use crate::rest::bound::Bound;
use crate::rest::json::OptionalJson;
use crate::rest::query::{Path, Query, invalid};
use crate::state::AppState;

/// What may accompany an answer or a cancel; the note may come in the query instead.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct Accompanying {
    note: Option<String>,
    /// What was looked at, in hexadecimal, alone or after `sha256:`; `If-Match` or the query may carry it instead.
    digest: Option<String>,
}

/// How much was pruned.
#[derive(Debug, Serialize, ToSchema)]
pub struct PrunedTasks {
    deleted: u64,
    cutoff: DateTime<Utc>,
}

/// Approve what waits for this task.
#[utoipa::path(
    post,
    path = "/agents/tasks/{id}/approve",
    tag = "agents_tasks",
    operation_id = "approve_agent_task",
    params(
        ("id" = i64, Path),
        ("note" = Option<String>, Query),
        ("digest" = Option<String>, Query, description = "what was looked at"),
        ("If-Match" = Option<String>, Header, description = "the same, as \"sha256:…\""),
    ),
    request_body = Option<Accompanying>,
    responses(
        (status = OK, body = AgentTask),
        (status = CONFLICT, description = "already decided, or the result has changed since"),
        (status = GONE),
        (status = PRECONDITION_REQUIRED, description = "the answer must say what was looked at"),
    )
)]
pub async fn approve(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(id): Path<TaskId>,
    bound: Bound,
    query: Query,
    OptionalJson(body): OptionalJson<Accompanying>,
) -> Result<Json<AgentTask>, Refusal> {
    let asked = Asked {
        id,
        verdict: Verdict::Approve,
    };
    decide(&state, &principal, asked, bound, &query, body).await
}

/// Refuse what waits for this task.
#[utoipa::path(
    post,
    path = "/agents/tasks/{id}/reject",
    tag = "agents_tasks",
    operation_id = "reject_agent_task",
    params(
        ("id" = i64, Path),
        ("note" = Option<String>, Query),
        ("digest" = Option<String>, Query, description = "what was looked at"),
        ("If-Match" = Option<String>, Header, description = "the same, as \"sha256:…\""),
    ),
    request_body = Option<Accompanying>,
    responses(
        (status = OK, body = AgentTask),
        (status = CONFLICT, description = "already decided, or the result has changed since"),
        (status = GONE),
        (status = PRECONDITION_REQUIRED, description = "the answer must say what was looked at"),
    )
)]
pub async fn reject(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(id): Path<TaskId>,
    bound: Bound,
    query: Query,
    OptionalJson(body): OptionalJson<Accompanying>,
) -> Result<Json<AgentTask>, Refusal> {
    let asked = Asked {
        id,
        verdict: Verdict::Reject,
    };
    decide(&state, &principal, asked, bound, &query, body).await
}

struct Asked {
    id: TaskId,
    verdict: Verdict,
}

async fn decide(
    state: &AppState,
    principal: &Principal,
    asked: Asked,
    bound: Bound,
    query: &Query,
    body: Option<Accompanying>,
) -> Result<Json<AgentTask>, Refusal> {
    let Asked { id, verdict } = asked;
    let body = body.unwrap_or_default();
    let digest = bound.with(body.digest.as_deref())?;
    let note = note(query, body.note)?;
    reported::decide_task(&state.engine, principal, id, verdict, digest, note).await?;
    let row = history::task_row(&state.engine, principal, id).await?;
    Ok(Json(row.into()))
}

/// Cancel a task.
#[utoipa::path(
    post,
    path = "/agents/tasks/{id}/cancel",
    tag = "agents_tasks",
    operation_id = "cancel_agent_task",
    params(("id" = i64, Path), ("note" = Option<String>, Query)),
    request_body = Option<Accompanying>,
    responses((status = OK, body = AgentTask), (status = CONFLICT))
)]
pub async fn cancel(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(id): Path<TaskId>,
    query: Query,
    OptionalJson(body): OptionalJson<Accompanying>,
) -> Result<Json<AgentTask>, Refusal> {
    let note = note(&query, body.and_then(|body| body.note))?;
    lifecycle::cancel(&state.engine, &principal, id, note.as_deref()).await?;
    let row = history::task_row(&state.engine, &principal, id).await?;
    Ok(Json(row.into()))
}

/// The note of the body, else of the query; nothing of it is lost in storing.
pub fn note(query: &Query, body: Option<String>) -> Result<Option<String>, Refusal> {
    let note = body
        .or_else(|| query.one("note"))
        .filter(|note| !note.trim().is_empty());
    match &note {
        Some(text) if text.contains('\0') => {
            Err(invalid("note", "it holds a NUL character; remove it").into())
        }
        Some(text) if text.chars().count() > 4000 => Err(engine::Error::TooLarge(
            "the note is longer than 4000 characters".to_owned(),
        )
        .into()),
        Some(_) | None => Ok(note),
    }
}

/// Delete finished tasks that started before a date.
#[utoipa::path(
    delete,
    path = "/agents/tasks/before",
    tag = "agents_tasks",
    operation_id = "prune_agent_tasks",
    params(("date" = String, Query, description = "ISO 8601")),
    responses((status = OK, body = PrunedTasks))
)]
pub async fn prune(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    query: Query,
) -> Result<Json<PrunedTasks>, Refusal> {
    let cutoff = query
        .time("date")?
        .ok_or_else(|| invalid("date", "write an ISO 8601 time, such as 2025-01-15"))?;
    let pruned = reported::prune_before(&state.engine, &principal, cutoff).await?;
    Ok(Json(PrunedTasks {
        deleted: pruned.deleted,
        cutoff: pruned.cutoff,
    }))
}
