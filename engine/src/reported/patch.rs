use model::approval::ApprovalState;
use model::id::TaskId;
use model::identity::{Permission, Principal};
use model::reported;
use model::task::TaskState;
use model::view::TaskRow;
use sqlx::PgConnection;

use super::ask::{Asked, ask};
use super::create::row;
use super::{ReportPatch, check, voices};
use crate::approvals::withdraw;
use crate::lifecycle::{settle, versions};
use crate::notify::mail;
use crate::tasks::{StoredTask, lock_task};
use crate::{Engine, Error, Result, authorise};

/// Changes what is given of a reported task.
///
/// # Errors
/// [`Error::Conflict`] for a task of ours, for a state that a report may not leave, and for a
/// change to what a person has signed or refused.
pub async fn patch(
    engine: &Engine,
    principal: &Principal,
    task: TaskId,
    patch: &ReportPatch,
) -> Result<TaskRow> {
    authorise(principal, Permission::Report)?;
    check::patch(patch)?;
    let mut transaction = engine.pool.begin().await?;
    let connection = &mut *transaction;
    // The plan before the task, as all who hold both take them.
    if versions::hold_proposal(connection, task).await?.is_some() {
        return Err(Error::Conflict(format!(
            "task {task} proposes a plan's version; a report cannot change it"
        )));
    }
    let stored = lock_task(connection, task).await?;
    if stored.native {
        return Err(Error::Conflict(format!(
            "task {task} is run by Watchbill itself and is {}; a report cannot change it",
            stored.state
        )));
    }
    let from = stored.state;
    let to = match patch.status {
        Some(status) => reported::report(from, status)
            .map_err(|refused| Error::Conflict(refused.to_string()))?,
        None => from,
    };
    let before = row(connection, task).await?;
    let after = merged(&before, patch);
    let changes_result = (&before.inputs, &before.outputs_uri, &before.log_excerpt)
        != (&after.inputs, &after.outputs_uri, &after.log_excerpt);
    if changes_result && decided(before.approval_state) {
        return Err(Error::Conflict(format!(
            "task {task} is {from} by a decision; what was decided about cannot change"
        )));
    }
    write(connection, &stored, to, &after).await?;
    let voices = voices::voices(connection, principal).await?;
    voices::remember(connection, task, &voices).await?;
    if to != from {
        record(connection, principal, task, from, to).await?;
    }
    if to == TaskState::AwaitingApproval {
        ask_where_new(engine, connection, &stored, &after, patch).await?;
    }
    if to == TaskState::Failed && from != to {
        mail::tasks_failed(connection, engine, &[task]).await?;
    }
    if to.is_finished() && !from.is_finished() {
        settle::after_finish(engine, connection, vec![task]).await?;
    }
    let row = row(connection, task).await?;
    transaction.commit().await?;
    Ok(row)
}

fn decided(state: Option<ApprovalState>) -> bool {
    matches!(
        state,
        Some(ApprovalState::Approved | ApprovalState::Rejected | ApprovalState::Expired)
    )
}

/// The row with what was given laid over it.
fn merged(before: &TaskRow, patch: &ReportPatch) -> TaskRow {
    let mut after = before.clone();
    if let Some(started_at) = patch.started_at {
        after.started_at = started_at;
    }
    if let Some(finished_at) = patch.finished_at {
        after.finished_at = finished_at;
    }
    if let Some(duration_ms) = patch.duration_ms {
        after.duration_ms = duration_ms;
    }
    if let Some(inputs) = &patch.inputs {
        after.inputs.clone_from(inputs);
    }
    if let Some(outputs_uri) = &patch.outputs_uri {
        after.outputs_uri.clone_from(outputs_uri);
    }
    if let Some(log_excerpt) = &patch.log_excerpt {
        after.log_excerpt.clone_from(log_excerpt);
    }
    if let Some(notified) = patch.webhook_notified_at {
        after.webhook_notified_at = notified;
    }
    after
}

async fn write(
    connection: &mut PgConnection,
    stored: &StoredTask,
    to: TaskState,
    after: &TaskRow,
) -> Result<()> {
    let written = sqlx::query!(
        "UPDATE tasks SET state = $4, version = version + CASE WHEN state = $4 THEN 0 ELSE 1 END,
                started_at = $5, finished_at = $6, duration_ms = $7, inputs = $8, outputs_uri = $9, log_excerpt = $10,
                webhook_notified_at = $11, sort_at = coalesce($5, created_at)
         WHERE id = $1 AND state = $2 AND attempt = $3 AND origin = 'reported'",
        stored.id.0,
        stored.state.as_str(),
        stored.attempt.0,
        to.as_str(),
        after.started_at,
        after.finished_at,
        after.duration_ms,
        after.inputs,
        after.outputs_uri,
        after.log_excerpt,
        after.webhook_notified_at
    )
    .execute(connection)
    .await?
    .rows_affected();
    if written == 1 {
        Ok(())
    } else {
        Err(Error::Conflict(format!(
            "task {} is no longer {}",
            stored.id, stored.state
        )))
    }
}

async fn record(
    connection: &mut PgConnection,
    principal: &Principal,
    task: TaskId,
    from: TaskState,
    to: TaskState,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO task_history (task_id, seq, attempt, event, from_state, to_state, actor)
         SELECT id, version, attempt, 'report', $2, $3, $4 FROM tasks WHERE id = $1",
        task.0,
        from.as_str(),
        to.as_str(),
        principal.name
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Asks where nobody was asked yet, or about something else than what is now to be signed.
async fn ask_where_new(
    engine: &Engine,
    connection: &mut PgConnection,
    stored: &StoredTask,
    after: &TaskRow,
    patch: &ReportPatch,
) -> Result<()> {
    let asked = Asked {
        task: stored.id,
        attempt: stored.attempt,
        run: stored.run,
        name: &after.task,
        run_id: after.run_id.as_deref(),
        inputs: after.inputs.as_ref(),
        outputs_uri: after.outputs_uri.as_deref(),
        log_excerpt: after.log_excerpt.as_deref(),
        already_notified: patch.webhook_notified_at.flatten().is_some(),
    };
    let pending = sqlx::query_scalar!(
        "SELECT digest FROM approvals WHERE task_id = $1 AND state = 'pending' FOR UPDATE",
        stored.id.0
    )
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(digest) = pending {
        let same = asked.digest()?;
        if digest == same {
            return voices::join_request(connection, stored.id, stored.attempt, &same).await;
        }
        withdraw(connection, stored.id, ApprovalState::Superseded).await?;
    }
    ask(engine, connection, &asked).await
}
