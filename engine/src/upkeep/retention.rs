//! Removes what was kept long enough, in bounded batches. Decisions and audit stay.

use chrono::TimeDelta;
use model::id::TaskId;

use super::partitions::WIDTH;
use crate::identity::{login, sessions, tokens};
use crate::notify::mail;
use crate::tasks::{StoredTask, delete_tasks, lock_tasks};
use crate::{Engine, Result};

/// How many runs, tasks or rows one transaction removes.
const BATCH: i64 = 500;
/// How many batches one pass removes of each kind, so that a pass ends.
const BATCHES: usize = 200;

/// What one pass removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    pub runs: u64,
    pub tasks: u64,
    /// Tasks whose output was removed.
    pub logs: u64,
    pub occurrences: u64,
    pub partitions: i64,
}

/// One pass over everything that ages. Running work is never touched, nor a run that has any.
///
/// # Errors
/// When the database does not answer; what was removed stays removed.
pub async fn retention(engine: &Engine) -> Result<Pruned> {
    let mut pruned = Pruned::default();
    for _ in 0..BATCHES {
        let (runs, tasks) = prune_runs(engine).await?;
        pruned.runs += runs;
        pruned.tasks += tasks;
        if runs == 0 {
            break;
        }
    }
    for _ in 0..BATCHES {
        let Some(tasks) = prune_tasks(engine).await? else {
            break;
        };
        pruned.tasks += tasks;
    }
    pruned.logs = prune_logs(engine).await?;
    pruned.occurrences = prune_occurrences(engine).await?;
    prune_traces(engine).await?;
    pruned.partitions = drop_partitions(engine).await?;
    if pruned != Pruned::default() {
        tracing::info!(
            runs = pruned.runs,
            tasks = pruned.tasks,
            logs = pruned.logs,
            occurrences = pruned.occurrences,
            partitions = pruned.partitions,
            "removed what was kept long enough"
        );
    }
    Ok(pruned)
}

/// Whole runs that finished before the history's days.
async fn prune_runs(engine: &Engine) -> Result<(u64, u64)> {
    let days = days(engine.settings.retention.history_days);
    let mut transaction = engine.pool.begin().await?;
    let runs = sqlx::query_scalar!(
        "SELECT r.id FROM runs r
         WHERE r.created_at < watchbill_now() - make_interval(days => $1)
           AND r.finished_at < watchbill_now() - make_interval(days => $1)
           AND NOT EXISTS (SELECT FROM tasks t WHERE t.run = r.id
                           AND t.state NOT IN ('succeeded', 'failed', 'skipped', 'cancelled'))
         ORDER BY r.created_at LIMIT 50 FOR UPDATE SKIP LOCKED",
        days
    )
    .fetch_all(&mut *transaction)
    .await?;
    if runs.is_empty() {
        return Ok((0, 0));
    }
    let tasks = sqlx::query_scalar!("SELECT id FROM tasks WHERE run = ANY($1)", &runs)
        .fetch_all(&mut *transaction)
        .await?;
    let removed = delete_tasks(&mut transaction, &tasks).await?;
    sqlx::query!(
        "UPDATE runs SET waits_for_run = NULL WHERE waits_for_run = ANY($1)",
        &runs
    )
    .execute(&mut *transaction)
    .await?;
    let gone = sqlx::query!("DELETE FROM runs WHERE id = ANY($1)", &runs)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
    transaction.commit().await?;
    Ok((gone, removed))
}

/// Finished tasks on their own and reported ones; then the reported runs that are left empty.
/// `None` where nothing is old enough.
async fn prune_tasks(engine: &Engine) -> Result<Option<u64>> {
    let days = days(engine.settings.retention.history_days);
    let mut transaction = engine.pool.begin().await?;
    let found = sqlx::query_scalar!(
        "SELECT id FROM tasks
         WHERE sort_at < watchbill_now() - make_interval(days => $1)
           AND coalesce(finished_at, sort_at) < watchbill_now() - make_interval(days => $1)
           AND (run IS NULL OR origin = 'reported')
           AND state IN ('succeeded', 'failed', 'skipped', 'cancelled')
         ORDER BY sort_at, id LIMIT $2",
        days,
        BATCH
    )
    .fetch_all(&mut *transaction)
    .await?;
    if found.is_empty() {
        return Ok(None);
    }
    // Their runs before them, as every verb takes the locks; what a verb has moved meanwhile stays.
    let found: Vec<TaskId> = found.into_iter().map(TaskId).collect();
    let tasks: Vec<StoredTask> = lock_tasks(&mut transaction, &found)
        .await?
        .into_iter()
        .filter(|task| task.state.is_finished())
        .collect();
    let ids: Vec<i64> = tasks.iter().map(|task| task.id.0).collect();
    let runs: Vec<i64> = tasks.iter().filter_map(|task| Some(task.run?.0)).collect();
    let removed = delete_tasks(&mut transaction, &ids).await?;
    sqlx::query!(
        "DELETE FROM runs r WHERE r.id = ANY($1) AND r.plan_id IS NULL
         AND NOT EXISTS (SELECT FROM tasks t WHERE t.run = r.id)",
        &runs
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Some(removed))
}

/// The output of tasks that finished before the logs' days. Ids rise with time, so the pass ends
/// at the first batch in which every task is too young.
async fn prune_logs(engine: &Engine) -> Result<u64> {
    let days = days(engine.settings.retention.log_days);
    let mut after = i64::MIN;
    let mut pruned = 0;
    for _ in 0..BATCHES {
        let batch = sqlx::query!(
            r#"SELECT c.task_id AS "task_id!",
                      coalesce(t.state IN ('succeeded', 'failed', 'skipped', 'cancelled')
                               AND t.finished_at < watchbill_now() - make_interval(days => $2), t.id IS NULL) AS "old!",
                      coalesce(t.created_at >= watchbill_now() - make_interval(days => $2), false) AS "young!"
               FROM (SELECT task_id FROM log_chunks WHERE task_id > $1
                     GROUP BY task_id ORDER BY task_id LIMIT $3) c
               LEFT JOIN tasks t ON t.id = c.task_id ORDER BY c.task_id"#,
            after,
            days,
            BATCH
        )
        .fetch_all(&engine.pool)
        .await?;
        let Some(last) = batch.last() else { break };
        after = last.task_id;
        let old: Vec<i64> = batch
            .iter()
            .filter(|row| row.old)
            .map(|row| row.task_id)
            .collect();
        if old.is_empty() && batch.iter().all(|row| row.young) {
            break;
        }
        sqlx::query!("DELETE FROM log_chunks WHERE task_id = ANY($1)", &old)
            .execute(&engine.pool)
            .await?;
        pruned += old.len() as u64;
    }
    Ok(pruned)
}

/// Skips after their own days, the others after the history's.
async fn prune_occurrences(engine: &Engine) -> Result<u64> {
    let retention = engine.settings.retention;
    let mut pruned = 0;
    for _ in 0..BATCHES {
        let gone = sqlx::query!(
            "DELETE FROM occurrences o USING (
                 SELECT trigger_id, key FROM occurrences
                 WHERE (skip_reason IS NOT NULL AND due_at < watchbill_now() - make_interval(days => $1))
                    OR due_at < watchbill_now() - make_interval(days => $2)
                 ORDER BY due_at LIMIT $3) old
             WHERE o.trigger_id = old.trigger_id AND o.key = old.key",
            days(retention.skip_days),
            days(retention.history_days),
            BATCH
        )
        .execute(&engine.pool)
        .await?
        .rows_affected();
        pruned += gone;
        if gone == 0 {
            break;
        }
    }
    Ok(pruned)
}

/// What nobody looks at again: sent messages, ended sessions, old login failures, dead workers.
async fn prune_traces(engine: &Engine) -> Result<()> {
    let days = days(engine.settings.retention.log_days);
    sqlx::query!(
        "DELETE FROM outbox WHERE coalesce(delivered_at, abandoned_at) < watchbill_now() - make_interval(days => $1)",
        days
    )
    .execute(&engine.pool)
    .await?;
    sqlx::query!("DELETE FROM mail_digests WHERE at < watchbill_now() - interval '40 days'")
        .execute(&engine.pool)
        .await?;
    sessions::prune(engine).await?;
    login::prune(engine).await?;
    tokens::prune(engine).await?;
    sqlx::query!(
        "DELETE FROM workers w WHERE last_seen_at < watchbill_now() - interval '7 days'
         AND NOT EXISTS (SELECT FROM leases l WHERE l.worker_id = w.id)"
    )
    .execute(&engine.pool)
    .await?;
    let before = engine.clock.now() - TimeDelta::days(days.into());
    mail::prune_folder(engine, before).await?;
    Ok(())
}

/// Partitions below the oldest task that is left hold nothing any more.
async fn drop_partitions(engine: &Engine) -> Result<i64> {
    let Some(oldest) = sqlx::query_scalar!("SELECT min(id) FROM tasks")
        .fetch_one(&engine.pool)
        .await?
    else {
        return Ok(0);
    };
    if oldest < WIDTH {
        return Ok(0);
    }
    let mut dropped = 0;
    for parent in ["attempts", "task_history", "log_chunks"] {
        let mut transaction = engine.pool.begin().await?;
        sqlx::query!("SET LOCAL lock_timeout = '2s'")
            .execute(&mut *transaction)
            .await?;
        let gone = sqlx::query_scalar!(
            r#"SELECT drop_task_partitions($1, $2) AS "gone!""#,
            parent,
            oldest
        )
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        dropped += i64::from(gone);
    }
    Ok(dropped)
}

fn days(days: u32) -> i32 {
    i32::try_from(days).unwrap_or(i32::MAX)
}
