//! A person puts a ready task aside, and takes it up again.

use model::id::TaskId;
use model::identity::{Permission, Principal};
use model::task::{TaskEvent, TaskState};

use super::cancel::audit;
use super::entry;
use crate::tasks::{Move, lock_task, task_definition, write_moves};
use crate::{Engine, Error, Result};

/// Puts a queued task aside.
pub async fn hold(engine: &Engine, principal: &Principal, task: TaskId) -> Result<TaskState> {
    put(engine, principal, task, TaskEvent::Hold, "task.hold").await
}

/// Lets a task that was put aside be claimed again.
pub async fn unhold(engine: &Engine, principal: &Principal, task: TaskId) -> Result<TaskState> {
    put(engine, principal, task, TaskEvent::Unhold, "task.unhold").await
}

async fn put(
    engine: &Engine,
    principal: &Principal,
    task: TaskId,
    event: TaskEvent,
    action: &str,
) -> Result<TaskState> {
    crate::authorise(principal, Permission::Run)?;
    let mut transaction = engine.pool.begin().await?;
    let stored = lock_task(&mut transaction, task).await?;
    if !stored.native {
        return Err(Error::Conflict(format!(
            "task {task} is not run here: an outside orchestrator runs it, or it proposes a plan's version; it cannot be put aside"
        )));
    }
    let next = model::task::apply(stored.state, event)
        .map_err(|error| Error::Conflict(format!("task {task}: {error}")))?;
    if next == TaskState::Queued {
        let definition = task_definition(engine, &mut transaction, &stored).await?;
        entry::demand_needs(&mut transaction, &stored, &definition).await?;
    }
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
    audit(&mut transaction, principal, action, task, None).await?;
    transaction.commit().await?;
    engine.hint_ready();
    Ok(next)
}
