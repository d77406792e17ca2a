//! The end of a proposal that does not take effect, and of the requests it still had.

use model::approval::ApprovalState;
use model::id::{PlanVersionId, TaskId};
use model::task::{TaskEvent, TaskState};
use sqlx::PgConnection;

use crate::tasks::{Move, lock_tasks, write_moves};
use crate::{Result, approvals};

/// Why a proposal ends, or that it need not wait any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::lifecycle) enum Closing {
    Effective,
    Refused,
    Withdrawn,
    Superseded,
}

impl Closing {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Effective => "effective",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Superseded => "superseded",
        }
    }
}

/// Ends a proposal and takes back what still waits for its sake. The plan's row is held.
pub(in crate::lifecycle) async fn close(
    connection: &mut PgConnection,
    actor: &str,
    version: PlanVersionId,
    closing: Closing,
    reason: &str,
) -> Result<()> {
    sqlx::query!(
        "UPDATE proposals SET state = $2, closed_at = watchbill_now()
         WHERE plan_version_id = $1 AND state = 'proposed'",
        version.0,
        closing.as_str(),
    )
    .execute(&mut *connection)
    .await?;
    let waiting = sqlx::query_scalar!(
        "SELECT task_id FROM approvals WHERE plan_version_id = $1 AND run IS NULL AND state = 'pending'
         ORDER BY task_id",
        version.0
    )
    .fetch_all(&mut *connection)
    .await?;
    let waiting: Vec<TaskId> = waiting.into_iter().map(TaskId).collect();
    let state = match closing {
        Closing::Superseded => ApprovalState::Superseded,
        Closing::Effective | Closing::Refused | Closing::Withdrawn => ApprovalState::Cancelled,
    };
    let mut moves = Vec::new();
    for task in lock_tasks(connection, &waiting).await? {
        approvals::withdraw(connection, task.id, state).await?;
        sqlx::query!(
            "UPDATE tasks SET approval_state = $2, approval_note = $3 WHERE id = $1",
            task.id.0,
            state.as_str(),
            reason,
        )
        .execute(&mut *connection)
        .await?;
        if task.state == TaskState::AwaitingApproval {
            moves.push(Move {
                task: task.id,
                attempt: task.attempt,
                from: task.state,
                event: TaskEvent::Cancel,
                reason: Some(reason.to_owned()),
            });
        }
    }
    write_moves(connection, actor, &moves).await
}
