//! Whom requests are put to: everyone who could sign them now.

use std::collections::HashMap;

use anyhow::Context as _;
use model::id::{AccountId, ApprovalId};
use model::plan::{Gate, Signer};
use sqlx::PgConnection;

use super::askers::askers_of;
use super::circle::{About, Circle, People};
use super::given::given_to;
use super::policy::Signature;
use crate::Result;

/// The accounts that may sign this request now; nobody once it is decided.
pub(crate) async fn asked(
    connection: &mut PgConnection,
    approval: ApprovalId,
) -> Result<Vec<AccountId>> {
    let mut asked = asked_each(connection, &[approval]).await?;
    Ok(asked.remove(&approval).unwrap_or_default())
}

/// The same of several requests, with as many questions as for one.
pub(crate) async fn asked_each(
    connection: &mut PgConnection,
    approvals: &[ApprovalId],
) -> Result<HashMap<ApprovalId, Vec<AccountId>>> {
    let people = People::read(connection).await?;
    let asked = signatures(connection, &people, approvals).await?;
    Ok(asked
        .into_iter()
        .map(|(approval, signatures)| {
            let accounts = signatures.iter().map(|signature| signature.account);
            (approval, accounts.collect())
        })
        .collect())
}

/// Those of them whose signature would be one that these signers name: their own, or that
/// of somebody for whom they act.
pub(crate) async fn asked_among(
    connection: &mut PgConnection,
    approval: ApprovalId,
    signers: &[Signer],
) -> Result<Vec<AccountId>> {
    let people = People::read(connection).await?;
    let mut asked = signatures(connection, &people, &[approval]).await?;
    Ok(asked
        .remove(&approval)
        .unwrap_or_default()
        .into_iter()
        .filter(|signature| people.are_named(signature.voice(), signers))
        .map(|signature| signature.account)
        .collect())
}

/// Every signature that could be given now, by request; none for a decided one.
async fn signatures(
    connection: &mut PgConnection,
    people: &People,
    approvals: &[ApprovalId],
) -> Result<HashMap<ApprovalId, Vec<Signature>>> {
    in_circles(connection, people, approvals, |_, circle| circle.asked()).await
}

/// Asks something of the people around each of these requests; nothing around decided ones.
pub(super) async fn in_circles<T>(
    connection: &mut PgConnection,
    people: &People,
    approvals: &[ApprovalId],
    ask: impl Fn(&Gate, &Circle<'_>) -> T,
) -> Result<HashMap<ApprovalId, T>> {
    let ids: Vec<i64> = approvals.iter().map(|approval| approval.0).collect();
    let requests = sqlx::query!(
        "SELECT id, policy, requesters FROM approvals WHERE id = ANY($1) AND state = 'pending'",
        &ids
    )
    .fetch_all(&mut *connection)
    .await?;
    let given = given_to(connection, approvals).await?;
    let askers = askers_of(connection, approvals).await?;
    requests
        .into_iter()
        .map(|request| {
            let approval = ApprovalId(request.id);
            let gate: Gate = serde_json::from_value(request.policy)
                .with_context(|| format!("approvals.policy of row {approval} is not a gate"))?;
            let requesters: Vec<AccountId> =
                request.requesters.into_iter().map(AccountId).collect();
            let about = About {
                gate: &gate,
                requesters: &requesters,
                askers: askers.get(&approval).map_or(&[][..], Vec::as_slice),
                given: given.get(&approval).map_or(&[][..], Vec::as_slice),
            };
            Ok((approval, ask(&gate, &Circle::new(people, about))))
        })
        .collect()
}
