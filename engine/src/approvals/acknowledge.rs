//! Saying that one has seen a request: its reminders end for this person.

use model::id::{AccountId, ApprovalId};
use model::identity::{Permission, Principal};
use serde_json::json;
use sqlx::PgConnection;

use super::asked::asked;
use crate::audit;
use crate::{Engine, Error, Result, authorise};

/// Ends the reminders of this request for the caller. Said twice, it is as said once; the
/// request waits as before.
///
/// # Errors
/// [`Error::NotFound`] where there is no such request; [`Error::Conflict`] where the caller
/// is not asked, as after an answer.
pub async fn acknowledge(engine: &Engine, principal: &Principal, id: ApprovalId) -> Result<()> {
    authorise(principal, Permission::Decide)?;
    let account = principal
        .account()
        .ok_or_else(|| Error::Forbidden("only a person is reminded".to_owned()))?;
    let mut transaction = engine.pool.begin().await?;
    let state = sqlx::query_scalar!("SELECT state FROM approvals WHERE id = $1 FOR SHARE", id.0)
        .fetch_optional(&mut *transaction)
        .await?
        .ok_or_else(|| Error::NotFound(format!("there is no approval {id}")))?;
    if !asked(&mut transaction, id).await?.contains(&account) {
        return Err(Error::Conflict(format!(
            "nobody reminds you of approval {id}: it is {state}, and your answer is not asked for"
        )));
    }
    let first = sqlx::query!(
        "INSERT INTO acknowledgements (approval_id, account_id) VALUES ($1, $2)
         ON CONFLICT ON CONSTRAINT acknowledgements_pkey DO NOTHING",
        id.0,
        account.0
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if first == 1 {
        let subject = format!("approval/{id}");
        audit::record(
            &mut transaction,
            principal,
            "approval.acknowledge",
            &subject,
            json!({}),
        )
        .await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Who has said so of this request.
pub(crate) async fn acknowledged(
    connection: &mut PgConnection,
    approval: ApprovalId,
) -> Result<Vec<AccountId>> {
    let accounts = sqlx::query_scalar!(
        "SELECT account_id FROM acknowledgements WHERE approval_id = $1",
        approval.0
    )
    .fetch_all(connection)
    .await?;
    Ok(accounts.into_iter().map(AccountId).collect())
}
