//! The answers to requests so far.

use std::collections::HashMap;

use model::id::{AccountId, ApprovalId};
use sqlx::PgConnection;

use crate::Result;

/// An answer that counts.
pub(crate) struct Given {
    pub account: AccountId,
    /// Whose signature it was.
    pub voice: AccountId,
    pub by: String,
    pub on_behalf_of: Option<String>,
}

/// The answers to these requests so far.
pub(super) async fn given_to(
    connection: &mut PgConnection,
    approvals: &[ApprovalId],
) -> Result<HashMap<ApprovalId, Vec<Given>>> {
    let ids: Vec<i64> = approvals.iter().map(|approval| approval.0).collect();
    let rows = sqlx::query!(
        r#"SELECT approval_id, account_id, coalesce(on_behalf_of, account_id) AS "voice!", decided_by,
                  on_behalf_of_name
           FROM decisions WHERE approval_id = ANY($1) ORDER BY id"#,
        &ids
    )
    .fetch_all(connection)
    .await?;
    let mut given: HashMap<ApprovalId, Vec<Given>> = HashMap::new();
    for row in rows {
        given
            .entry(ApprovalId(row.approval_id))
            .or_default()
            .push(Given {
                account: AccountId(row.account_id),
                voice: AccountId(row.voice),
                by: row.decided_by,
                on_behalf_of: row.on_behalf_of_name,
            });
    }
    Ok(given)
}

/// The answers to one request so far.
pub(super) async fn given(
    connection: &mut PgConnection,
    approval: ApprovalId,
) -> Result<Vec<Given>> {
    let mut given = given_to(connection, &[approval]).await?;
    Ok(given.remove(&approval).unwrap_or_default())
}
