//! Moving many tasks at once: the state machine in Rust, its guard again in SQL.

use model::id::{AttemptNumber, TaskId};
use model::task::{TaskEvent, TaskState, apply};
use sqlx::PgConnection;

use crate::{Error, Result};

/// One transition to be written.
#[derive(Clone, Debug)]
pub(crate) struct Move {
    pub task: TaskId,
    pub attempt: AttemptNumber,
    pub from: TaskState,
    pub event: TaskEvent,
    pub reason: Option<String>,
}

/// Writes the transitions and their history.
///
/// Every UPDATE states the prior state and the attempt. The caller holds the
/// rows' locks, so a guard that does not hold is a conflict with something that
/// moved the task before the locks were taken.
///
/// # Errors
/// [`Error::Conflict`] naming state and event where the machine has no such
/// arrow or a guard did not hold; nothing may then be committed.
pub(crate) async fn write_moves(
    connection: &mut PgConnection,
    actor: &str,
    moves: &[Move],
) -> Result<()> {
    if moves.is_empty() {
        return Ok(());
    }
    let targets = moves
        .iter()
        .map(|m| {
            apply(m.from, m.event)
                .map_err(|error| Error::Conflict(format!("task {}: {error}", m.task)))
        })
        .collect::<Result<Vec<_>>>()?;
    let ids: Vec<i64> = moves.iter().map(|m| m.task.0).collect();
    let attempts: Vec<i32> = moves.iter().map(|m| m.attempt.0).collect();
    let from: Vec<&str> = moves.iter().map(|m| m.from.as_str()).collect();
    let to: Vec<&str> = targets.iter().map(|state| state.as_str()).collect();
    let events: Vec<&str> = moves.iter().map(|m| m.event.as_str()).collect();
    let reasons: Vec<Option<&str>> = moves.iter().map(|m| m.reason.as_deref()).collect();
    let finished: Vec<bool> = targets.iter().map(|state| state.is_finished()).collect();
    let written = sqlx::query_scalar!(
        r#"
        WITH given AS (
            SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bool[])
                AS g (id, attempt, from_state, to_state, event, reason, finished)
        ), moved AS (
            UPDATE tasks t
            SET state = g.to_state, version = t.version + 1, reason = g.reason,
                ready_at = CASE WHEN g.to_state = 'queued' THEN watchbill_now() ELSE t.ready_at END,
                finished_at = CASE WHEN g.finished THEN coalesce(t.finished_at, watchbill_now()) END,
                duration_ms = CASE WHEN g.finished THEN coalesce(t.duration_ms,
                    (extract(epoch FROM coalesce(t.finished_at, watchbill_now()) - t.started_at) * 1000)::bigint) END
            FROM given g
            WHERE t.id = g.id AND t.attempt = g.attempt AND t.state IS NOT DISTINCT FROM g.from_state
            RETURNING t.id, t.version, t.attempt, g.event, g.from_state, g.to_state, g.reason
        )
        INSERT INTO task_history (task_id, seq, attempt, event, from_state, to_state, actor, reason)
        SELECT id, version, attempt, event, from_state, to_state, $8, reason FROM moved
        RETURNING task_id
        "#,
        &ids,
        &attempts,
        &from as &[&str],
        &to as &[&str],
        &events as &[&str],
        &reasons as &[Option<&str>],
        &finished,
        actor,
    )
    .fetch_all(connection)
    .await?;
    match moves.iter().find(|m| !written.contains(&m.task.0)) {
        None => Ok(()),
        Some(missing) => Err(Error::Conflict(format!(
            "task {} is no longer {} at attempt {}, so '{}' was not recorded",
            missing.task,
            missing.from,
            missing.attempt,
            missing.event.as_str()
        ))),
    }
}
