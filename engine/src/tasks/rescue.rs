//! What a dead worker held goes on elsewhere, however it died.

use model::id::TaskId;
use model::view::Outcome;

use super::AttemptResult;
use super::finish::conclude;
use super::stored::lock_tasks;
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
        "DELETE FROM leases WHERE task_id = ANY($1) AND expires_at <= watchbill_now() RETURNING task_id, attempt",
        &lapsed
    )
    .fetch_all(&mut *transaction)
    .await?;
    let lost: Vec<_> = stored
        .into_iter()
        .filter(|task| {
            taken
                .iter()
                .any(|lease| lease.task_id == task.id.0 && lease.attempt == task.attempt.0)
        })
        .map(|task| (task, AttemptResult::bare(Outcome::WorkerLost)))
        .collect();
    let rescued = lost.len() as u64;
    for (task, _) in &lost {
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
