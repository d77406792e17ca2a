use model::id::{AttemptNumber, RunKey, TaskId};
use model::identity::{Permission, Principal};
use model::task::TaskState;
use model::view::TaskRow;
use sqlx::PgConnection;

use super::ask::{Asked, ask};
use super::{NewReport, check, voices};
use crate::lifecycle::settle;
use crate::notify::mail;
use crate::tasks::records::select_tasks;
use crate::{Engine, Error, Result, authorise};

/// Stores a task that an outside orchestrator tells of.
///
/// # Errors
/// Who may not report; [`Error::Invalid`] field by field.
pub async fn create(engine: &Engine, principal: &Principal, report: &NewReport) -> Result<TaskRow> {
    authorise(principal, Permission::Report)?;
    check::new_report(report)?;
    let state = report.status.stored_as();
    let mut transaction = engine.pool.begin().await?;
    let connection = &mut *transaction;
    let run = run(connection, principal, &report.run_id, !state.is_finished()).await?;
    let task = insert(connection, run, report, state).await?;
    let voices = voices::voices(connection, principal).await?;
    voices::remember(connection, task, &voices).await?;
    sqlx::query!(
        "INSERT INTO task_history (task_id, seq, attempt, event, from_state, to_state, actor)
         VALUES ($1, 1, 0, 'report', NULL, $2, $3)",
        task.0,
        state.as_str(),
        principal.name
    )
    .execute(&mut *connection)
    .await?;
    if state == TaskState::AwaitingApproval {
        let asked = Asked {
            task,
            attempt: AttemptNumber(0),
            run: Some(run),
            name: &report.task,
            run_id: Some(&report.run_id),
            inputs: report.inputs.as_ref(),
            outputs_uri: report.outputs_uri.as_deref(),
            log_excerpt: report.log_excerpt.as_deref(),
            already_notified: report.webhook_notified_at.is_some(),
        };
        ask(engine, connection, &asked).await?;
    }
    if state == TaskState::Failed {
        mail::tasks_failed(connection, engine, &[task]).await?;
    }
    if state.is_finished() {
        settle::after_finish(engine, connection, vec![task]).await?;
    }
    let row = row(connection, task).await?;
    transaction.commit().await?;
    Ok(row)
}

/// The run of this readable id that outside orchestrators report, locked; made where there is none.
async fn run(
    connection: &mut PgConnection,
    principal: &Principal,
    run_id: &str,
    reopens: bool,
) -> Result<RunKey> {
    let key = sqlx::query_scalar!(
        "INSERT INTO runs (run_id, started_by) VALUES ($1, $2)
         ON CONFLICT ON CONSTRAINT runs_run_id_unique
         DO UPDATE SET finished_at = CASE WHEN $3 THEN NULL ELSE runs.finished_at END
         RETURNING id",
        run_id,
        principal.name,
        reopens
    )
    .fetch_one(connection)
    .await?;
    Ok(RunKey(key))
}

async fn insert(
    connection: &mut PgConnection,
    run: RunKey,
    report: &NewReport,
    state: TaskState,
) -> Result<TaskId> {
    let id = sqlx::query_scalar!(
        "INSERT INTO tasks (run, name, origin, state, inputs, outputs_uri, log_excerpt, webhook_notified_at,
                            started_at, finished_at, duration_ms, sort_at)
         VALUES ($1, $2, 'reported', $3, $4, $5, $6, $7, coalesce($8, watchbill_now()), $9, $10,
                 coalesce($8, watchbill_now()))
         RETURNING id",
        run.0,
        report.task,
        state.as_str(),
        report.inputs,
        report.outputs_uri,
        report.log_excerpt,
        report.webhook_notified_at,
        report.started_at,
        report.finished_at,
        report.duration_ms
    )
    .fetch_one(connection)
    .await?;
    Ok(TaskId(id))
}

/// The task as it now stands, for who may report and perhaps not read.
pub(super) async fn row(connection: &mut PgConnection, task: TaskId) -> Result<TaskRow> {
    select_tasks!("WHERE t.id = $1", task.0)
        .fetch_optional(connection)
        .await?
        .ok_or_else(|| Error::NotFound(format!("there is no task {task}")))
        .and_then(TaskRow::try_from)
}
