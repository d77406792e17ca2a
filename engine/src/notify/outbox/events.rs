//! What the generic webhook hears besides requests: written in the transaction that causes it.

use chrono::{DateTime, Utc};
use model::id::{ApprovalId, RunKey, TaskId};
use model::task::TaskState;
use model::view::StateCounts;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{Channel, OutboxMessage, enqueue};
use crate::tasks::state_of;
use crate::{Result, Settings};

/// Tells of a decision that ended its request; while other signatures are awaited, of nothing.
pub(crate) async fn approval_decided(
    conn: &mut PgConnection,
    settings: &Settings,
    approval: ApprovalId,
) -> Result<()> {
    if !Channel::Webhook.is_configured(settings) {
        return Ok(());
    }
    let row = sqlx::query!(
        r#"SELECT a.task_id, a.task_name, a.run_id, a.attempt, a.state, d.decided_by, d.note, d.channel,
                  watchbill_now() AS "at!"
           FROM approvals a JOIN decisions d ON d.approval_id = a.id
           WHERE a.id = $1 AND a.state IN ('approved', 'rejected', 'changes_requested')
           ORDER BY d.id DESC LIMIT 1"#,
        approval.0
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(()) };
    let data = json!({
        "approval_id": approval,
        "approval_url": link(settings, &format!("approvals/{approval}")),
        "task_id": row.task_id,
        "task": row.task_name,
        "run_id": row.run_id,
        "attempt": row.attempt,
        "state": row.state,
        "decided_by": row.decided_by,
        "note": row.note,
        "channel": row.channel,
    });
    let key = format!("approval/{approval}/decided");
    write(conn, "approval.decided", key, row.at, data).await
}

/// Tells of those of these tasks that have failed for good: no automatic retry follows.
pub(crate) async fn tasks_failed(
    conn: &mut PgConnection,
    settings: &Settings,
    tasks: &[TaskId],
) -> Result<()> {
    if tasks.is_empty() || !Channel::Webhook.is_configured(settings) {
        return Ok(());
    }
    let ids: Vec<i64> = tasks.iter().map(|task| task.0).collect();
    let rows = sqlx::query!(
        r#"SELECT t.id, t.name, t.attempt, t.version, t.reason, t.outputs_uri, t.log_excerpt,
                  r.run_id AS "run_id?", watchbill_now() AS "at!"
           FROM tasks t LEFT JOIN runs r ON r.id = t.run
           WHERE t.id = ANY($1) AND t.state = 'failed' ORDER BY t.id"#,
        &ids
    )
    .fetch_all(&mut *conn)
    .await?;
    for row in rows {
        let data = json!({
            "task_id": row.id,
            "task_url": link(settings, &format!("tasks/{}", row.id)),
            "task": row.name,
            "run_id": row.run_id,
            "status": "failed",
            "attempt": row.attempt,
            "reason": row.reason,
            "outputs_uri": row.outputs_uri,
            "log_excerpt": row.log_excerpt,
        });
        // The version grows with every transition: one that fails again later is told again.
        let key = format!("task/{}/failed/{}", row.id, row.version);
        write(conn, "task.failed", key, row.at, data).await?;
    }
    Ok(())
}

/// Tells of runs that have nothing open any more.
pub(crate) async fn runs_finished(
    conn: &mut PgConnection,
    settings: &Settings,
    runs: &[i64],
) -> Result<()> {
    if runs.is_empty() || !Channel::Webhook.is_configured(settings) {
        return Ok(());
    }
    let rows = sqlx::query!(
        r#"SELECT r.id, r.run_id, p.name AS "plan?", r.started_by, r.created_at, r.finished_at AS "finished_at!",
                  ARRAY(SELECT t.state FROM tasks t WHERE t.run = r.id) AS "states!", watchbill_now() AS "at!"
           FROM runs r LEFT JOIN plans p ON p.id = r.plan_id
           WHERE r.id = ANY($1) AND r.finished_at IS NOT NULL ORDER BY r.id"#,
        runs
    )
    .fetch_all(&mut *conn)
    .await?;
    for row in rows {
        let states = row.states.iter().map(|state| state_of(row.id, state));
        let counts = StateCounts::of(states.collect::<Result<Vec<TaskState>>>()?);
        let data = json!({
            "run": RunKey(row.id),
            "run_url": link(settings, &format!("runs/{}", row.id)),
            "run_id": row.run_id,
            "plan": row.plan,
            "status": counts.status(),
            "counts": counts,
            "started_by": row.started_by,
            "created_at": row.created_at,
            "finished_at": row.finished_at,
        });
        // A run that is taken up again finishes at another moment.
        let key = format!(
            "run/{}/finished/{}",
            row.id,
            row.finished_at.timestamp_micros()
        );
        write(conn, "run.finished", key, row.at, data).await?;
    }
    Ok(())
}

async fn write(
    conn: &mut PgConnection,
    kind: &str,
    dedup_key: String,
    at: DateTime<Utc>,
    data: Value,
) -> Result<()> {
    let message = OutboxMessage {
        channel: Channel::Webhook,
        dedup_key,
        // Its delivery tells nobody that a person is waited for.
        task_id: None,
        payload: super::payload::envelope(kind, at, &data),
    };
    enqueue(conn, &message).await?;
    Ok(())
}

/// An address of ours, where people know one.
pub(crate) fn link(settings: &Settings, path: &str) -> Option<String> {
    let base = settings.public_url.as_deref()?;
    Some(format!("{}/{path}", base.trim_end_matches('/')))
}
