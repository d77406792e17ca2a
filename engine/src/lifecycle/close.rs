//! The end of a run, and the run that waited for it.

use model::id::TaskId;
use sqlx::PgConnection;

use crate::notify::outbox;
use crate::{Engine, Result};

/// Ends the runs of these tasks that have nothing open any more.
///
/// Returns the first tasks of runs that waited for one of them (overlap: queue).
pub(super) async fn close_runs(
    engine: &Engine,
    connection: &mut PgConnection,
    tasks: &[TaskId],
) -> Result<Vec<TaskId>> {
    let ids: Vec<i64> = tasks.iter().map(|task| task.0).collect();
    let ended = sqlx::query_scalar!(
        "UPDATE runs r SET finished_at = watchbill_now()
         WHERE r.id IN (SELECT run FROM tasks WHERE id = ANY($1))
           AND r.finished_at IS NULL
           AND NOT EXISTS (
               SELECT FROM tasks t WHERE t.run = r.id
               AND t.state NOT IN ('succeeded', 'failed', 'skipped', 'cancelled'))
         RETURNING r.id",
        &ids
    )
    .fetch_all(&mut *connection)
    .await?;
    if ended.is_empty() {
        return Ok(Vec::new());
    }
    outbox::runs_finished(connection, &engine.settings, &ended).await?;
    let waiting = sqlx::query_scalar!(
        "UPDATE runs SET waits_for_run = NULL WHERE waits_for_run = ANY($1) RETURNING id",
        &ended
    )
    .fetch_all(&mut *connection)
    .await?;
    let roots = sqlx::query_scalar!(
        "SELECT id FROM tasks
         WHERE run = ANY($1) AND state = 'created' AND pending_dependencies = 0 ORDER BY id",
        &waiting
    )
    .fetch_all(connection)
    .await?;
    Ok(roots.into_iter().map(TaskId).collect())
}
