//! Stopping a whole run.

use model::id::{RunKey, TaskId};
use model::identity::{Permission, Principal};
use serde_json::json;
use sqlx::PgConnection;

use super::{cancel_locked, settle};
use crate::tasks::lock_tasks;
use crate::{Engine, Error, Result, audit};

/// Cancels all that is open in a run; returns how many tasks.
///
/// # Errors
/// [`Error::Conflict`] where nothing is open any more.
pub async fn cancel_run(engine: &Engine, principal: &Principal, run: RunKey) -> Result<u64> {
    crate::authorise(principal, Permission::Run)?;
    let mut transaction = engine.pool.begin().await?;
    let run_id = sqlx::query_scalar!("SELECT run_id FROM runs WHERE id = $1", run.0)
        .fetch_optional(&mut *transaction)
        .await?
        .ok_or_else(|| Error::NotFound(format!("there is no run {run}")))?;
    let cancelled = cancel_within(engine, &mut transaction, principal, run, None).await?;
    if cancelled == 0 {
        return Err(Error::Conflict(format!(
            "run {run_id} has already finished"
        )));
    }
    audit::record(
        &mut transaction,
        principal,
        "run.cancel",
        &format!("run/{run}"),
        json!({ "run_id": run_id, "tasks": cancelled }),
    )
    .await?;
    transaction.commit().await?;
    engine.hint_ready();
    Ok(cancelled)
}

/// Cancels what is open in a run within the caller's transaction (overlap: cancel).
pub async fn cancel_within(
    engine: &Engine,
    connection: &mut PgConnection,
    principal: &Principal,
    run: RunKey,
    note: Option<&str>,
) -> Result<u64> {
    // The run's own lock first: a task that is being made now belongs to it too.
    sqlx::query_scalar!("SELECT id FROM runs WHERE id = $1 FOR UPDATE", run.0)
        .fetch_optional(&mut *connection)
        .await?;
    let open = sqlx::query_scalar!(
        "SELECT id FROM tasks WHERE run = $1
         AND state NOT IN ('succeeded', 'failed', 'skipped', 'cancelled', 'cancelling') ORDER BY id",
        run.0
    )
    .fetch_all(&mut *connection)
    .await?;
    let open: Vec<TaskId> = open.into_iter().map(TaskId).collect();
    let mut finished = Vec::new();
    let mut cancelled = 0;
    for task in lock_tasks(connection, &open).await? {
        let state = cancel_locked(connection, principal, &task, note).await?;
        cancelled += 1;
        if state.is_finished() {
            finished.push(task.id);
        }
    }
    settle::after_finish(engine, connection, finished).await?;
    Ok(cancelled)
}
