//! A person asks for a new attempt; earlier signatures are void.

use model::id::TaskId;
use model::identity::{Permission, Principal};
use model::task::{GatePhase, TaskEvent, TaskState};
use sqlx::PgConnection;

use super::cancel::audit;
use super::settle;
use crate::tasks::{Move, StoredTask, lock_task, state_of, task_definition, write_moves};
use crate::{Engine, Error, Result};

/// Retries one finished task. Where a gate stops it before its start, it asks again.
///
/// Its dependants stay as they are: retry the run for those.
///
/// # Errors
/// [`Error::Conflict`] naming the state where it has not failed, been skipped or cancelled.
pub async fn rerun(engine: &Engine, principal: &Principal, task: TaskId) -> Result<TaskState> {
    crate::authorise(principal, Permission::Run)?;
    let mut transaction = engine.pool.begin().await?;
    let stored = lock_task(&mut transaction, task).await?;
    if !stored.native {
        return Err(Error::Conflict(format!(
            "task {task} is run by an outside orchestrator; retry it there"
        )));
    }
    let definition = task_definition(engine, &mut transaction, &stored).await?;
    let gated = definition
        .approval
        .as_ref()
        .is_some_and(|gate| gate.phase == GatePhase::BeforeStart);
    let event = if gated {
        TaskEvent::Rearm
    } else {
        TaskEvent::Rerun
    };
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
    audit(&mut transaction, principal, "task.rerun", task, None).await?;
    if gated {
        settle::start_tasks(engine, &mut transaction, &[task]).await?;
    }
    let state = sqlx::query_scalar!("SELECT state FROM tasks WHERE id = $1", task.0)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    engine.hint_ready();
    state_of(task.0, &state)
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
