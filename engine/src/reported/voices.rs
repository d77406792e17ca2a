//! Whose doing a report is: they asked for what comes of it, and so do not sign it.

use model::id::{AccountId, AttemptNumber, TaskId};
use model::identity::{Principal, PrincipalKind, Scope};
use sqlx::PgConnection;

use crate::Result;
use crate::tasks::digest::Digest;

/// The people behind a report.
///
/// A token whose only scope is `report` is a program's, and so is an old reporter known by its
/// address: nobody's voice. A step speaks for whoever asked for its run.
pub(super) async fn voices(
    connection: &mut PgConnection,
    principal: &Principal,
) -> Result<Vec<AccountId>> {
    match &principal.kind {
        PrincipalKind::Session { account } | PrincipalKind::PendingPassword { account } => {
            Ok(vec![*account])
        }
        PrincipalKind::PersonToken {
            account, scopes, ..
        } => {
            let only_reports = scopes.iter().all(|scope| *scope == Scope::Report);
            Ok(if only_reports {
                Vec::new()
            } else {
                vec![*account]
            })
        }
        PrincipalKind::StepToken { task, .. } => {
            let asked = sqlx::query_scalar!(
                r#"SELECT array_remove(r.requester_account_id || r.retried_by, NULL) AS "asked!"
                   FROM tasks t JOIN runs r ON r.id = t.run WHERE t.id = $1"#,
                task.0
            )
            .fetch_optional(connection)
            .await?;
            Ok(asked
                .unwrap_or_default()
                .into_iter()
                .map(AccountId)
                .collect())
        }
        PrincipalKind::TrustedReporter | PrincipalKind::System => Ok(Vec::new()),
    }
}

/// Adds them to those who reported the task before.
pub(super) async fn remember(
    connection: &mut PgConnection,
    task: TaskId,
    voices: &[AccountId],
) -> Result<()> {
    if voices.is_empty() {
        return Ok(());
    }
    let accounts: Vec<i64> = voices.iter().map(|account| account.0).collect();
    sqlx::query!(
        "UPDATE tasks SET reported_by = array(
             SELECT DISTINCT one FROM unnest(coalesce(reported_by, '{}') || $2::bigint[]) one ORDER BY one)
         WHERE id = $1 AND origin = 'reported'",
        task.0,
        &accounts
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds those who reported the task to who asked for a request that goes on waiting.
pub(super) async fn join_request(
    connection: &mut PgConnection,
    task: TaskId,
    attempt: AttemptNumber,
    digest: &Digest,
) -> Result<()> {
    sqlx::query!(
        "UPDATE approvals a SET requesters = asked.accounts,
                requester = (SELECT string_agg(p.login, ', ' ORDER BY p.id) FROM accounts p
                             WHERE p.id = ANY(asked.accounts))
         FROM approvals present
         JOIN tasks t ON t.id = present.task_id
         CROSS JOIN LATERAL (
             SELECT array(SELECT DISTINCT one FROM unnest(present.requesters || coalesce(t.reported_by, '{}')) one
                          ORDER BY one) AS accounts) asked
         WHERE a.id = present.id AND present.task_id = $1 AND present.state = 'pending'
           AND present.attempt = $2 AND present.digest = $3",
        task.0,
        attempt.0,
        digest.as_slice()
    )
    .execute(connection)
    .await?;
    Ok(())
}
