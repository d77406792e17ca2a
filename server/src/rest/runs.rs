//! Runs with their counts.

use axum::Json;
use axum::extract::State;
use engine::{history, lifecycle};
use model::id::RunKey;
use model::view::{RunDetail, RunRow};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Refusal;
use super::query::{Path, Query, encode};
use crate::auth::Authenticated;
use crate::state::AppState;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(cancel))
        .routes(routes!(retry))
}

/// One page, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunPage {
    items: Vec<RunRow>,
    /// Null at the end.
    next_cursor: Option<String>,
}

/// One page of runs.
#[utoipa::path(
    get,
    path = "/api/v1/runs",
    tag = "runs",
    operation_id = "list_runs",
    params(
        ("plan" = Option<String>, Query),
        ("limit" = Option<u32>, Query, description = "1 to 200; 50 where none is given"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = OK, body = RunPage))
)]
async fn list(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    query: Query,
) -> Result<Json<RunPage>, Refusal> {
    let plan = query.one("plan").map(super::plans::known).transpose()?;
    let limit = query.number("limit", 1, history::LARGEST_PAGE, 50)?;
    let before = query.cursor()?;
    let page = history::runs(&state.engine, &principal, plan.as_deref(), before, limit).await?;
    Ok(Json(RunPage {
        items: page.items,
        next_cursor: page.next.map(encode),
    }))
}

/// A run with its tasks, in the plan's order.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{key}",
    tag = "runs",
    operation_id = "get_run",
    params(("key" = i64, Path)),
    responses((status = OK, body = RunDetail), (status = NOT_FOUND))
)]
async fn get(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(key): Path<RunKey>,
) -> Result<Json<RunDetail>, Refusal> {
    Ok(Json(history::run(&state.engine, &principal, key).await?))
}

/// Cancel what is still open of a run.
#[utoipa::path(
    post,
    path = "/api/v1/runs/{key}/cancel",
    tag = "runs",
    operation_id = "cancel_run",
    params(("key" = i64, Path)),
    responses((status = OK, body = RunDetail), (status = NOT_FOUND), (status = CONFLICT))
)]
async fn cancel(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(key): Path<RunKey>,
) -> Result<Json<RunDetail>, Refusal> {
    lifecycle::cancel_run(&state.engine, &principal, key).await?;
    Ok(Json(history::run(&state.engine, &principal, key).await?))
}

/// Run a run again from what failed.
#[utoipa::path(
    post,
    path = "/api/v1/runs/{key}/retry",
    tag = "runs",
    operation_id = "retry_run",
    params(("key" = i64, Path)),
    responses((status = OK, body = RunDetail), (status = NOT_FOUND), (status = CONFLICT))
)]
async fn retry(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(key): Path<RunKey>,
) -> Result<Json<RunDetail>, Refusal> {
    lifecycle::retry_failed(&state.engine, &principal, key).await?;
    Ok(Json(history::run(&state.engine, &principal, key).await?))
}
