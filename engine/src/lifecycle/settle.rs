//! What follows from tasks that finished: dependants are counted off, released or skipped, runs end.

use model::id::TaskId;
use sqlx::PgConnection;

use super::entry::need;
use super::release::{Ready, Released};
use super::{close, release};
use crate::notify::{mail, outbox};
use crate::tasks::{StoredDefinition, StoredTask, stored_row};
use crate::{Engine, Result};

/// Lets go on what waited for these finished tasks, until nothing more follows;
/// returns the tasks that may be claimed now.
///
/// The caller holds the locks of their runs, so a counter reaches zero once.
pub(crate) async fn after_finish(
    engine: &Engine,
    connection: &mut PgConnection,
    mut finished: Vec<TaskId>,
) -> Result<Vec<TaskId>> {
    outbox::tasks_failed(connection, &engine.settings, &finished).await?;
    let mut touched = finished.clone();
    let mut queued = Vec::new();
    while !finished.is_empty() {
        let ready = count_off(connection, &finished).await?;
        let mut released = release::release(engine, connection, ready).await?;
        tell_failed(engine, connection, &released.failed).await?;
        if released.ended.is_empty() {
            // A dependant is of the same run: where one goes on, the run has not ended.
            let goes_on = touched.len() == 1 && released.goes_on;
            let roots = if goes_on {
                Vec::new()
            } else {
                close::close_runs(engine, connection, &touched).await?
            };
            touched.clear();
            queued.append(&mut released.queued);
            released = release_unread(engine, connection, &roots).await?;
            tell_failed(engine, connection, &released.failed).await?;
        }
        queued.append(&mut released.queued);
        touched.extend(&released.ended);
        finished = released.ended;
    }
    Ok(queued)
}

/// Lets the first tasks of a run go; settles those that a condition leaves out.
pub(crate) async fn start_tasks(
    engine: &Engine,
    connection: &mut PgConnection,
    roots: &[TaskId],
) -> Result<()> {
    let released = release_unread(engine, connection, roots).await?;
    tell_failed(engine, connection, &released.failed).await?;
    after_finish(engine, connection, released.ended).await?;
    Ok(())
}

/// Tells people of tasks that failed without a start; [`after_finish`] tells webhooks.
async fn tell_failed(
    engine: &Engine,
    connection: &mut PgConnection,
    failed: &[TaskId],
) -> Result<()> {
    mail::tasks_failed(connection, engine, failed).await
}

async fn release_unread(
    engine: &Engine,
    connection: &mut PgConnection,
    tasks: &[TaskId],
) -> Result<Released> {
    let ready = if tasks.is_empty() {
        Vec::new()
    } else {
        release::read(connection, tasks).await?
    };
    release::release(engine, connection, ready).await
}

/// Counts the finished tasks off their dependants; returns those that wait for nothing
/// more, which the update has locked. Their ids stand twice in its condition, so that its
/// plan finds them by their ids, and does not read all tasks to join them.
async fn count_off(connection: &mut PgConnection, finished: &[TaskId]) -> Result<Vec<Ready>> {
    let ids: Vec<i64> = finished.iter().map(|task| task.0).collect();
    let rows = sqlx::query!(
        r#"
        WITH settled AS (
            UPDATE task_dependencies SET settled = true
            WHERE needs_task_id = ANY($1) AND NOT settled
            RETURNING task_id
        ), counts AS (
            SELECT task_id, count(*)::int AS settled FROM settled GROUP BY task_id
        ), counted AS (
            UPDATE tasks t SET pending_dependencies = t.pending_dependencies - c.settled
            FROM counts c WHERE t.id = c.task_id AND t.id = ANY (ARRAY(SELECT task_id FROM counts))
            RETURNING t.*
        )
        SELECT t.id AS "id!", t.name AS "name!", t.run, r.plan_version_id AS "plan_version?",
               t.origin = 'native' AS "native!", t.state AS "state!", t.attempt AS "attempt!",
               t.definition AS "definition: StoredDefinition",
               t.automatic_retries AS "automatic_retries!", t.crash_recoveries AS "crash_recoveries!",
               t.change_round AS "change_round!",
               ARRAY(SELECT n.name FROM task_dependencies d JOIN tasks n ON n.id = d.needs_task_id
                     WHERE d.task_id = t.id ORDER BY n.position, n.id) AS "need_names!",
               ARRAY(SELECT n.state FROM task_dependencies d JOIN tasks n ON n.id = d.needs_task_id
                     WHERE d.task_id = t.id ORDER BY n.position, n.id) AS "need_states!",
               ARRAY(SELECT n.approval_state FROM task_dependencies d JOIN tasks n ON n.id = d.needs_task_id
                     WHERE d.task_id = t.id ORDER BY n.position, n.id) AS "need_approvals!: Vec<Option<String>>"
        FROM counted t LEFT JOIN runs r ON r.id = t.run
        WHERE t.pending_dependencies = 0 AND t.state = 'created' ORDER BY t.id
        "#,
        &ids
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let answers = row.need_states.iter().zip(&row.need_approvals);
            let needs = row
                .need_names
                .into_iter()
                .zip(answers)
                .map(|(name, (state, approval))| need(row.id, name, state, approval.as_deref()));
            Ok(Ready {
                needs: needs.collect::<Result<_>>()?,
                task: StoredTask::try_from(stored_row!(row))?,
            })
        })
        .collect()
}
