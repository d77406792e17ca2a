use model::id::{AccountId, TokenId};
use model::identity::{Permission, Principal, PrincipalKind};
use serde_json::json;
use sqlx::PgConnection;

use crate::audit;
use crate::{Engine, Error, Result};

/// Ends a token. A person may end their own, a token itself, an administrator any.
/// Again is no error.
pub async fn revoke(engine: &Engine, principal: &Principal, id: TokenId) -> Result<()> {
    let mut tx = engine.pool.begin().await?;
    let token = sqlx::query!(
        "SELECT name, account_id, revoked_at FROM tokens
         WHERE id = $1 AND account_id IS NOT NULL FOR UPDATE",
        id.0
    )
    .fetch_optional(&mut *tx)
    .await?;
    let owner = token.as_ref().and_then(|token| token.account_id);
    let allowed = principal.may(Permission::Administer)
        || match &principal.kind {
            PrincipalKind::Session { account } | PrincipalKind::PendingPassword { account } => {
                owner == Some(account.0)
            }
            PrincipalKind::PersonToken { token, .. } => *token == id,
            PrincipalKind::StepToken { .. }
            | PrincipalKind::TrustedReporter
            | PrincipalKind::System => false,
        };
    // Another's token is as unknown to the caller as one that never was.
    let token = token
        .filter(|_| allowed)
        .ok_or_else(|| Error::NotFound(format!("there is no token {id}")))?;
    if token.revoked_at.is_some() {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE tokens SET revoked_at = watchbill_now() WHERE id = $1 AND revoked_at IS NULL",
        id.0
    )
    .execute(&mut *tx)
    .await?;
    audit::record(
        &mut tx,
        principal,
        "token.revoke",
        &format!("token/{id}"),
        json!({ "name": token.name, "account": owner }),
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Ends every token of the account. Returns how many.
pub(crate) async fn end_all(connection: &mut PgConnection, account: AccountId) -> Result<u64> {
    let ended = sqlx::query!(
        "UPDATE tokens SET revoked_at = watchbill_now() WHERE account_id = $1 AND revoked_at IS NULL",
        account.0
    )
    .execute(connection)
    .await?;
    Ok(ended.rows_affected())
}

/// Removes the tokens of steps whose attempt is over. Returns how many.
pub async fn prune(engine: &Engine) -> Result<u64> {
    let gone = sqlx::query!(
        "DELETE FROM tokens t
         WHERE t.task_id IS NOT NULL
           AND t.created_at < watchbill_now() - interval '1 hour'
           AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.task_id = t.task_id AND l.attempt = t.attempt)"
    )
    .execute(&engine.pool)
    .await?;
    Ok(gone.rows_affected())
}
