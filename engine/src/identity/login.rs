//! Logging in: slow for those who guess, the same answer for every wrong try.

use std::net::IpAddr;

use model::id::AccountId;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::accounts::{normalise_login, subject};
use super::limits::{self, Trying};
use super::{NewSession, Origin, devices, passwords, sessions};
use crate::audit;
use crate::{Engine, Error, Result};

/// What somebody typed, and from where.
#[derive(Clone, Debug)]
pub struct LoginAttempt {
    pub login: String,
    pub password: SecretString,
    pub address: IpAddr,
    /// The session that the browser still carries: it ends with the login.
    pub previous: Option<SecretString>,
    /// The browser in its own words.
    pub user_agent: Option<String>,
    /// What an earlier login gave the browser to be known by.
    pub device: Option<SecretString>,
}

/// A login that went well.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    pub account: AccountId,
    pub login: String,
    pub session: NewSession,
    /// What the browser is to be known by from now on.
    pub device: SecretString,
}

/// Begins a session for the right name and password.
///
/// # Errors
/// [`Error::Unauthenticated`], in the same words and after the same time for a wrong
/// password, an unknown name and a disabled account; [`Error::TooMany`] after too many
/// wrong tries, for a while, and for a moment where too many log in at once.
pub async fn login(engine: &Engine, attempt: &LoginAttempt) -> Result<LoggedIn> {
    let login = normalise_login(&attempt.login);
    let known = devices::known(engine, login.as_deref(), attempt.device.as_ref()).await?;
    let trying = match (&login, &known) {
        (Some(login), Some(device)) => Trying::Known { login, device },
        (login, _) => Trying::Stranger {
            login: login.as_deref(),
            address: attempt.address,
        },
    };
    limits::look(engine, &trying).await?;
    // Before the try is counted: whoever finds no place has not used one up.
    let place = passwords::place(known.is_none())?;
    let last_try = limits::reserve(engine, &trying).await?;
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
        place,
        &attempt.password,
        stored.as_ref().map(|row| row.password_hash.as_str()),
    )
    .await?;
    let cause = match (&stored, found) {
        (Some(row), passwords::Comparison::Right | passwords::Comparison::RightButOutdated)
            if row.disabled_at.is_none() =>
        {
            let right = Right {
                account: AccountId(row.id),
                login: &row.login,
                stored: &row.password_hash,
                is_outdated: found == passwords::Comparison::RightButOutdated,
            };
            match begin(engine, attempt, &trying, &right).await? {
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

/// Removes tries that no longer count and browsers that nobody uses. Returns how many.
pub async fn prune(engine: &Engine) -> Result<u64> {
    Ok(limits::prune(engine).await? + devices::prune(engine).await?)
}

/// The account whose password was right.
struct Right<'a> {
    account: AccountId,
    login: &'a str,
    stored: &'a str,
    is_outdated: bool,
}

async fn begin(
    engine: &Engine,
    attempt: &LoginAttempt,
    trying: &Trying<'_>,
    right: &Right<'_>,
) -> Result<Option<LoggedIn>> {
    let Right {
        account,
        login,
        stored,
        is_outdated,
    } = *right;
    let fresh = if is_outdated {
        match passwords::hash(engine, &attempt.password).await {
            Ok(fresh) => Some(fresh),
            // Put off to a login when fewer wait.
            Err(Error::TooMany { .. }) => None,
            Err(error) => return Err(error),
        }
    } else {
        None
    };
    let origin = Origin {
        session: None,
        address: Some(attempt.address),
        user_agent: attempt.user_agent.clone(),
    };
    let mut tx = engine.pool.begin().await?;
    if let Some(previous) = &attempt.previous {
        sessions::end(&mut tx, previous.expose_secret()).await?;
    }
    let Some(session) = sessions::start(&mut tx, engine, account, stored, &origin).await? else {
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
    limits::succeeded(&mut tx, trying).await?;
    let device = devices::remember(&mut tx, engine, account, attempt.device.as_ref()).await?;
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
        device,
    }))
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
