//! Browsers in which an account was logged in before.
//!
//! Such a browser proves nothing: the password is asked for all the same. It is only counted
//! by itself, so that what strangers try does not keep its owner out.

use model::id::AccountId;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;

use super::secret;
use crate::{Engine, Result};

/// Browsers stop remembering a cookie after as long.
const DAYS: i32 = 400;
/// Of one account; the one that was used longest ago makes room.
const MOST: i64 = 50;

/// The digest of the browser's value, where this account was logged in in it.
pub(super) async fn known(
    engine: &Engine,
    login: Option<&str>,
    value: Option<&SecretString>,
) -> Result<Option<Vec<u8>>> {
    let (Some(login), Some(value)) = (login, value) else {
        return Ok(None);
    };
    let hash = secret::digest(value.expose_secret());
    let known = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT 1 FROM login_devices d JOIN accounts a ON a.id = d.account_id
               WHERE d.token_hash = $1 AND a.login = $2
                 AND d.last_used_at > watchbill_now() - make_interval(days => $3)) AS "known!""#,
        hash,
        login,
        DAYS
    )
    .fetch_one(&engine.readers)
    .await?;
    Ok(known.then_some(hash))
}

/// Remembers the browser after a login, and returns the value that it is to keep. A value
/// that the browser has from another account's login serves for both; one that was never
/// given out does not.
pub(super) async fn remember(
    connection: &mut PgConnection,
    engine: &Engine,
    account: AccountId,
    value: Option<&SecretString>,
) -> Result<SecretString> {
    let given_out = match value {
        Some(value) => sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM login_devices WHERE token_hash = $1) AS "known!""#,
            secret::digest(value.expose_secret())
        )
        .fetch_one(&mut *connection)
        .await?
        .then(|| value.clone()),
        None => None,
    };
    let value = given_out.unwrap_or_else(|| secret::generate(&*engine.random, ""));
    sqlx::query!(
        "INSERT INTO login_devices (token_hash, account_id) VALUES ($1, $2)
         ON CONFLICT ON CONSTRAINT login_devices_pkey DO UPDATE SET last_used_at = watchbill_now()",
        secret::digest(value.expose_secret()),
        account.0
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "DELETE FROM login_devices
         WHERE account_id = $1 AND token_hash IN (
             SELECT token_hash FROM login_devices WHERE account_id = $1
             ORDER BY last_used_at DESC, created_at DESC OFFSET $2)",
        account.0,
        MOST
    )
    .execute(connection)
    .await?;
    Ok(value)
}

/// Forgets browsers that were not used for too long. Returns how many.
pub(super) async fn prune(engine: &Engine) -> Result<u64> {
    let gone = sqlx::query!(
        "DELETE FROM login_devices WHERE last_used_at <= watchbill_now() - make_interval(days => $1)",
        DAYS
    )
    .execute(&engine.pool)
    .await?;
    Ok(gone.rows_affected())
}
