//! Plans as they stand, and runs that a person starts of them.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use chrono::{DateTime, Utc};
use engine::{history, lifecycle};
use model::id::RunKey;
use model::view::{PlanDetail, PlanRow};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Refusal;
use super::json::OptionalJson;
use super::query::{Path, Query};
use crate::auth::Authenticated;
use crate::state::AppState;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(next))
        .routes(routes!(start))
}

/// Every plan.
#[derive(Debug, Serialize, ToSchema)]
pub struct Plans {
    items: Vec<PlanRow>,
}

/// When a plan will start.
#[derive(Debug, Serialize, ToSchema)]
pub struct NextTimes {
    items: Vec<NextTime>,
}

/// One moment.
#[derive(Debug, Serialize, ToSchema)]
pub struct NextTime {
    due_at: DateTime<Utc>,
    /// In the plan's zone, for people.
    local: String,
}

/// What starts a run.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRun {
    /// As the plan defines them.
    #[serde(default)]
    inputs: Map<String, Value>,
}

/// A run that was started.
#[derive(Debug, Serialize, ToSchema)]
pub struct StartedRun {
    key: RunKey,
    run_id: String,
}

/// All plans, by name.
#[utoipa::path(
    get,
    path = "/api/v1/plans",
    tag = "plans",
    operation_id = "list_plans",
    responses((status = OK, body = Plans))
)]
async fn list(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
) -> Result<Json<Plans>, Refusal> {
    let items = history::plans(&state.engine, &principal).await?;
    Ok(Json(Plans { items }))
}

/// One plan, its text and its next moments. The `ETag` is its version.
#[utoipa::path(
    get,
    path = "/api/v1/plans/{name}",
    tag = "plans",
    operation_id = "get_plan",
    params(("name" = String, Path)),
    responses((status = OK, body = PlanDetail), (status = NOT_FOUND))
)]
async fn get(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(name): Path<String>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<PlanDetail>), Refusal> {
    let plan = history::plan(&state.engine, &principal, &known(name)?).await?;
    Ok(([(header::ETAG, etag(plan.row.version))], Json(plan)))
}

/// A version as an entity tag.
pub fn etag(version: i32) -> HeaderValue {
    // Digits between quotes are a valid header value.
    HeaderValue::from_str(&format!("\"{version}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

/// When a plan will start.
#[utoipa::path(
    get,
    path = "/api/v1/plans/{name}/next",
    tag = "plans",
    operation_id = "get_next_times_of_plan",
    params(
        ("name" = String, Path),
        ("n" = Option<usize>, Query, description = "1 to 100; 10 where none is given"),
    ),
    responses((status = OK, body = NextTimes), (status = NOT_FOUND))
)]
async fn next(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(name): Path<String>,
    query: Query,
) -> Result<Json<NextTimes>, Refusal> {
    let count = query.number("n", 1, 100, 10)?;
    let moments = history::next_moments(&state.engine, &principal, &known(name)?, count).await?;
    let items = moments
        .into_iter()
        .map(|(due_at, local)| NextTime { due_at, local })
        .collect();
    Ok(Json(NextTimes { items }))
}

/// Start a run.
#[utoipa::path(
    post,
    path = "/api/v1/plans/{name}/runs",
    tag = "runs",
    operation_id = "start_run",
    params(("name" = String, Path)),
    request_body = Option<StartRun>,
    responses((status = CREATED, body = StartedRun), (status = NOT_FOUND))
)]
async fn start(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(name): Path<String>,
    OptionalJson(body): OptionalJson<StartRun>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<StartedRun>), Refusal> {
    let inputs = Value::Object(body.unwrap_or_default().inputs);
    let (key, run_id) = lifecycle::start(&state.engine, &principal, &known(name)?, inputs).await?;
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, format!("/api/v1/runs/{key}"))],
        Json(StartedRun { key, run_id }),
    ))
}

/// A name that a plan could have; any other names none.
pub fn known(name: String) -> Result<String, Refusal> {
    let possible = name.len() <= 64
        && name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)
        });
    if possible {
        Ok(name)
    } else {
        Err(engine::Error::NotFound("there is no plan of this name".to_owned()).into())
    }
}
