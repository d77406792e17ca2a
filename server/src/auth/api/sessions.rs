use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use engine::identity::sessions::{self, Session};
use model::browser::Browser;
use serde::Serialize;
use utoipa::ToSchema;

use super::id;
use crate::auth::{Authenticated, Client, origin};
use crate::rest::ApiError;
use crate::state::AppState;

/// Where somebody is logged in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionItem {
    id: i64,
    /// The one that asks.
    is_present: bool,
    /// Where the login came from.
    address: Option<String>,
    /// As it names itself; null where that is no browser that is known.
    browser: Option<Browser>,
    created_at: DateTime<Utc>,
    /// To the minute.
    last_seen_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// Sessions, the present one first, then by their last use.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionItems {
    items: Vec<SessionItem>,
}

/// Lists one's own sessions, in a session.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "identity", operation_id = "list_sessions",
    responses((status = 200, body = SessionItems), (status = 401, description = "nobody is logged in"),
        (status = 403, description = "asked by a token")))]
pub(super) async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    client: Client,
    headers: HeaderMap,
) -> Result<Json<SessionItems>, ApiError> {
    let items = sessions::list(&state.engine, &caller, &origin(&client, &headers)).await?;
    Ok(Json(SessionItems {
        items: items.into_iter().map(item).collect(),
    }))
}

/// Ends one of one's own sessions, in a session.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "identity", operation_id = "end_session",
    params(("id" = i64, Path, description = "the session's id")),
    responses((status = 204, description = "it is over"), (status = 403, description = "asked by a token"),
        (status = 404, description = "unknown, over, or another's")))]
pub(super) async fn end(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(session): Path<String>,
) -> Result<StatusCode, ApiError> {
    sessions::end_one(&state.engine, &caller, id("session", &session)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn item(session: Session) -> SessionItem {
    SessionItem {
        id: session.id.0,
        is_present: session.is_present,
        address: session.address,
        browser: session.browser,
        created_at: session.created_at,
        last_seen_at: session.last_seen_at,
        expires_at: session.expires_at,
    }
}
