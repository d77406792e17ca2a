use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use engine::Error;
use engine::identity::accounts::{self, Account, NewAccount, PasswordChange};
use engine::lifecycle::people;
use model::id::AccountId;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::notifications::NotificationsChange;
use super::{id, words};
use crate::auth::{Authenticated, Client, cookie, origin};
use crate::rest::{ApiError, ApiJson};
use crate::state::AppState;

/// An account to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountRequest {
    /// A name or an e-mail address.
    login: String,
    /// At least 15 characters.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// Any of viewer, approver, operator, admin.
    roles: Vec<String>,
    /// Where mail goes; without one, the login where it is an address itself.
    email: Option<String>,
}

/// One change to an account: exactly one of roles, disabled, `slack_user`, password and notifications.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountChange {
    roles: Option<Vec<String>>,
    /// Ends its sessions and revokes its tokens.
    disabled: Option<bool>,
    /// The member id in Slack whose clicks count as this person's; null for none.
    #[expect(
        clippy::option_option,
        reason = "absent, null and a text are three things"
    )]
    #[serde(default, deserialize_with = "given")]
    slack_user: Option<Option<String>>,
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<SecretString>,
    /// With one's own password only.
    #[schema(value_type = Option<String>, format = Password)]
    present_password: Option<SecretString>,
    /// With a password only: ends the account's tokens with its sessions.
    end_tokens: Option<bool>,
    notifications: Option<NotificationsChange>,
}

/// A person who may log in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccountItem {
    id: i64,
    login: String,
    roles: Vec<&'static str>,
    email: Option<String>,
    created_at: DateTime<Utc>,
    disabled_at: Option<DateTime<Utc>>,
    must_change_password: bool,
    /// The member id in Slack whose clicks count as this person's.
    slack_user: Option<String>,
}

/// Accounts by login.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccountItems {
    items: Vec<AccountItem>,
}

/// Lists the accounts.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "identity", operation_id = "list_accounts",
    responses((status = 200, body = AccountItems), (status = 403, description = "needs the role admin")))]
pub(super) async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<AccountItems>, ApiError> {
    let accounts = accounts::list(&state.engine, &caller).await?;
    Ok(Json(AccountItems {
        items: accounts.into_iter().map(item).collect(),
    }))
}

/// Makes an account.
#[utoipa::path(post, path = "/api/v1/accounts", tag = "identity", operation_id = "create_account", request_body = AccountRequest,
    responses((status = 201, body = AccountItem), (status = 403, description = "needs the role admin"),
        (status = 409, description = "there is one with this login"), (status = 422, description = "a field is wrong")))]
pub(super) async fn create(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiJson(request): ApiJson<AccountRequest>,
) -> Result<Response, ApiError> {
    let new = NewAccount {
        login: request.login,
        password: request.password,
        roles: words("roles", &request.roles)?,
        email: request.email,
    };
    let id = accounts::create(&state.engine, &caller, &new).await?;
    let account = accounts::get(&state.engine, &caller, id).await?;
    Ok((StatusCode::CREATED, Json(item(account))).into_response())
}

/// Changes an account: its roles, whether it is disabled, its member id in Slack, its password, or
/// how its person is notified. A person may set their own password, with the present one, and
/// their own notifications in a session; all else needs admin.
#[utoipa::path(patch, path = "/api/v1/accounts/{id}", tag = "identity", operation_id = "change_account", request_body = AccountChange,
    params(("id" = i64, Path, description = "the account's id")),
    responses((status = 200, body = AccountItem), (status = 403, description = "needs the role admin"),
        (status = 404, description = "unknown"), (status = 409, description = "nobody could administer any more"),
        (status = 422, description = "a field is wrong")))]
pub(super) async fn change(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    client: Client,
    headers: HeaderMap,
    Path(account): Path<String>,
    ApiJson(change): ApiJson<AccountChange>,
) -> Result<Response, ApiError> {
    let (engine, account) = (&state.engine, id::<AccountId>("account", &account)?);
    if change.end_tokens.is_some() && change.password.is_none() {
        return Err(Error::invalid("end_tokens", "Tokens end with a password here.").into());
    }
    let mut session = None;
    match (
        change.roles,
        change.disabled,
        change.slack_user,
        change.password,
        change.notifications,
    ) {
        (Some(roles), None, None, None, None) => {
            people::set_roles(engine, &caller, account, &words("roles", &roles)?).await?;
        }
        (None, Some(true), None, None, None) => people::disable(engine, &caller, account).await?,
        (None, Some(false), None, None, None) => accounts::enable(engine, &caller, account).await?,
        (None, None, Some(slack_user), None, None) => {
            let slack_user = slack_user.as_deref();
            accounts::set_slack_user(engine, &caller, account, slack_user).await?;
        }
        (None, None, None, Some(password), None) => {
            let change = PasswordChange {
                present: change.present_password,
                new: password,
                end_tokens: change.end_tokens.unwrap_or(false),
                origin: origin(&client, &headers),
            };
            session = accounts::set_password(engine, &caller, account, &change).await?;
        }
        (None, None, None, None, Some(notifications)) => {
            let edit = notifications.into();
            engine::notify::set_preferences(engine, &caller, account, &edit).await?;
        }
        _ => {
            let message = "Change one thing in a request: roles, disabled, slack_user, password or notifications.";
            return Err(Error::invalid("", message).into());
        }
    }
    let changed = accounts::get(engine, &caller, account).await?;
    let mut response = Json(item(changed)).into_response();
    // The sessions ended with the old password; whoever changed it goes on in this one.
    if let Some(cookie) = session.and_then(|session| cookie::set(client.transport, &session.value))
    {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn item(account: Account) -> AccountItem {
    AccountItem {
        id: account.id.0,
        login: account.login,
        roles: account.roles.iter().map(|role| role.as_str()).collect(),
        email: account.email,
        created_at: account.created_at,
        disabled_at: account.disabled_at,
        must_change_password: account.must_change_password,
        slack_user: account.slack_user,
    }
}

/// Tells null from what is not there.
#[expect(
    clippy::option_option,
    reason = "absent, null and a text are three things"
)]
fn given<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
