use std::collections::HashMap;
use std::path::PathBuf;

use model::id::{AttemptNumber, RunKey, TaskId};
use model::identity::{Permission, Principal};
use model::task::TaskState;
use serde_json::json;
use sqlx::PgConnection;

use super::ask::{Asked, ask};
use super::import_rows::{ImportedTask, Rows};
use crate::{Engine, Error, Result, authorise};

/// How many rows go in one transaction.
const BATCH: i64 = 500;

/// Where the reference's tasks are.
#[derive(Clone, Debug)]
pub enum ImportSource {
    /// A PostgreSQL address whose database has the table `agents_tasks`.
    Database(String),
    /// A CSV file whose first line names the columns.
    File(PathBuf),
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub imported: u64,
    /// Rows that an earlier import had brought.
    pub present: u64,
}

/// Brings the reference's rows over, with their ids. Run again, it goes on where it was.
///
/// Rows that await approval raise real requests. Those who may sign hear of them by mail, and the
/// generic webhook does; Slack and the e-mail webhook were told before.
///
/// # Errors
/// [`Error::Conflict`] where an id is taken by another task; [`Error::Invalid`] naming the row.
pub async fn import(
    engine: &Engine,
    principal: &Principal,
    source: &ImportSource,
) -> Result<Imported> {
    authorise(principal, Permission::Administer)?;
    let mut rows = match source {
        ImportSource::Database(url) => Rows::of_database(url).await?,
        ImportSource::File(path) => Rows::of_file(path)?,
    };
    let mut total = Imported::default();
    loop {
        let batch = rows.next(BATCH).await?;
        if batch.is_empty() {
            break;
        }
        let done = import_batch(engine, principal, batch).await?;
        total.imported += done.imported;
        total.present += done.present;
    }
    let mut connection = engine.pool.acquire().await?;
    crate::audit::record(
        &mut connection,
        principal,
        "tasks.import",
        "tasks",
        json!({ "imported": total.imported, "present": total.present }),
    )
    .await?;
    Ok(total)
}

async fn import_batch(
    engine: &Engine,
    principal: &Principal,
    batch: Vec<ImportedTask>,
) -> Result<Imported> {
    let mut transaction = engine.pool.begin().await?;
    let connection = &mut *transaction;
    let highest = batch.iter().map(|task| task.id).max().unwrap_or_default();
    sqlx::query_scalar!("SELECT ensure_task_partitions($1)", highest)
        .fetch_one(&mut *connection)
        .await?;
    let fresh = not_present(connection, &batch).await?;
    let runs = runs(connection, principal, &batch).await?;
    let mut done = Imported::default();
    for task in &batch {
        if !fresh.contains(&task.id) {
            done.present += 1;
            continue;
        }
        let Some(run) = runs.get(task.run_id.as_str()).copied() else {
            return Err(Error::Internal(anyhow::anyhow!(
                "no run for {}",
                task.run_id
            )));
        };
        insert(connection, principal, task, run).await?;
        if task.state == TaskState::AwaitingApproval {
            let asked = Asked {
                task: TaskId(task.id),
                attempt: AttemptNumber(0),
                run: Some(run),
                name: &task.task,
                run_id: Some(&task.run_id),
                inputs: task.inputs.as_ref(),
                outputs_uri: task.outputs_uri.as_deref(),
                log_excerpt: task.log_excerpt.as_deref(),
                already_notified: true,
            };
            ask(engine, connection, &asked).await?;
        }
        done.imported += 1;
    }
    close(connection, &runs).await?;
    sqlx::query_scalar!(
        "SELECT setval(pg_get_serial_sequence('tasks', 'id'), max(id)) FROM tasks
         HAVING max(id) > coalesce(pg_sequence_last_value(pg_get_serial_sequence('tasks', 'id')::regclass), 0)"
    )
    .fetch_optional(&mut *connection)
    .await?;
    transaction.commit().await?;
    Ok(done)
}

/// The ids that are free; one that another task has is a conflict.
async fn not_present(connection: &mut PgConnection, batch: &[ImportedTask]) -> Result<Vec<i64>> {
    let ids: Vec<i64> = batch.iter().map(|task| task.id).collect();
    let present = sqlx::query!(
        r#"SELECT t.id AS "id!", t.name AS "name!", t.origin = 'reported' AS "reported!", r.run_id AS "run_id?"
           FROM tasks t LEFT JOIN runs r ON r.id = t.run WHERE t.id = ANY ($1)"#,
        &ids
    )
    .fetch_all(connection)
    .await?;
    let mut fresh = Vec::new();
    for task in batch {
        match present.iter().find(|row| row.id == task.id) {
            None => fresh.push(task.id),
            Some(row)
                if row.reported
                    && row.name == task.task
                    && row.run_id.as_deref() == Some(&task.run_id) => {}
            Some(row) => {
                return Err(Error::Conflict(format!(
                    "id {} is taken here by the task {}; import into a database that has not yet run plans",
                    task.id, row.name
                )));
            }
        }
    }
    Ok(fresh)
}

async fn runs<'a>(
    connection: &mut PgConnection,
    principal: &Principal,
    batch: &'a [ImportedTask],
) -> Result<HashMap<&'a str, RunKey>> {
    let mut runs = HashMap::new();
    for task in batch {
        if runs.contains_key(task.run_id.as_str()) {
            continue;
        }
        let key = sqlx::query_scalar!(
            "INSERT INTO runs (run_id, started_by, created_at) VALUES ($1, $2, coalesce($3, watchbill_now()))
             ON CONFLICT ON CONSTRAINT runs_run_id_unique
             DO UPDATE SET created_at = least(runs.created_at, excluded.created_at)
             RETURNING id",
            task.run_id,
            principal.name,
            task.started_at
        )
        .fetch_one(&mut *connection)
        .await?;
        runs.insert(task.run_id.as_str(), RunKey(key));
    }
    Ok(runs)
}

async fn insert(
    connection: &mut PgConnection,
    principal: &Principal,
    task: &ImportedTask,
    run: RunKey,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO tasks (id, run, name, origin, state, inputs, outputs_uri, log_excerpt, approval_state, approver,
                            approval_note, webhook_notified_at, created_at, started_at, finished_at, duration_ms, sort_at)
         VALUES ($1, $2, $3, 'reported', $4, $5, $6, $7, $8, $9, $10, $11, coalesce($12, watchbill_now()), $12, $13,
                 $14, coalesce($12, watchbill_now()))",
        task.id,
        run.0,
        task.task,
        task.state.as_str(),
        task.inputs,
        task.outputs_uri,
        task.log_excerpt,
        task.approval_state,
        task.approver,
        task.approval_note,
        task.webhook_notified_at,
        task.started_at,
        task.finished_at,
        task.duration_ms
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "INSERT INTO task_history (task_id, seq, attempt, event, from_state, to_state, actor, reason)
         VALUES ($1, 1, 0, 'report', NULL, $2, $3, 'imported')",
        task.id,
        task.state.as_str(),
        principal.name
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends the runs whose tasks have all finished, at the moment the last of them did.
async fn close(connection: &mut PgConnection, runs: &HashMap<&str, RunKey>) -> Result<()> {
    let keys: Vec<i64> = runs.values().map(|run| run.0).collect();
    sqlx::query!(
        "UPDATE runs r SET finished_at = (SELECT coalesce(max(t.finished_at), watchbill_now()) FROM tasks t WHERE t.run = r.id)
         WHERE r.id = ANY ($1) AND NOT EXISTS (
             SELECT FROM tasks t WHERE t.run = r.id
               AND t.state NOT IN ('succeeded', 'failed', 'skipped', 'cancelled'))",
        &keys
    )
    .execute(connection)
    .await?;
    Ok(())
}
