use chrono::{DateTime, Utc};
use model::id::TaskId;
use model::identity::{Permission, Principal};
use serde_json::json;
use sqlx::PgConnection;

use crate::tasks::{delete_tasks, lock_tasks};
use crate::{Engine, Result, authorise};

/// How many tasks go in one transaction.
const BATCH: i64 = 1000;

/// What was pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    pub deleted: u64,
    pub cutoff: DateTime<Utc>,
}

/// Deletes finished tasks that started before `cutoff`, with their attempts, logs and files.
///
/// Unfinished tasks stay, and so do finished ones whose run still needs them; decisions and
/// the audit stay always.
///
/// # Errors
/// Who may not administer.
pub async fn prune_before(
    engine: &Engine,
    principal: &Principal,
    cutoff: DateTime<Utc>,
) -> Result<Pruned> {
    authorise(principal, Permission::Administer)?;
    let mut deleted = 0;
    while let Some(batch) = prune_batch(engine, cutoff).await? {
        deleted += batch;
    }
    let mut connection = engine.pool.acquire().await?;
    crate::audit::record(
        &mut connection,
        principal,
        "tasks.prune",
        "tasks",
        json!({ "cutoff": cutoff, "deleted": deleted }),
    )
    .await?;
    Ok(Pruned { deleted, cutoff })
}

/// Deletes a batch; `None` where nothing is left to look at. A task that another one needs stays
/// until that one is gone: without it nobody could tell whether the other may start.
async fn prune_batch(engine: &Engine, cutoff: DateTime<Utc>) -> Result<Option<u64>> {
    let mut transaction = engine.pool.begin().await?;
    let found = prunable(&mut transaction, cutoff, None).await?;
    if found.is_empty() {
        return Ok(None);
    }
    // Their runs before them, as every verb takes the locks; then whatever a verb has moved
    // meanwhile stays.
    let found: Vec<TaskId> = found.into_iter().map(|task| TaskId(task.id)).collect();
    lock_tasks(&mut transaction, &found).await?;
    let found: Vec<i64> = found.into_iter().map(|task| task.0).collect();
    let tasks = prunable(&mut transaction, cutoff, Some(&found)).await?;
    let ids: Vec<i64> = tasks.iter().map(|task| task.id).collect();
    let runs: Vec<i64> = tasks.iter().filter_map(|task| task.run).collect();
    let deleted = delete_tasks(&mut transaction, &ids).await?;
    sqlx::query!(
        "DELETE FROM runs r WHERE r.id = ANY ($1) AND r.finished_at IS NOT NULL
           AND NOT EXISTS (SELECT FROM tasks t WHERE t.run = r.id)
           AND NOT EXISTS (SELECT FROM runs w WHERE w.waits_for_run = r.id)",
        &runs
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Some(deleted))
}

/// A task that may go, and its run.
struct Prunable {
    id: i64,
    run: Option<i64>,
}

/// Finds a batch of what may go, of all tasks or only of `among`.
async fn prunable(
    connection: &mut PgConnection,
    cutoff: DateTime<Utc>,
    among: Option<&[i64]>,
) -> Result<Vec<Prunable>> {
    Ok(sqlx::query_as!(
        Prunable,
        "SELECT t.id, t.run FROM tasks t
         WHERE t.sort_at < $1 AND t.started_at < $1
           AND t.state IN ('succeeded', 'failed', 'skipped', 'cancelled')
           AND ($3::bigint[] IS NULL OR t.id = ANY ($3))
           AND NOT EXISTS (SELECT FROM runs r WHERE r.id = t.run AND r.plan_id IS NOT NULL AND r.finished_at IS NULL)
           AND NOT EXISTS (SELECT FROM task_dependencies d WHERE d.needs_task_id = t.id)
         ORDER BY t.sort_at LIMIT $2",
        cutoff,
        BATCH,
        among
    )
    .fetch_all(connection)
    .await?)
}
