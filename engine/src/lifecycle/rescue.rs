//! What a dead worker held goes on elsewhere, however it died.

use model::id::TaskId;
use model::task::Outcome;

use super::finish::conclude;
use crate::tasks::{AttemptResult, lock_tasks, open_attempt};
use crate::{Engine, Result};

/// How many lapsed leases one pass takes back.
const BATCH: i64 = 100;

/// Takes lapsed leases back; returns how many.
///
/// A task that was claimed and never renewed is found like any other: what
/// counts is the lease's end, which the claim itself wrote.
pub async fn rescue(engine: &Engine) -> Result<u64> {
    let mut transaction = engine.begin_planned().await?;
    let lapsed = sqlx::query_scalar!(
        "SELECT task_id FROM leases WHERE expires_at <= watchbill_now() ORDER BY expires_at LIMIT $1",
        BATCH
    )
    .fetch_all(&mut *transaction)
    .await?;
    if lapsed.is_empty() {
        return Ok(0);
    }
    let ids: Vec<TaskId> = lapsed.iter().copied().map(TaskId).collect();
    let stored = lock_tasks(&mut transaction, &ids).await?;
    // Asked again under the locks: another rescuer, or a late renewal, may have been first.
    let taken = sqlx::query!(
        r#"DELETE FROM leases WHERE task_id = ANY($1) AND expires_at <= watchbill_now()
           RETURNING task_id, attempt, token, worker_id, worker_name, claimed_at,
               extract(epoch FROM watchbill_now() - claimed_at)::float8 AS "seconds!", output_bytes, omitted_bytes"#,
        &lapsed
    )
    .fetch_all(&mut *transaction)
    .await?;
    // The version before this one opens an attempt when it claims. One whose lease was
    // renewed meanwhile is still its to close.
    let taken_ids: Vec<i64> = taken.iter().map(|lease| lease.task_id).collect();
    sqlx::query!(
        "DELETE FROM attempts WHERE task_id = ANY($1) AND finished_at IS NULL",
        &taken_ids
    )
    .execute(&mut *transaction)
    .await?;
    let lost: Vec<_> = stored
        .into_iter()
        .filter_map(|task| {
            let lease = taken
                .iter()
                .find(|lease| lease.task_id == task.id.0 && lease.attempt == task.attempt.0)?;
            let result = AttemptResult::bare(Outcome::WorkerLost);
            Some((task, open_attempt!(lease), result))
        })
        .collect();
    let rescued = lost.len() as u64;
    for (task, _, _) in &lost {
        tracing::warn!(
            task.id = task.id.0,
            "the worker of task {} ({}) was lost",
            task.id,
            task.name
        );
    }
    conclude(engine, &mut transaction, "rescuer", lost).await?;
    transaction.commit().await?;
    if rescued > 0 {
        engine.hint_ready();
    }
    Ok(rescued)
}
