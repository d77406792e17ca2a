//! Ending a request without an answer: its task was cancelled, or what it was bound to changed.

use model::approval::ApprovalState;
use model::id::TaskId;
use sqlx::PgConnection;

use crate::Result;

/// Takes the task's pending request back; says whether there was one.
pub async fn withdraw(
    connection: &mut PgConnection,
    task: TaskId,
    state: ApprovalState,
) -> Result<bool> {
    let changed = sqlx::query!(
        "UPDATE approvals SET state = $2, decided_at = watchbill_now() WHERE task_id = $1 AND state = 'pending'",
        task.0,
        state.as_str()
    )
    .execute(connection)
    .await?
    .rows_affected();
    Ok(changed > 0)
}
