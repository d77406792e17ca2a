//! Requests that nobody answered in time. A timeout never approves.

use model::id::TaskId;
use model::task::{TaskEvent, TaskState};
use model::view::ApprovalState;

use super::withdraw;
use crate::runs::settle;
use crate::tasks::{Move, lock_task, write_moves};
use crate::{Engine, Error, Result};

/// How many requests one pass ends.
const BATCH: i64 = 100;

/// Fails the tasks whose requests ran out of time; returns how many.
pub async fn expire_due(engine: &Engine) -> Result<u64> {
    let due = sqlx::query_scalar!(
        "SELECT task_id FROM approvals
         WHERE state = 'pending' AND expires_at <= watchbill_now() ORDER BY expires_at LIMIT $1",
        BATCH
    )
    .fetch_all(&engine.pool)
    .await?;
    let mut expired = 0;
    for task in due {
        match expire(engine, TaskId(task)).await {
            Ok(true) => expired += 1,
            // Somebody answered or cancelled in between, or the task is gone.
            Ok(false) | Err(Error::Conflict(_) | Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(expired)
}

async fn expire(engine: &Engine, task: TaskId) -> Result<bool> {
    let mut transaction = engine.pool.begin().await?;
    let stored = lock_task(&mut transaction, task).await?;
    if !withdraw(&mut transaction, task, ApprovalState::Expired).await? {
        return Ok(false);
    }
    sqlx::query!(
        "UPDATE tasks SET approval_state = 'expired' WHERE id = $1",
        task.0
    )
    .execute(&mut *transaction)
    .await?;
    write_moves(
        &mut transaction,
        "scheduler",
        &[Move {
            task,
            attempt: stored.attempt,
            from: TaskState::AwaitingApproval,
            event: TaskEvent::Expire,
            reason: Some("nobody decided in time".to_owned()),
        }],
    )
    .await?;
    settle::after_finish(engine, &mut transaction, vec![task]).await?;
    transaction.commit().await?;
    Ok(true)
}
