//! Sessions of people in a browser: opaque, stored hashed, ended on the server.

use chrono::{DateTime, Utc};
use model::id::AccountId;
use model::identity::{Principal, PrincipalKind};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sqlx::PgConnection;

use super::roles::parse_roles;
use super::secret;
use crate::audit;
use crate::{Engine, Error, Result};

/// Seven days after the login a session is over, whatever happened in it; after
/// twelve hours without a request, too.
const ABSOLUTE_HOURS: i32 = 7 * 24;
const IDLE_HOURS: i32 = 12;

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
) -> Result<Option<NewSession>> {
    let value = secret::generate(&*engine.random, "");
    let expires_at = sqlx::query_scalar!(
        "INSERT INTO sessions (token_hash, account_id, expires_at)
         SELECT $1, id, watchbill_now() + make_interval(hours => $2)
         FROM accounts
         WHERE id = $3 AND disabled_at IS NULL AND password_hash = $4
         FOR SHARE
         RETURNING expires_at",
        secret::digest(value.expose_secret()),
        ABSOLUTE_HOURS,
        account.0,
        password_hash
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

/// Ends the session, as its person asked. Says whether there was one.
pub async fn logout(engine: &Engine, value: &str) -> Result<bool> {
    let mut tx = engine.pool.begin().await?;
    let ended = end(&mut tx, value).await?;
    if let Some((account, login)) = &ended {
        audit::record_as(
            &mut tx,
            login,
            Some(*account),
            "session.logout",
            &super::accounts::subject(login),
            json!({}),
        )
        .await?;
    }
    tx.commit().await?;
    Ok(ended.is_some())
}

/// Ends every session of whoever asks, the one that asks included. Returns how many.
///
/// # Errors
/// [`Error::Forbidden`] for whoever is not logged in as a person: a token that leaked
/// must not be able to lock its person out.
pub async fn logout_everywhere(engine: &Engine, principal: &Principal) -> Result<u64> {
    let account = match &principal.kind {
        PrincipalKind::Session { account } | PrincipalKind::PendingPassword { account } => *account,
        PrincipalKind::PersonToken { .. }
        | PrincipalKind::StepToken { .. }
        | PrincipalKind::TrustedReporter
        | PrincipalKind::System => {
            return Err(Error::Forbidden(
                "sessions are ended by their own person, logged in".to_owned(),
            ));
        }
    };
    let mut tx = engine.pool.begin().await?;
    let ended = end_all(&mut tx, account).await?;
    audit::record(
        &mut tx,
        principal,
        "session.logout_everywhere",
        &super::accounts::subject(&principal.name),
        json!({ "sessions": ended }),
    )
    .await?;
    tx.commit().await?;
    Ok(ended)
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

pub(super) async fn end(
    connection: &mut PgConnection,
    value: &str,
) -> Result<Option<(AccountId, String)>> {
    let ended = sqlx::query!(
        "DELETE FROM sessions s USING accounts a
         WHERE s.token_hash = $1 AND a.id = s.account_id
         RETURNING a.id, a.login",
        secret::digest(value)
    )
    .fetch_optional(connection)
    .await?;
    Ok(ended.map(|row| (AccountId(row.id), row.login)))
}

pub(super) async fn end_all(connection: &mut PgConnection, account: AccountId) -> Result<u64> {
    let ended = sqlx::query!("DELETE FROM sessions WHERE account_id = $1", account.0)
        .execute(connection)
        .await?;
    Ok(ended.rows_affected())
}
