//! An address that its mail server refuses for good: nothing more goes there, and the
//! admins hear of it.

use model::id::AccountId;

use super::cause::Cause;
use super::recipient::admins;
use super::smtp::Reason;
use super::write::write;
use crate::{Engine, Result};

/// Marks the address and tells the admins, once, in one transaction.
pub(super) async fn disable(
    engine: &Engine,
    account: AccountId,
    address: &str,
    reason: &Reason,
) -> Result<()> {
    let mut transaction = engine.pool.begin().await?;
    // Another address may have been written while this one was tried.
    let at = sqlx::query_scalar!(
        r#"UPDATE accounts SET email_disabled_at = watchbill_now(), email_disabled_reason = $3
           WHERE id = $1 AND email = $2 AND email_disabled_at IS NULL
           RETURNING email_disabled_at AS "at!""#,
        account.0,
        address,
        reason.text,
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(at) = at else {
        return Ok(());
    };
    let cause = Cause::AddressDisabled {
        account,
        address: address.to_owned(),
        reason: reason.text.clone(),
        at,
    };
    let to = admins(&mut transaction).await?;
    write(&mut transaction, engine, &to, &cause).await?;
    transaction.commit().await?;
    // Neither the login, which may be the address, nor the server's words, which may repeat it.
    tracing::warn!(
        account.id = account.0,
        reply = reason.code,
        "mail to account {account} is refused for good; the address is disabled until it is written anew"
    );
    Ok(())
}
