//! Changing plans: a new version, a draft tried on the past, pause and resume.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use chrono::TimeDelta;
use engine::approvals::{self, MOST_DAYS_BACK};
use engine::lifecycle;
use engine::plans::{self, PlanOrigin};
use model::id::{ApprovalId, PlanVersionId};
use model::identity::Permission;
use model::view::WhatIf;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Refusal;
use super::json;
use super::plans::{etag, known};
use super::query::{Path, Query, invalid};
use crate::auth::Authenticated;
use crate::state::AppState;

const KINDS: [&str; 5] = [
    "application/yaml",
    "application/json",
    "application/x-yaml",
    "text/yaml",
    "text/plain",
];

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(put))
        .routes(routes!(what_if))
        .routes(routes!(pause))
        .routes(routes!(resume))
}

/// The version that was stored.
#[derive(Debug, Serialize, ToSchema)]
pub struct SavedPlan {
    name: String,
    version: i32,
    version_id: PlanVersionId,
    state: VersionState,
    /// What must be approved before it takes effect.
    proposed: Vec<ProposedRequest>,
}

/// Whether a stored version is the one that runs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum VersionState {
    Effective,
    /// It asks people less than the former one, which runs until this one is signed.
    Proposed,
}

/// A request in the inbox.
#[derive(Debug, Serialize, ToSchema)]
struct ProposedRequest {
    approval: ApprovalId,
    /// Where a person decides it.
    address: String,
}

/// Store a new version of a plan, from YAML or JSON text.
#[utoipa::path(
    put,
    path = "/api/v1/plans/{name}",
    tag = "plans",
    operation_id = "put_plan",
    params(
        ("name" = String, Path),
        ("expected_version" = Option<i32>, Query, description = "the version that was edited; 0 for a new plan"),
        ("If-Match" = Option<String>, Header, description = "the same, as the ETag that was read"),
    ),
    request_body(content = String, content_type = "application/yaml"),
    responses(
        (status = OK, body = SavedPlan),
        (status = ACCEPTED, body = SavedPlan, description = "it weakens a gate and waits for a signature"),
        (status = CONFLICT, description = "somebody else stored a version meanwhile"),
    )
)]
async fn put(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(name): Path<String>,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, [(HeaderName, HeaderValue); 1], Json<SavedPlan>), Refusal> {
    let expected = expected_version(&query, &headers)?;
    let text = text(&headers, body).await?;
    let saved = lifecycle::save(
        &state.engine,
        &principal,
        &name,
        &text,
        expected,
        PlanOrigin::Api,
    )
    .await?;
    let (status, condition) = if saved.proposed.is_empty() {
        (StatusCode::OK, VersionState::Effective)
    } else {
        (StatusCode::ACCEPTED, VersionState::Proposed)
    };
    let proposed = saved.proposed.iter().map(|approval| ProposedRequest {
        approval: *approval,
        address: format!("{}/approvals/{approval}", state.config.address()),
    });
    Ok((
        status,
        [(header::ETAG, etag(saved.running))],
        Json(SavedPlan {
            name,
            version: saved.version,
            version_id: saved.version_id,
            state: condition,
            proposed: proposed.collect(),
        }),
    ))
}

async fn text(headers: &HeaderMap, body: Body) -> Result<String, Refusal> {
    let (kind, text) = json::text(headers, body, &KINDS).await?;
    if kind == "application/json" {
        // Refused here, JSON that is none gets its own words instead of those about YAML.
        json::value(text.as_bytes())?;
    }
    Ok(text)
}

/// What the gates of a draft would have done to the results of the last days.
///
/// Nothing is stored or changed. It needs the permission to edit plans, and a person has one
/// question at a time.
#[utoipa::path(
    post,
    path = "/api/v1/plans/{name}/what-if",
    tag = "plans",
    operation_id = "try_plan",
    params(
        ("name" = String, Path),
        ("days" = Option<u32>, Query, description = "1 to 400; 30 where none is given"),
    ),
    request_body(content = String, content_type = "application/yaml"),
    responses(
        (status = OK, body = WhatIf),
        (status = TOO_MANY_REQUESTS, description = "another question of the same person has no answer yet"),
    )
)]
async fn what_if(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(name): Path<String>,
    query: Query,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<WhatIf>, Refusal> {
    let days = query.number("days", 1, MOST_DAYS_BACK, 30)?;
    // Nothing is read for those who may not ask.
    engine::authorise(&principal, Permission::EditPlan)?;
    let text = text(&headers, body).await?;
    let since = state.engine.clock.now() - TimeDelta::days(days.into());
    Ok(Json(
        approvals::what_if_of_text(&state.engine, &principal, &name, &text, since).await?,
    ))
}

fn expected_version(query: &Query, headers: &HeaderMap) -> Result<Option<i32>, Refusal> {
    if let Some(text) = query.one("expected_version") {
        return text
            .parse()
            .map(Some)
            .map_err(|_| invalid("expected_version", "write the version's number").into());
    }
    let Some(given) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let text = given.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    text.trim_start_matches("W/")
        .trim_matches('"')
        .parse()
        .map(Some)
        .map_err(|_| {
            Refusal::new(
                StatusCode::BAD_REQUEST,
                "If-Match carries the ETag of the plan, its version in quotes",
            )
        })
}

/// While paused, a plan's triggers start nothing.
#[utoipa::path(
    post,
    path = "/api/v1/plans/{name}/pause",
    tag = "plans",
    operation_id = "pause_plan",
    params(("name" = String, Path)),
    responses((status = NO_CONTENT), (status = NOT_FOUND))
)]
async fn pause(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    plans::pause(&state.engine, &principal, &known(name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let a paused plan start again.
#[utoipa::path(
    post,
    path = "/api/v1/plans/{name}/resume",
    tag = "plans",
    operation_id = "resume_plan",
    params(("name" = String, Path)),
    responses((status = NO_CONTENT), (status = NOT_FOUND))
)]
async fn resume(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    plans::resume(&state.engine, &principal, &known(name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
