//! Logging in: slow for those who guess, the same answer for every wrong try.

use std::net::{IpAddr, Ipv6Addr};

use model::id::AccountId;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sqlx::PgConnection;

use super::accounts::{normalise_login, subject};
use super::{NewSession, passwords, sessions};
use crate::audit;
use crate::{Engine, Error, Result};

/// Wrong tries within the window, for one account.
const ACCOUNT_LIMIT: i64 = 10;
/// Wrong tries within the window, from one address.
const ADDRESS_LIMIT: i64 = 50;
const WINDOW_MINUTES: i32 = 15;

/// What somebody typed, and from where.
#[derive(Clone, Debug)]
pub struct LoginAttempt {
    pub login: String,
    pub password: SecretString,
    pub address: IpAddr,
    /// The session that the browser still carries: it ends with the login.
    pub previous: Option<SecretString>,
}

/// A login that went well.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    pub account: AccountId,
    pub login: String,
    pub session: NewSession,
}

/// Begins a session for the right name and password.
///
/// # Errors
/// [`Error::Unauthenticated`], in the same words and after the same time for a wrong
/// password, an unknown name and a disabled account; [`Error::TooMany`] after too many
/// wrong tries, for a while.
pub async fn login(engine: &Engine, attempt: &LoginAttempt) -> Result<LoggedIn> {
    let login = normalise_login(&attempt.login);
    // Counted before the password is looked at, so that parallel tries cannot slip past.
    let last_try = reserve(engine, login.as_deref(), Some(attempt.address)).await?;
    let stored = match &login {
        Some(login) => {
            sqlx::query!(
                "SELECT id, login, password_hash, disabled_at FROM accounts WHERE login = $1",
                login
            )
            .fetch_optional(&engine.pool)
            .await?
        }
        None => None,
    };
    let found = passwords::compare(
        &attempt.password,
        stored.as_ref().map(|row| row.password_hash.as_str()),
    )
    .await?;
    let cause = match (&stored, found) {
        (Some(row), passwords::Comparison::Right | passwords::Comparison::RightButOutdated)
            if row.disabled_at.is_none() =>
        {
            let rehash = found == passwords::Comparison::RightButOutdated;
            let account = AccountId(row.id);
            match begin(
                engine,
                attempt,
                account,
                &row.login,
                &row.password_hash,
                rehash,
            )
            .await?
            {
                Some(logged_in) => return Ok(logged_in),
                None => "changed meanwhile",
            }
        }
        (Some(_), passwords::Comparison::Right | passwords::Comparison::RightButOutdated) => {
            "disabled"
        }
        (Some(_), passwords::Comparison::Wrong) => "wrong password",
        (None, _) => "unknown name",
    };
    audit_refusal(
        engine,
        attempt.address,
        stored
            .as_ref()
            .map(|row| (AccountId(row.id), row.login.as_str())),
        cause,
        last_try,
    )
    .await?;
    Err(Error::Unauthenticated(
        "The name or the password is wrong.".to_owned(),
    ))
}

/// Removes failures that no longer count. Returns how many.
pub async fn prune(engine: &Engine) -> Result<u64> {
    let gone = sqlx::query!(
        "DELETE FROM login_failures WHERE at <= watchbill_now() - make_interval(mins => $1)",
        WINDOW_MINUTES
    )
    .execute(&engine.pool)
    .await?;
    Ok(gone.rows_affected())
}

async fn begin(
    engine: &Engine,
    attempt: &LoginAttempt,
    account: AccountId,
    login: &str,
    stored: &str,
    rehash: bool,
) -> Result<Option<LoggedIn>> {
    let fresh = if rehash {
        Some(passwords::hash(engine, &attempt.password).await?)
    } else {
        None
    };
    let mut tx = engine.pool.begin().await?;
    if let Some(previous) = &attempt.previous {
        sessions::end(&mut tx, previous.expose_secret()).await?;
    }
    let Some(session) = sessions::start(&mut tx, engine, account, stored).await? else {
        return Ok(None);
    };
    if let Some(fresh) = fresh {
        sqlx::query!(
            "UPDATE accounts SET password_hash = $1 WHERE id = $2 AND password_hash = $3",
            fresh,
            account.0,
            stored
        )
        .execute(&mut *tx)
        .await?;
    }
    forget_account(&mut tx, login).await?;
    forget_one(&mut tx, &address_subject(attempt.address)).await?;
    audit::record_as(
        &mut tx,
        login,
        Some(account),
        "session.login",
        &subject(login),
        json!({ "address": attempt.address.to_string() }),
    )
    .await?;
    tx.commit().await?;
    Ok(Some(LoggedIn {
        account,
        login: login.to_owned(),
        session,
    }))
}

/// Counts a try against the account and the address, or refuses it. Says whether it was
/// the last one that either of them had.
pub(super) async fn reserve(
    engine: &Engine,
    login: Option<&str>,
    address: Option<IpAddr>,
) -> Result<bool> {
    let subjects = [
        login.map(|login| (account_subject(login), ACCOUNT_LIMIT)),
        address.map(|address| (address_subject(address), ADDRESS_LIMIT)),
    ];
    let mut last_try = false;
    let mut tx = engine.pool.begin().await?;
    // Always the account first, then the address: two logins never wait for each other.
    for (subject, limit) in subjects.into_iter().flatten() {
        sqlx::query!(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
            subject
        )
        .execute(&mut *tx)
        .await?;
        let counted = sqlx::query!(
            r#"SELECT count(*) AS "tries!",
                      ceil(extract(epoch FROM min(at) + make_interval(mins => $2) - watchbill_now()))::bigint
                          AS retry_seconds
               FROM login_failures
               WHERE subject = $1 AND at > watchbill_now() - make_interval(mins => $2)"#,
            subject,
            WINDOW_MINUTES
        )
        .fetch_one(&mut *tx)
        .await?;
        if counted.tries >= limit {
            let retry_seconds = counted.retry_seconds.unwrap_or(1).max(1).unsigned_abs();
            return Err(Error::TooMany {
                message: format!(
                    "Too many tries went wrong. Try again in {}.",
                    minutes(retry_seconds)
                ),
                retry_seconds,
            });
        }
        last_try |= counted.tries + 1 == limit;
        sqlx::query!("INSERT INTO login_failures (subject) VALUES ($1)", subject)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(last_try)
}

/// A success clears what was counted against the account.
pub(super) async fn forget_account(connection: &mut PgConnection, login: &str) -> Result<()> {
    sqlx::query!(
        "DELETE FROM login_failures WHERE subject = $1",
        account_subject(login)
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes back one counted try. The address keeps its others: one good account must not
/// buy its owner more guesses at the rest.
async fn forget_one(connection: &mut PgConnection, subject: &str) -> Result<()> {
    sqlx::query!(
        "DELETE FROM login_failures WHERE ctid = (
             SELECT ctid FROM login_failures WHERE subject = $1 ORDER BY at DESC LIMIT 1)",
        subject
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Refusals for want of tries left are not recorded, so that a flood fills no audit;
/// the try that used the last one up says so.
async fn audit_refusal(
    engine: &Engine,
    address: IpAddr,
    account: Option<(AccountId, &str)>,
    cause: &str,
    last_try: bool,
) -> Result<()> {
    // An unknown name is not stored: it may well be a password in the wrong field.
    let target = account.map_or_else(
        || "account/(unknown)".to_owned(),
        |(_, login)| subject(login),
    );
    audit::record_as(
        &mut *engine.pool.acquire().await?,
        "anonymous",
        account.map(|(id, _)| id),
        "login.refused",
        &target,
        json!({ "address": address.to_string(), "cause": cause, "limit_reached": last_try }),
    )
    .await
}

fn account_subject(login: &str) -> String {
    format!("account:{login}")
}

/// Whoever has an IPv6 address has a /64 of them: it counts as one.
fn address_subject(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("address:{address}"),
        IpAddr::V6(address) => {
            let network = Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX));
            format!("address:{network}/64")
        }
    }
}

fn minutes(seconds: u64) -> String {
    match seconds.div_ceil(60) {
        0 | 1 => "a minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}
