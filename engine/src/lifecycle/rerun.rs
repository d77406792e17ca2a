//! A person asks for a new attempt; earlier signatures are void.

use std::collections::HashMap;

use model::id::TaskId;
use model::identity::{Permission, Principal};
use model::task::{TaskEvent, TaskState};
use sqlx::PgConnection;

use super::cancel::audit;
use super::entry::{self, Entry};
use super::{settle, versions};
use crate::tasks::{Move, StoredTask, lock_task, state_of, task_definition, write_moves};
use crate::{Engine, Error, Result, plans};

/// Tries one finished task again, by the one way into the queue: its needs are counted, its
/// condition is judged, and a gate before its start asks again.
///
/// Its dependants stay as they are: retry the run for those.
///
/// # Errors
/// [`Error::Conflict`] naming the state where it has not failed, been skipped or cancelled;
/// naming the need that does not allow a start; naming a task that goes on from how this one
/// ended; or with the condition that leaves it out.
pub async fn rerun(engine: &Engine, principal: &Principal, task: TaskId) -> Result<TaskState> {
    crate::authorise(principal, Permission::Run)?;
    let mut transaction = engine.pool.begin().await?;
    let stored = lock_task(&mut transaction, task).await?;
    if !stored.native {
        return Err(Error::Conflict(format!(
            "task {task} is not run here: an outside orchestrator runs it, or it proposes a plan's version; retry it there, or store the version again"
        )));
    }
    let event = TaskEvent::Rerun;
    model::task::apply(stored.state, event)
        .map_err(|error| Error::Conflict(format!("task {task}: {error}")))?;
    if let Some(run) = stored.run {
        plans::refuse_held_of_run(&mut transaction, run).await?;
        versions::refuse_laxer(engine, &mut transaction, run).await?;
    }
    demand_start(engine, &mut transaction, &stored).await?;
    write_moves(
        &mut transaction,
        &principal.name,
        &[Move {
            task,
            attempt: stored.attempt,
            from: stored.state,
            event,
            reason: None,
        }],
    )
    .await?;
    reset(&mut transaction, principal, &[&stored]).await?;
    let free = entry::recount(&mut transaction, &[task]).await?;
    audit(&mut transaction, principal, "task.rerun", task, None).await?;
    settle::start_tasks(engine, &mut transaction, &free).await?;
    let state = sqlx::query_scalar!("SELECT state FROM tasks WHERE id = $1", task.0)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    engine.hint_ready();
    state_of(task.0, &state)
}

/// Refuses what would end without a start, before anything is forgotten.
async fn demand_start(
    engine: &Engine,
    connection: &mut PgConnection,
    stored: &StoredTask,
) -> Result<()> {
    let definition = task_definition(engine, connection, stored).await?;
    let needs = entry::demand_needs(connection, stored, &definition).await?;
    entry::demand_idle_dependants(connection, stored).await?;
    let mut contexts = HashMap::new();
    match entry::judge(connection, &mut contexts, stored, &definition, &needs).await? {
        Entry::Asks(_) | Entry::Starts => Ok(()),
        Entry::Waits(reason) | Entry::LeftOut(reason) | Entry::Fails(reason) => {
            Err(Error::Conflict(format!(
                "task {} ({}) cannot start: {reason}",
                stored.id, stored.name
            )))
        }
    }
}

/// Forgets what the last attempts left on the tasks, and makes the caller a requester, too:
/// whoever asks for an attempt cannot sign its result.
pub(crate) async fn reset(
    connection: &mut PgConnection,
    principal: &Principal,
    tasks: &[&StoredTask],
) -> Result<()> {
    let ids: Vec<i64> = tasks.iter().map(|task| task.id.0).collect();
    sqlx::query!(
        "UPDATE tasks
         SET started_at = NULL, finished_at = NULL, duration_ms = NULL, outputs = NULL, outputs_uri = NULL,
             approval_state = NULL, approver = NULL, approval_note = NULL, webhook_notified_at = NULL,
             approval_inputs = NULL, changes_wanted = NULL, change_round = 0,
             automatic_retries = 0, crash_recoveries = 0, scheduled_for = NULL
         WHERE id = ANY($1)",
        &ids
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE runs SET finished_at = NULL,
             retried_by = CASE WHEN $2::bigint IS NULL THEN retried_by ELSE array_remove(retried_by, $2) || $2 END
         WHERE id IN (SELECT run FROM tasks WHERE id = ANY($1))",
        &ids,
        principal.account().map(|account| account.0),
    )
    .execute(connection)
    .await?;
    Ok(())
}
