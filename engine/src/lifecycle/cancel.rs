//! A person wants a task stopped.

use model::approval::ApprovalState;
use model::id::TaskId;
use model::identity::{Permission, Principal};
use model::task::{TaskEvent, TaskState, apply};
use serde_json::json;
use sqlx::PgConnection;

use super::settle;
use super::versions::{self, Closing};
use crate::tasks::{Move, StoredTask, lock_task, write_moves};
use crate::{Engine, Error, Result, approvals};

/// Cancels a task: at once where nothing runs, else as soon as its process group is empty.
///
/// A reported task is cancelled at once whatever its orchestrator does: we cannot stop it.
///
/// # Errors
/// [`Error::Conflict`] naming the state where it has finished already.
pub async fn cancel(
    engine: &Engine,
    principal: &Principal,
    task: TaskId,
    note: Option<&str>,
) -> Result<TaskState> {
    crate::authorise(principal, Permission::Run)?;
    let mut transaction = engine.pool.begin().await?;
    let proposal = versions::hold_proposal(&mut transaction, task).await?;
    let stored = lock_task(&mut transaction, task).await?;
    let state = cancel_locked(&mut transaction, principal, &stored, note).await?;
    audit(&mut transaction, principal, "task.cancel", task, note).await?;
    if let Some(version) = proposal {
        let reason = format!("cancelled by {}", principal.name);
        let actor = &principal.name;
        versions::close(
            &mut transaction,
            actor,
            version,
            Closing::Withdrawn,
            &reason,
        )
        .await?;
    }
    if state.is_finished() {
        settle::after_finish(engine, &mut transaction, vec![task]).await?;
    }
    transaction.commit().await?;
    engine.hint_ready();
    Ok(state)
}

/// Cancels a task whose locks are held; what follows from it is the caller's.
pub(crate) async fn cancel_locked(
    connection: &mut PgConnection,
    principal: &Principal,
    task: &StoredTask,
    note: Option<&str>,
) -> Result<TaskState> {
    let reason = match note {
        Some(note) => format!("cancelled by {}: {note}", principal.name),
        None => format!("cancelled by {}", principal.name),
    };
    let event = TaskEvent::Cancel;
    let next = apply(task.state, event)
        .map_err(|error| Error::Conflict(format!("task {}: {error}", task.id)))?;
    write_moves(
        connection,
        &principal.name,
        &[Move {
            task: task.id,
            attempt: task.attempt,
            from: task.state,
            event,
            reason: Some(reason.clone()),
        }],
    )
    .await?;
    // Nobody holds a lease on a reported task: there is no process group to wait for.
    let unowned = next == TaskState::Cancelling && !task.native;
    if unowned {
        write_moves(
            connection,
            &principal.name,
            &[Move {
                task: task.id,
                attempt: task.attempt,
                from: next,
                event: TaskEvent::CancelConfirmed,
                reason: Some(reason),
            }],
        )
        .await?;
    }
    if task.state == TaskState::AwaitingApproval {
        approvals::withdraw(connection, task.id, ApprovalState::Cancelled).await?;
    }
    let state = if unowned { TaskState::Cancelled } else { next };
    sqlx::query!(
        "UPDATE tasks SET approver = left($2, 128), approval_note = coalesce($3, approval_note),
                approval_state = CASE WHEN $4 THEN 'cancelled' ELSE approval_state END
         WHERE id = $1",
        task.id.0,
        principal.name,
        note,
        state == TaskState::Cancelled,
    )
    .execute(connection)
    .await?;
    Ok(state)
}

/// Records what a person did to a task.
pub(super) async fn audit(
    connection: &mut PgConnection,
    principal: &Principal,
    action: &str,
    task: TaskId,
    note: Option<&str>,
) -> Result<()> {
    let subject = format!("task/{task}");
    let details = json!({ "note": note });
    crate::audit::record(connection, principal, action, &subject, details).await
}
