//! What waits for a person, and their answer.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use engine::approvals;
use engine::history;
use engine::lifecycle::{Channel, Decide, decide as answer, digest_needed};
use model::approval::Verdict;
use model::id::{ApprovalId, TaskId};
use model::view::{ApprovalDetail, ApprovalRow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Refusal;
use super::agents_tasks::note;
use super::bound::Bound;
use super::json::ApiJson;
use super::query::{Path, Query};
use crate::auth::Authenticated;
use crate::state::AppState;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(decide))
        .routes(routes!(acknowledge))
}

/// The inbox.
#[derive(Debug, Serialize, ToSchema)]
pub struct Approvals {
    /// Soonest to expire first.
    pending: Vec<ApprovalRow>,
    /// Newest first.
    decided: Vec<ApprovalRow>,
}

/// An answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    verdict: Verdict,
    /// The digest that was shown, alone or after `sha256:`: it says what the answer is about.
    /// `If-Match` or the query may carry it instead; one of them must.
    digest: Option<String>,
    note: Option<String>,
    /// What the first who approves fills in, by name, where the policy has `inputs`.
    inputs: Option<serde_json::Value>,
}

/// What waits, and what was decided last; of one task where it is named.
#[utoipa::path(
    get,
    path = "/api/v1/approvals",
    tag = "approvals",
    operation_id = "list_approvals",
    params(("task" = Option<i64>, Query, description = "the id of a task")),
    responses((status = OK, body = Approvals))
)]
async fn list(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    query: Query,
) -> Result<Json<Approvals>, Refusal> {
    let (pending, decided) = match query.number("task", 1, i64::MAX, 0)? {
        0 => history::approvals(&state.engine, &principal).await?,
        task => history::approvals_of_task(&state.engine, &principal, TaskId(task)).await?,
    };
    Ok(Json(Approvals { pending, decided }))
}

/// All that a person needs to decide.
#[utoipa::path(
    get,
    path = "/api/v1/approvals/{id}",
    tag = "approvals",
    operation_id = "get_approval",
    params(("id" = i64, Path)),
    responses((status = OK, body = ApprovalDetail), (status = NOT_FOUND))
)]
async fn get(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(id): Path<ApprovalId>,
) -> Result<Json<ApprovalDetail>, Refusal> {
    let detail = history::approval(&state.engine, &principal, id).await?;
    Ok(Json(detail.with_marks_as_text()))
}

/// Approve, reject or ask for changes. Where the policy asks for more signatures the request
/// stays pending.
#[utoipa::path(
    post,
    path = "/api/v1/approvals/{id}/decide",
    tag = "approvals",
    operation_id = "decide_approval",
    params(
        ("id" = i64, Path),
        ("digest" = Option<String>, Query, description = "what was looked at"),
        ("If-Match" = Option<String>, Header, description = "the same, as \"sha256:…\""),
    ),
    request_body = Decision,
    responses(
        (status = OK, body = ApprovalDetail),
        (status = FORBIDDEN),
        (status = CONFLICT, description = "already decided, or the result has changed since"),
        (status = GONE, description = "it has expired"),
        (status = PRECONDITION_REQUIRED, description = "the answer must say what was looked at"),
    )
)]
async fn decide(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(id): Path<ApprovalId>,
    bound: Bound,
    query: Query,
    ApiJson(body): ApiJson<Decision>,
) -> Result<Json<ApprovalDetail>, Refusal> {
    let digest = bound.with(body.digest.as_deref())?;
    if digest.is_none() {
        // No client of old calls this address, so no setting lets one answer blindly here.
        let standing = history::approval_standing(&state.engine, &principal, id).await?;
        let task = standing.row.task_id;
        return Err(digest_needed(&state.engine.settings, id, task).into());
    }
    let decision = Decide {
        approval: id,
        digest,
        verdict: body.verdict,
        note: note(&query, body.note)?,
        inputs: body.inputs,
        channel: Channel::Api,
    };
    answer(&state.engine, &principal, &decision).await?;
    Ok(Json(
        history::approval(&state.engine, &principal, id).await?,
    ))
}

/// End the reminders of a request for the caller, who has seen it; it waits as before.
#[utoipa::path(
    post,
    path = "/api/v1/approvals/{id}/acknowledge",
    tag = "approvals",
    operation_id = "acknowledge_approval",
    params(("id" = i64, Path)),
    responses(
        (status = NO_CONTENT),
        (status = FORBIDDEN),
        (status = NOT_FOUND),
        (status = CONFLICT, description = "the caller's answer is not asked for"),
    )
)]
async fn acknowledge(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(id): Path<ApprovalId>,
) -> Result<StatusCode, Refusal> {
    approvals::acknowledge(&state.engine, &principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
