//! Writing ended attempts: attempt, task and history in one statement.

use std::time::Duration;

use model::id::{AttemptNumber, TaskId};
use model::task::{TaskEvent, TaskState};
use serde_json::Value;
use sqlx::PgConnection;

use super::{AttemptResult, OpenAttempt};
use crate::tasks::digest::Digest;
use crate::{Error, Result};

/// One ended attempt and what it makes of its task.
pub(crate) struct Recorded {
    pub task: TaskId,
    pub attempt: AttemptNumber,
    pub from: TaskState,
    pub to: TaskState,
    pub event: TaskEvent,
    pub delay: Option<Duration>,
    pub automatic_retry: bool,
    pub crash_recovery: bool,
    pub reason: Option<String>,
    pub digest: Digest,
    pub open: OpenAttempt,
    pub result: AttemptResult,
}

impl Recorded {
    /// A gated result has ended too: its duration is known while it waits.
    fn ends(&self) -> bool {
        self.to.is_finished() || self.to == TaskState::AwaitingApproval
    }
}

/// One value of each, in their order.
fn column<'a, T>(ended: &'a [Recorded], value: impl Fn(&'a Recorded) -> T) -> Vec<T> {
    ended.iter().map(value).collect()
}

/// Writes them; the caller holds the rows' locks.
///
/// # Errors
/// [`Error::Conflict`] where a guard on state or attempt did not hold.
pub(crate) async fn record(
    connection: &mut PgConnection,
    actor: &str,
    ended: &[Recorded],
) -> Result<()> {
    if ended.is_empty() {
        return Ok(());
    }
    let count = ended.len();
    let moved = sqlx::query_scalar!(
        r#"
        WITH given AS (
            SELECT * FROM unnest(
                $1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::float8[], $8::int[],
                $9::int[], $10::bool[], $11::text[], $12::int[], $13::int[], $14::bigint[], $15::bigint[],
                $16::jsonb[], $17::jsonb[], $18::text[], $19::text[], $20::bytea[], $21::timestamptz[], $22::uuid[],
                $23::uuid[], $24::text[])
                AS g (id, attempt, from_state, to_state, event, reason, delay, retry, crash, ends, outcome,
                      exit_code, signal, output_bytes, omitted_bytes, report, outputs, outputs_uri, log_excerpt, digest,
                      started_at, token, worker_id, worker_name)
        ), closed AS (
            INSERT INTO attempts (task_id, number, worker_id, worker_name, token, started_at, finished_at, outcome,
                                  exit_code, signal, output_bytes, omitted_bytes, report, outputs_uri, digest)
            SELECT id, attempt, worker_id, worker_name, token, started_at, watchbill_now(), outcome,
                   exit_code, signal, output_bytes, omitted_bytes, report, outputs_uri, digest
            FROM given
        ), moved AS (
            UPDATE tasks t
            SET state = g.to_state, version = t.version + 1, reason = g.reason,
                ready_at = CASE WHEN g.to_state = 'queued' THEN watchbill_now() ELSE t.ready_at END,
                scheduled_for = watchbill_now() + g.delay * interval '1 second',
                automatic_retries = t.automatic_retries + g.retry,
                crash_recoveries = t.crash_recoveries + g.crash,
                outputs = g.outputs, outputs_uri = g.outputs_uri,
                log_excerpt = g.log_excerpt,
                approval_state = CASE WHEN g.to_state = 'cancelled' THEN 'cancelled' ELSE t.approval_state END,
                finished_at = CASE WHEN g.ends THEN watchbill_now() END,
                duration_ms = CASE WHEN g.ends
                    THEN (extract(epoch FROM watchbill_now() - t.started_at) * 1000)::bigint END
            FROM given g
            WHERE t.id = g.id AND t.attempt = g.attempt AND t.state IS NOT DISTINCT FROM g.from_state
            RETURNING t.id, t.version, t.attempt, g.event, g.from_state, g.to_state, g.reason
        ), recorded AS (
            INSERT INTO task_history (task_id, seq, attempt, event, from_state, to_state, actor, reason)
            SELECT id, version, attempt, event, from_state, to_state, $25, reason FROM moved
        )
        SELECT count(*) AS "moved!" FROM moved
        "#,
        &column(ended, |e| e.task.0),
        &column(ended, |e| e.attempt.0),
        &column(ended, |e| e.from.as_str()) as &[&str],
        &column(ended, |e| e.to.as_str()) as &[&str],
        &column(ended, |e| e.event.as_str()) as &[&str],
        &column(ended, |e| e.reason.as_deref()) as &[Option<&str>],
        &column(ended, |e| e.delay.map(|delay| delay.as_secs_f64())) as &[Option<f64>],
        &column(ended, |e| i32::from(e.automatic_retry)),
        &column(ended, |e| i32::from(e.crash_recovery)),
        &column(ended, Recorded::ends),
        &column(ended, |e| e.result.outcome.as_str()) as &[&str],
        &column(ended, |e| e.result.exit_code) as &[Option<i32>],
        &column(ended, |e| e.result.signal) as &[Option<i32>],
        // Of a worker that was lost, what it last said counts.
        &column(ended, |e| e.result.output_bytes.max(e.open.output_bytes)),
        &column(ended, |e| e.result.omitted_bytes.max(e.open.omitted_bytes)),
        &column(ended, |e| e.result.report.as_ref()) as &[Option<&Value>],
        &column(ended, |e| e.result.outputs.as_ref()) as &[Option<&Value>],
        &column(ended, |e| e.result.outputs_uri.as_deref()) as &[Option<&str>],
        &column(ended, |e| e.result.log_excerpt.as_deref()) as &[Option<&str>],
        &column(ended, |e| e.digest.as_slice()) as &[&[u8]],
        &column(ended, |e| e.open.started_at),
        &column(ended, |e| e.open.token),
        &column(ended, |e| e.open.worker_id),
        &column(ended, |e| e.open.worker_name.as_str()) as &[&str],
        actor,
    )
    .fetch_one(connection)
    .await?;
    let expected = i64::try_from(count).unwrap_or(i64::MAX);
    if moved == expected {
        Ok(())
    } else {
        Err(Error::Conflict(format!(
            "of {count} tasks whose attempts ended {moved} were still where they were read"
        )))
    }
}
