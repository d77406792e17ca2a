//! What follows from tasks that finished: dependants are counted off, released or skipped, runs end.

use model::id::TaskId;
use sqlx::PgConnection;

use super::{close, release};
use crate::{Engine, Result};

/// Lets go on what waited for these finished tasks, until nothing more follows.
///
/// The caller holds the locks of their runs, so a counter reaches zero once.
pub(crate) async fn after_finish(
    engine: &Engine,
    connection: &mut PgConnection,
    mut finished: Vec<TaskId>,
) -> Result<()> {
    let mut touched = finished.clone();
    while !finished.is_empty() {
        let ready = count_off(connection, &finished).await?;
        finished = release::release(engine, connection, &ready).await?;
        touched.extend(&finished);
        if finished.is_empty() {
            let roots = close::close_runs(connection, &touched).await?;
            touched.clear();
            finished = release::release(engine, connection, &roots).await?;
            touched.extend(&finished);
        }
    }
    Ok(())
}

/// Lets the first tasks of a run go; settles those that a condition leaves out.
pub(crate) async fn start_tasks(
    engine: &Engine,
    connection: &mut PgConnection,
    roots: &[TaskId],
) -> Result<()> {
    let skipped = release::release(engine, connection, roots).await?;
    after_finish(engine, connection, skipped).await
}

/// Counts the finished tasks off their dependants; returns those that wait for nothing more.
async fn count_off(connection: &mut PgConnection, finished: &[TaskId]) -> Result<Vec<TaskId>> {
    let ids: Vec<i64> = finished.iter().map(|task| task.0).collect();
    let ready = sqlx::query_scalar!(
        "WITH settled AS (
             UPDATE task_dependencies SET settled = true
             WHERE needs_task_id = ANY($1) AND NOT settled
             RETURNING task_id
         ), counts AS (
             SELECT task_id, count(*)::int AS settled FROM settled GROUP BY task_id
         ), counted AS (
             UPDATE tasks t SET pending_dependencies = t.pending_dependencies - c.settled
             FROM counts c WHERE t.id = c.task_id
             RETURNING t.id, t.pending_dependencies, t.state
         )
         SELECT id FROM counted WHERE pending_dependencies = 0 AND state = 'created' ORDER BY id",
        &ids
    )
    .fetch_all(connection)
    .await?;
    Ok(ready.into_iter().map(TaskId).collect())
}
