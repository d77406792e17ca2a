//! The audit: who did what to what. Rows are only ever added.

use model::id::AccountId;
use model::identity::Principal;
use serde_json::Value;
use sqlx::PgConnection;

use crate::Result;

/// Appends a row in the transaction of what it records.
///
/// `action` is noun.verb, such as `approval.decide`; `subject` is what it was done to,
/// such as `task/12`. `details` is an object and holds no secret.
pub(crate) async fn record(
    connection: &mut PgConnection,
    principal: &Principal,
    action: &str,
    subject: &str,
    details: Value,
) -> Result<()> {
    record_as(
        connection,
        &principal.name,
        principal.account(),
        action,
        subject,
        details,
    )
    .await
}

/// The same where nobody is recognised yet: a login, or one that was refused.
pub(crate) async fn record_as(
    connection: &mut PgConnection,
    actor: &str,
    account: Option<AccountId>,
    action: &str,
    subject: &str,
    details: Value,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO audit (actor, account_id, action, subject, details) VALUES ($1, $2, $3, $4, $5)",
        actor,
        account.map(|id| id.0),
        action,
        subject,
        details,
    )
    .execute(connection)
    .await?;
    Ok(())
}
