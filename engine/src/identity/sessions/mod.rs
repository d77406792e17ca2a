//! Sessions of people in a browser: opaque, stored hashed, ended on the server.

mod end;
mod list;

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use model::id::AccountId;
use model::identity::{Principal, PrincipalKind};
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;

use super::roles::parse_roles;
use super::secret;
use crate::{Engine, Error, Result};

pub(super) use end::{end, end_all};
pub use end::{end_one, logout, logout_everywhere};
pub use list::{Session, list};

/// Seven days after the login a session is over, whatever happened in it; after
/// twelve hours without a request, too.
const ABSOLUTE_HOURS: i32 = 7 * 24;
const IDLE_HOURS: i32 = 12;
/// Of how a browser names itself, so much is kept.
const LONGEST_USER_AGENT: usize = 300;

/// Where a request of a person comes from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The session that the browser carries.
    pub session: Option<SecretString>,
    pub address: Option<IpAddr>,
    /// The browser in its own words.
    pub user_agent: Option<String>,
}

/// A session that has just begun. The value is shown once, to its browser.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub value: SecretString,
    pub expires_at: DateTime<Utc>,
}

/// Begins a session, unless the account was disabled or its password changed since
/// `password_hash` was read.
pub(super) async fn start(
    connection: &mut PgConnection,
    engine: &Engine,
    account: AccountId,
    password_hash: &str,
    origin: &Origin,
) -> Result<Option<NewSession>> {
    let value = secret::generate(&*engine.random, "");
    let user_agent: Option<String> = origin.user_agent.as_ref().map(|text| {
        let printable = text.chars().filter(|character| !character.is_control());
        printable.take(LONGEST_USER_AGENT).collect()
    });
    let expires_at = sqlx::query_scalar!(
        "INSERT INTO sessions (token_hash, account_id, expires_at, address, user_agent)
         SELECT $1, id, watchbill_now() + make_interval(hours => $2), $5, $6
         FROM accounts
         WHERE id = $3 AND disabled_at IS NULL AND password_hash = $4
         FOR SHARE
         RETURNING expires_at",
        secret::digest(value.expose_secret()),
        ABSOLUTE_HOURS,
        account.0,
        password_hash,
        origin
            .address
            .map(|address| address.to_canonical().to_string()),
        user_agent,
    )
    .fetch_optional(connection)
    .await?;
    Ok(expires_at.map(|expires_at| NewSession { value, expires_at }))
}

/// The person whose session it is, with today's roles; `None` when it is over or unknown.
pub async fn principal_of_session(engine: &Engine, value: &str) -> Result<Option<Principal>> {
    let hash = secret::digest(value);
    let found = sqlx::query!(
        r#"SELECT a.id, a.login, a.must_change_password,
                  array(SELECT role FROM account_roles WHERE account_id = a.id) AS "roles!",
                  s.last_seen_at < watchbill_now() - interval '1 minute' AS "stale!"
           FROM sessions s JOIN accounts a ON a.id = s.account_id
           WHERE s.token_hash = $1
             AND s.expires_at > watchbill_now()
             AND s.last_seen_at > watchbill_now() - make_interval(hours => $2)
             AND a.disabled_at IS NULL"#,
        hash,
        IDLE_HOURS
    )
    .fetch_optional(&engine.readers)
    .await?;
    let Some(found) = found else {
        return Ok(None);
    };
    if found.stale {
        sqlx::query!(
            "UPDATE sessions SET last_seen_at = watchbill_now()
             WHERE token_hash = $1 AND last_seen_at < watchbill_now() - interval '1 minute'",
            hash
        )
        .execute(&engine.pool)
        .await?;
    }
    let account = AccountId(found.id);
    Ok(Some(Principal {
        kind: if found.must_change_password {
            PrincipalKind::PendingPassword { account }
        } else {
            PrincipalKind::Session { account }
        },
        roles: parse_roles(&found.roles, found.id)?,
        name: found.login,
    }))
}

/// Removes sessions that are over. Returns how many.
pub async fn prune(engine: &Engine) -> Result<u64> {
    let gone = sqlx::query!(
        "DELETE FROM sessions
         WHERE expires_at <= watchbill_now()
            OR last_seen_at <= watchbill_now() - make_interval(hours => $1)",
        IDLE_HOURS
    )
    .execute(&engine.pool)
    .await?;
    Ok(gone.rows_affected())
}

/// The account of whoever asks about their sessions, which they do logged in.
fn own(principal: &Principal) -> Result<AccountId> {
    match &principal.kind {
        PrincipalKind::Session { account } | PrincipalKind::PendingPassword { account } => {
            Ok(*account)
        }
        PrincipalKind::PersonToken { .. }
        | PrincipalKind::StepToken { .. }
        | PrincipalKind::TrustedReporter
        | PrincipalKind::System => Err(Error::Forbidden(
            "sessions are seen and ended by their own person, logged in".to_owned(),
        )),
    }
}
