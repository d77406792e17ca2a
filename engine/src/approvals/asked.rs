//! Whom a request is put to: everyone who could sign it now.

use anyhow::Context as _;
use model::id::{AccountId, ApprovalId};
use model::plan::{Gate, Signer};
use sqlx::PgConnection;

use super::people::{delegates, everybody};
use super::policy::remaining;
use crate::Result;

/// The accounts that may sign this pending request now, by id; nobody once it is decided.
///
/// Whoever has signed is not among them, nor who asked for the run, unless no other account
/// could sign. Those to whom any of them delegates are.
pub(crate) async fn asked(
    connection: &mut PgConnection,
    approval: ApprovalId,
) -> Result<Vec<AccountId>> {
    let request = sqlx::query!(
        "SELECT policy, requesters FROM approvals WHERE id = $1 AND state = 'pending'",
        approval.0
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(request) = request else {
        return Ok(Vec::new());
    };
    let gate: Gate = serde_json::from_value(request.policy)
        .with_context(|| format!("approvals.policy of row {approval} is not a gate"))?;
    let requesters: Vec<AccountId> = request.requesters.into_iter().map(AccountId).collect();
    let able = remaining(connection, approval, &gate, &requesters).await?;
    let own: Vec<AccountId> = able.iter().map(|person| person.account).collect();
    let acting = delegates(connection, &own).await?;
    let mut asked = own;
    asked.extend(
        acting
            .into_iter()
            .filter(|account| !requesters.contains(account)),
    );
    asked.sort_unstable();
    asked.dedup();
    Ok(asked)
}

/// The accounts that these signers name.
pub(super) async fn named(
    connection: &mut PgConnection,
    signers: &[Signer],
) -> Result<Vec<AccountId>> {
    let people = everybody(connection).await?;
    Ok(people
        .iter()
        .filter(|person| person.is_named(signers))
        .map(|person| person.account)
        .collect())
}
