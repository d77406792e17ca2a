//! Storing plans. A version that asks people less than the one that runs is proposed: it
//! stands in the inbox as a task that nothing runs, and takes effect when it is signed by
//! those whom the weakened gates asked for.

mod close;
mod effect;
mod older;
mod raise;
mod save;
mod sync;
#[cfg(test)]
mod tests;

pub use save::{Saved, save};
pub use sync::{SyncProblem, sync_folder};

pub(super) use close::{Closing, close};
pub(super) use effect::signed;
pub(super) use older::refuse_laxer;

use model::id::{PlanVersionId, TaskId};
use sqlx::PgConnection;

use crate::Result;

/// Locks the plan of which this task proposes a version, before the task itself is locked:
/// who stores a version takes them in this order, too. `None` for every other task.
pub(crate) async fn hold_proposal(
    connection: &mut PgConnection,
    task: TaskId,
) -> Result<Option<PlanVersionId>> {
    let id = sqlx::query_scalar!(
        "SELECT v.id FROM approvals a
         JOIN plan_versions v ON v.id = a.plan_version_id JOIN plans p ON p.id = v.plan_id
         WHERE a.task_id = $1 AND a.run IS NULL ORDER BY a.id LIMIT 1 FOR NO KEY UPDATE OF p",
        task.0
    )
    .fetch_optional(connection)
    .await?;
    Ok(id.map(PlanVersionId))
}
