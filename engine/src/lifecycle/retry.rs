//! Retrying a run from what failed.

use model::id::{RunKey, TaskId};
use model::identity::{Permission, Principal};
use model::task::{TaskEvent, TaskState};
use serde_json::json;

use super::{entry, reset, settle, versions};
use crate::tasks::{Move, StoredTask, lock_tasks, write_moves};
use crate::{Engine, Error, Result, audit, plans};

/// Retries what failed or was cancelled, and what was left out because of it.
///
/// What succeeded keeps its result. Everything else waits again for those
/// before it, so that the order and the conditions of the plan hold as in a
/// first run. Returns how many tasks are tried again.
///
/// # Errors
/// [`Error::Conflict`] while something is still open, or where nothing failed.
pub async fn retry_failed(engine: &Engine, principal: &Principal, run: RunKey) -> Result<u64> {
    crate::authorise(principal, Permission::Run)?;
    let mut transaction = engine.pool.begin().await?;
    let row = sqlx::query!(
        "SELECT run_id, plan_id, finished_at FROM runs WHERE id = $1 FOR UPDATE",
        run.0
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or_else(|| Error::NotFound(format!("there is no run {run}")))?;
    if row.plan_id.is_none() {
        return Err(Error::Conflict(format!(
            "run {} belongs to an outside orchestrator; retry it there",
            row.run_id
        )));
    }
    if row.finished_at.is_none() {
        return Err(Error::Conflict(format!(
            "run {} is still going; cancel it or wait for its end",
            row.run_id
        )));
    }
    plans::refuse_held_of_run(&mut transaction, run).await?;
    versions::refuse_laxer(engine, &mut transaction, run).await?;
    let ids = sqlx::query_scalar!("SELECT id FROM tasks WHERE run = $1 ORDER BY id", run.0)
        .fetch_all(&mut *transaction)
        .await?;
    let ids: Vec<TaskId> = ids.into_iter().map(TaskId).collect();
    let again: Vec<StoredTask> = lock_tasks(&mut transaction, &ids)
        .await?
        .into_iter()
        .filter(|task| task.state != TaskState::Succeeded)
        .collect();
    let failed = again
        .iter()
        .any(|task| matches!(task.state, TaskState::Failed | TaskState::Cancelled));
    if !failed {
        return Err(Error::Conflict(format!(
            "nothing failed in run {}",
            row.run_id
        )));
    }
    let moves: Vec<Move> = again
        .iter()
        .map(|task| Move {
            task: task.id,
            attempt: task.attempt,
            from: task.state,
            event: TaskEvent::Rearm,
            reason: None,
        })
        .collect();
    write_moves(&mut transaction, &principal.name, &moves).await?;
    reset(
        &mut transaction,
        principal,
        &again.iter().collect::<Vec<_>>(),
    )
    .await?;
    let again_ids: Vec<TaskId> = again.iter().map(|task| task.id).collect();
    let roots = entry::recount(&mut transaction, &again_ids).await?;
    audit::record(
        &mut transaction,
        principal,
        "run.retry",
        &format!("run/{run}"),
        json!({ "run_id": row.run_id, "tasks": again.len() }),
    )
    .await?;
    settle::start_tasks(engine, &mut transaction, &roots).await?;
    transaction.commit().await?;
    engine.hint_ready();
    Ok(again.len() as u64)
}
