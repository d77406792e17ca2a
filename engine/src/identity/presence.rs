//! That it is the person themselves who acts, and not whoever found their browser open.

use model::id::AccountId;
use secrecy::{ExposeSecret, SecretString};

use super::limits::{self, Trying};
use super::{passwords, secret};
use crate::{Engine, Error, Result};

/// So long after a login nobody asks for the password again.
const FRESH_MINUTES: i32 = 10;

/// What a person shows besides being logged in.
#[derive(Clone, Debug, Default)]
pub struct Presence {
    pub password: Option<SecretString>,
    /// The session that the browser carries.
    pub session: Option<SecretString>,
}

/// Refuses whoever neither logged in a moment ago nor gives their password.
///
/// # Errors
/// [`Error::Invalid`] with the field `present_password`.
pub(super) async fn confirm(
    engine: &Engine,
    account: AccountId,
    presence: &Presence,
) -> Result<()> {
    if let Some(session) = &presence.session {
        let is_fresh = sqlx::query_scalar!(
            r#"SELECT EXISTS (
                   SELECT 1 FROM sessions
                   WHERE token_hash = $1 AND account_id = $2
                     AND created_at > watchbill_now() - make_interval(mins => $3)) AS "fresh!""#,
            secret::digest(session.expose_secret()),
            account.0,
            FRESH_MINUTES
        )
        .fetch_one(&engine.pool)
        .await?;
        if is_fresh {
            return Ok(());
        }
    }
    let password = presence
        .password
        .as_ref()
        .filter(|password| !password.expose_secret().is_empty())
        .ok_or_else(|| {
            Error::invalid(
                "present_password",
                format!(
                    "Write your password: you logged in more than {FRESH_MINUTES} minutes ago."
                ),
            )
        })?;
    let stored = sqlx::query!(
        "SELECT login, password_hash FROM accounts WHERE id = $1",
        account.0
    )
    .fetch_one(&engine.pool)
    .await?;
    compare(engine, &stored.login, password, &stored.password_hash).await
}

/// Refuses a password that is not the present one of whoever is logged in. Their tries are
/// counted apart from those of strangers, who must not keep them from it.
pub(super) async fn compare(
    engine: &Engine,
    login: &str,
    present: &SecretString,
    stored: &str,
) -> Result<()> {
    let trying = Trying::Present { login };
    limits::look(engine, &trying).await?;
    let place = passwords::place(false)?;
    limits::reserve(engine, &trying).await?;
    match passwords::compare(place, present, Some(stored)).await? {
        passwords::Comparison::Right | passwords::Comparison::RightButOutdated => {
            limits::succeeded(&mut *engine.pool.acquire().await?, &trying).await
        }
        passwords::Comparison::Wrong => Err(Error::invalid(
            "present_password",
            "This is not your present password.",
        )),
    }
}
