use model::id::{AccountId, SessionId};
use model::identity::Principal;
use serde_json::json;
use sqlx::PgConnection;

use super::own;
use crate::audit;
use crate::identity::accounts::subject;
use crate::identity::{secret, tokens};
use crate::{Engine, Error, Result};

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
            &subject(login),
            json!({}),
        )
        .await?;
    }
    tx.commit().await?;
    Ok(ended.is_some())
}

/// Ends every session of whoever asks, the one that asks included, and their tokens where
/// they want it. Returns how many sessions there were.
///
/// # Errors
/// [`Error::Forbidden`] for whoever is not logged in as a person: a token that leaked
/// must not be able to lock its person out.
pub async fn logout_everywhere(
    engine: &Engine,
    principal: &Principal,
    end_tokens: bool,
) -> Result<u64> {
    let account = own(principal)?;
    let mut tx = engine.pool.begin().await?;
    let ended = end_all(&mut tx, account).await?;
    let tokens = if end_tokens {
        tokens::end_all(&mut tx, account).await?
    } else {
        0
    };
    audit::record(
        &mut tx,
        principal,
        "session.logout_everywhere",
        &subject(&principal.name),
        json!({ "sessions": ended, "tokens_ended": tokens }),
    )
    .await?;
    tx.commit().await?;
    Ok(ended)
}

/// Ends one session of whoever asks.
///
/// # Errors
/// [`Error::NotFound`] where there is none, or it is another's; [`Error::Forbidden`] for
/// whoever is not logged in as a person.
pub async fn end_one(engine: &Engine, principal: &Principal, id: SessionId) -> Result<()> {
    let account = own(principal)?;
    let mut tx = engine.pool.begin().await?;
    let ended = sqlx::query!(
        "DELETE FROM sessions WHERE id = $1 AND account_id = $2",
        id.0,
        account.0
    )
    .execute(&mut *tx)
    .await?;
    if ended.rows_affected() != 1 {
        return Err(Error::NotFound(format!("there is no session {id}")));
    }
    audit::record(
        &mut tx,
        principal,
        "session.end",
        &subject(&principal.name),
        json!({ "session": id.0 }),
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

pub(in crate::identity) async fn end(
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

pub(in crate::identity) async fn end_all(
    connection: &mut PgConnection,
    account: AccountId,
) -> Result<u64> {
    let ended = sqlx::query!("DELETE FROM sessions WHERE account_id = $1", account.0)
        .execute(connection)
        .await?;
    Ok(ended.rows_affected())
}
