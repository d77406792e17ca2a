use chrono::{DateTime, Utc};
use model::identity::{Permission, Principal};
use serde_json::json;

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
    loop {
        let batch = prune_batch(engine, cutoff).await?;
        deleted += batch;
        if batch == 0 {
            break;
        }
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

/// Deletes a batch. A task that another one needs stays until that one is gone: without it
/// nobody could tell whether the other may start.
async fn prune_batch(engine: &Engine, cutoff: DateTime<Utc>) -> Result<u64> {
    let mut transaction = engine.pool.begin().await?;
    let tasks = sqlx::query!(
        "SELECT t.id, t.run FROM tasks t
         WHERE t.sort_at < $1 AND t.started_at < $1
           AND t.state IN ('succeeded', 'failed', 'skipped', 'cancelled')
           AND NOT EXISTS (SELECT FROM runs r WHERE r.id = t.run AND r.plan_id IS NOT NULL AND r.finished_at IS NULL)
           AND NOT EXISTS (SELECT FROM task_dependencies d WHERE d.needs_task_id = t.id)
         ORDER BY t.sort_at LIMIT $2 FOR UPDATE OF t SKIP LOCKED",
        cutoff,
        BATCH
    )
    .fetch_all(&mut *transaction)
    .await?;
    if tasks.is_empty() {
        return Ok(0);
    }
    let ids: Vec<i64> = tasks.iter().map(|task| task.id).collect();
    let mut runs: Vec<i64> = tasks.iter().filter_map(|task| task.run).collect();
    runs.sort_unstable();
    runs.dedup();
    sqlx::query!("DELETE FROM log_chunks WHERE task_id = ANY ($1)", &ids)
        .execute(&mut *transaction)
        .await?;
    sqlx::query!("DELETE FROM attempts WHERE task_id = ANY ($1)", &ids)
        .execute(&mut *transaction)
        .await?;
    sqlx::query!("DELETE FROM task_history WHERE task_id = ANY ($1)", &ids)
        .execute(&mut *transaction)
        .await?;
    let deleted = sqlx::query!("DELETE FROM tasks WHERE id = ANY ($1)", &ids)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
    sqlx::query!(
        "DELETE FROM runs r WHERE r.id = ANY ($1) AND r.finished_at IS NOT NULL
           AND NOT EXISTS (SELECT FROM tasks t WHERE t.run = r.id)
           AND NOT EXISTS (SELECT FROM runs w WHERE w.waits_for_run = r.id)",
        &runs
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(deleted)
}
