//! Who may sign for whom: groups and delegations.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use engine::approvals::delegations::{self, NewDelegation};
use engine::approvals::groups;
use engine::lifecycle::people;
use model::id::DelegationId;
use model::view::{DelegationRow, GroupRow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Refusal;
use super::json::ApiJson;
use super::query::Path;
use crate::auth::Authenticated;
use crate::state::AppState;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_groups))
        .routes(routes!(put_group, delete_group))
        .routes(routes!(list_delegations, create_delegation))
        .routes(routes!(revoke_delegation))
}

/// Who belongs to a group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Members {
    /// Logins; they take the place of those before.
    members: Vec<String>,
}

/// Who may sign in the caller's place, and for how long.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Delegate {
    /// A login.
    to: String,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    note: Option<String>,
}

/// What was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct Delegated {
    id: DelegationId,
}

/// Every group with its members.
#[utoipa::path(
    get,
    path = "/api/v1/groups",
    tag = "approvals",
    operation_id = "list_groups",
    responses((status = OK, body = Vec<GroupRow>))
)]
async fn list_groups(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
) -> Result<Json<Vec<GroupRow>>, Refusal> {
    Ok(Json(groups::list(&state.engine, &principal).await?))
}

/// Make a group, or give it other members.
#[utoipa::path(
    put,
    path = "/api/v1/groups/{name}",
    tag = "approvals",
    operation_id = "put_group",
    params(("name" = String, Path)),
    request_body = Members,
    responses((status = OK, body = GroupRow), (status = FORBIDDEN), (status = UNPROCESSABLE_ENTITY))
)]
async fn put_group(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(name): Path<String>,
    ApiJson(body): ApiJson<Members>,
) -> Result<Json<GroupRow>, Refusal> {
    Ok(Json(
        people::put_group(&state.engine, &principal, &name, &body.members).await?,
    ))
}

/// Remove a group that no request waits for.
#[utoipa::path(
    delete,
    path = "/api/v1/groups/{name}",
    tag = "approvals",
    operation_id = "delete_group",
    params(("name" = String, Path)),
    responses((status = NO_CONTENT), (status = NOT_FOUND), (status = CONFLICT))
)]
async fn delete_group(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    groups::delete(&state.engine, &principal, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The caller's own delegations, from and to; all of them for an admin.
#[utoipa::path(
    get,
    path = "/api/v1/delegations",
    tag = "approvals",
    operation_id = "list_delegations",
    responses((status = OK, body = Vec<DelegationRow>))
)]
async fn list_delegations(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
) -> Result<Json<Vec<DelegationRow>>, Refusal> {
    Ok(Json(delegations::list(&state.engine, &principal).await?))
}

/// Let a colleague sign in the caller's place for a while.
#[utoipa::path(
    post,
    path = "/api/v1/delegations",
    tag = "approvals",
    operation_id = "create_delegation",
    request_body = Delegate,
    responses((status = CREATED, body = Delegated), (status = FORBIDDEN), (status = UNPROCESSABLE_ENTITY))
)]
async fn create_delegation(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    ApiJson(body): ApiJson<Delegate>,
) -> Result<(StatusCode, Json<Delegated>), Refusal> {
    let new = NewDelegation {
        to: body.to,
        starts_at: body.starts_at,
        ends_at: body.ends_at,
        note: body.note,
    };
    let id = delegations::create(&state.engine, &principal, &new).await?;
    Ok((StatusCode::CREATED, Json(Delegated { id })))
}

/// End a delegation now; what was signed under it stays.
#[utoipa::path(
    delete,
    path = "/api/v1/delegations/{id}",
    tag = "approvals",
    operation_id = "revoke_delegation",
    params(("id" = i64, Path)),
    responses((status = NO_CONTENT), (status = NOT_FOUND))
)]
async fn revoke_delegation(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(id): Path<DelegationId>,
) -> Result<StatusCode, Refusal> {
    people::revoke_delegation(&state.engine, &principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
