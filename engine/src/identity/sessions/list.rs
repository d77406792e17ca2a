use chrono::{DateTime, Utc};
use model::browser::Browser;
use model::id::SessionId;
use model::identity::Principal;
use secrecy::ExposeSecret;

use super::{IDLE_HOURS, Origin, own};
use crate::identity::secret;
use crate::{Engine, Result};

/// A session, without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    /// The one that asks.
    pub is_present: bool,
    /// Where the login came from; none of those that began before this was kept.
    pub address: Option<String>,
    /// None where it names no browser that is known.
    pub browser: Option<Browser>,
    pub created_at: DateTime<Utc>,
    /// To the minute.
    pub last_seen_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// The live sessions of whoever asks, last used first.
///
/// # Errors
/// [`Error::Forbidden`](crate::Error::Forbidden) for whoever is not logged in as a person: a
/// token that leaked must not tell where its person is.
pub async fn list(engine: &Engine, principal: &Principal, origin: &Origin) -> Result<Vec<Session>> {
    let account = own(principal)?;
    let present = origin.session.as_ref();
    let present = present.map(|value| secret::digest(value.expose_secret()));
    let rows = sqlx::query!(
        r#"SELECT id, coalesce(token_hash = $2, false) AS "is_present!", address, user_agent,
                  created_at, last_seen_at, expires_at
           FROM sessions
           WHERE account_id = $1 AND expires_at > watchbill_now()
             AND last_seen_at > watchbill_now() - make_interval(hours => $3)
           ORDER BY 2 DESC, last_seen_at DESC, id DESC LIMIT 200"#,
        account.0,
        present,
        IDLE_HOURS
    )
    .fetch_all(&engine.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Session {
            id: SessionId(row.id),
            is_present: row.is_present,
            address: row.address,
            browser: row.user_agent.as_deref().and_then(Browser::of),
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            expires_at: row.expires_at,
        })
        .collect())
}
