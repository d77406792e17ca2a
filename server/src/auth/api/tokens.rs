use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use engine::Error;
use engine::identity::Presence;
use engine::identity::tokens::{self, NewToken, Token};
use engine::lifecycle::people;
use model::id::AccountId;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{id, words};
use crate::auth::{Authenticated, Client, origin};
use crate::rest::{ApiError, ApiJson};
use crate::state::AppState;

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenRequest {
    /// What it is for.
    name: String,
    /// Any of read, report, run, plans, decide, admin.
    scopes: Vec<String>,
    /// After how many days it ends, 1 to 3650; 90, where it is absent.
    lifetime_days: Option<u32>,
    /// For decide and admin, where the login is more than ten minutes ago.
    #[schema(value_type = Option<String>, format = Password)]
    present_password: Option<SecretString>,
}

/// A token that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreatedToken {
    id: i64,
    /// Shown this once; send it as `Authorization: Bearer`.
    token: String,
    expires_at: DateTime<Utc>,
}

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenItem {
    id: i64,
    name: String,
    account: i64,
    login: String,
    scopes: Vec<&'static str>,
    created_at: DateTime<Utc>,
    /// Null for those that were made before tokens had to end.
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    /// To the minute.
    last_used_at: Option<DateTime<Utc>>,
}

/// Tokens, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenItems {
    items: Vec<TokenItem>,
}

/// Whose tokens.
#[derive(Debug, Deserialize)]
pub(super) struct TokenQuery {
    /// An account's id, or `all`; one's own where it is absent.
    account: Option<String>,
}

/// Lists tokens: one's own, or others' for who administers.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "identity", operation_id = "list_tokens", params(("account" = Option<String>, Query, description = "an account's id, or `all`; one's own where it is absent")),
    responses((status = 200, body = TokenItems), (status = 401, description = "nobody is logged in"),
        (status = 403, description = "others' tokens need the role admin")))]
pub(super) async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    query: Result<Query<TokenQuery>, QueryRejection>,
) -> Result<Json<TokenItems>, ApiError> {
    let Query(query) = query.map_err(|rejection| Error::invalid("", rejection.body_text()))?;
    let account = match query.account.as_deref() {
        None => caller.account(),
        Some("all") => None,
        Some(text) => Some(AccountId(text.parse().map_err(|_| {
            Error::invalid("account", "Write an account's id, or all.")
        })?)),
    };
    let items = tokens::list(&state.engine, &caller, account).await?;
    Ok(Json(TokenItems {
        items: items.into_iter().map(item).collect(),
    }))
}

/// Makes a token for oneself, in a session. One that decides or administers asks for the
/// password, unless one logged in within the last ten minutes.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "identity", operation_id = "create_token", request_body = TokenRequest,
    responses((status = 201, body = CreatedToken), (status = 403, description = "made by a token"),
        (status = 422, description = "a field is wrong")))]
pub(super) async fn create(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    client: Client,
    headers: HeaderMap,
    ApiJson(request): ApiJson<TokenRequest>,
) -> Result<Response, ApiError> {
    let account = caller
        .account()
        .ok_or_else(|| Error::Forbidden("only a person has tokens of their own".to_owned()))?;
    let new = NewToken {
        name: request.name,
        scopes: words("scopes", &request.scopes)?,
        lifetime_days: request.lifetime_days,
    };
    let presence = Presence {
        password: request.present_password,
        session: origin(&client, &headers).session,
    };
    let issued = people::create_token(&state.engine, &caller, account, &new, &presence).await?;
    let body = CreatedToken {
        id: issued.id.0,
        token: issued.value.expose_secret().to_owned(),
        expires_at: issued.expires_at,
    };
    let unstored = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, unstored, Json(body)).into_response())
}

/// Revokes a token; again is no error.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "identity", operation_id = "revoke_token",
    params(("id" = i64, Path, description = "the token's id")),
    responses((status = 204, description = "it is not honoured any more"),
        (status = 404, description = "unknown, or another's")))]
pub(super) async fn revoke(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(token): Path<String>,
) -> Result<StatusCode, ApiError> {
    tokens::revoke(&state.engine, &caller, id("token", &token)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn item(token: Token) -> TokenItem {
    TokenItem {
        id: token.id.0,
        name: token.name,
        account: token.account.0,
        login: token.login,
        scopes: token.scopes.iter().map(|scope| scope.as_str()).collect(),
        created_at: token.created_at,
        expires_at: token.expires_at,
        revoked_at: token.revoked_at,
        last_used_at: token.last_used_at,
    }
}
