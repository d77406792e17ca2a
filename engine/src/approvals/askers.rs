//! Those who asked for the changes that a request is about.

use std::collections::HashMap;

use model::id::{AccountId, ApprovalId};
use sqlx::PgConnection;

use crate::Result;

/// Somebody whose words an attempt was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asker {
    /// Who wrote them.
    pub account: AccountId,
    /// In whose name.
    pub voice: AccountId,
    /// The first request of a task is round 1.
    pub round: u32,
}

impl Asker {
    /// Whether this account wrote them, or has had them written.
    pub fn is(&self, account: AccountId) -> bool {
        self.account == account || self.voice == account
    }
}

/// Who asked for changes since a person last started the task, the newest first.
///
/// Each round ends with one answer, so the newest of them is what the present attempt was
/// given. A request whose task nobody asked to change has none.
pub(super) async fn askers_of(
    connection: &mut PgConnection,
    approvals: &[ApprovalId],
) -> Result<HashMap<ApprovalId, Vec<Asker>>> {
    let ids: Vec<i64> = approvals.iter().map(|approval| approval.0).collect();
    let rows = sqlx::query!(
        r#"SELECT a.id, asked.account_id AS "account_id!", asked.voice AS "voice!", asked.round AS "round!"
           FROM approvals a JOIN tasks t ON t.id = a.task_id
           CROSS JOIN LATERAL (
               SELECT d.account_id, coalesce(d.on_behalf_of, d.account_id) AS voice,
                      t.change_round + 1 - row_number() OVER (ORDER BY d.id DESC) AS round
               FROM approvals e JOIN decisions d ON d.approval_id = e.id
               WHERE e.task_id = a.task_id AND e.id < a.id AND e.state = 'changes_requested'
                 AND d.verdict = 'request_changes') asked
           WHERE a.id = ANY($1) AND t.change_round > 0 AND asked.round > 0
           ORDER BY a.id, asked.round DESC"#,
        &ids
    )
    .fetch_all(connection)
    .await?;
    let mut askers: HashMap<ApprovalId, Vec<Asker>> = HashMap::new();
    for row in rows {
        askers.entry(ApprovalId(row.id)).or_default().push(Asker {
            account: AccountId(row.account_id),
            voice: AccountId(row.voice),
            round: u32::try_from(row.round).unwrap_or(u32::MAX),
        });
    }
    Ok(askers)
}
