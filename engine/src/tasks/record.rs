//! Writing ended attempts: attempt, task and history in one statement.

use std::time::Duration;

use model::id::{AttemptNumber, TaskId};
use model::task::{TaskEvent, TaskState};
use sqlx::PgConnection;

use super::AttemptResult;
use crate::approvals::digest::Digest;
use crate::{Error, Result};

/// One ended attempt and what it makes of its task.
pub(super) struct Recorded {
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
    pub result: AttemptResult,
}

/// Writes them; the caller holds the rows' locks.
///
/// # Errors
/// [`Error::Conflict`] where a guard on state or attempt did not hold.
pub(super) async fn record(
    connection: &mut PgConnection,
    actor: &str,
    ended: &[Recorded],
) -> Result<()> {
    if ended.is_empty() {
        return Ok(());
    }
    let count = ended.len();
    let ids: Vec<i64> = ended.iter().map(|e| e.task.0).collect();
    let attempts: Vec<i32> = ended.iter().map(|e| e.attempt.0).collect();
    let from: Vec<&str> = ended.iter().map(|e| e.from.as_str()).collect();
    let to: Vec<&str> = ended.iter().map(|e| e.to.as_str()).collect();
    let events: Vec<&str> = ended.iter().map(|e| e.event.as_str()).collect();
    let reasons: Vec<Option<&str>> = ended.iter().map(|e| e.reason.as_deref()).collect();
    let delays: Vec<Option<f64>> = ended
        .iter()
        .map(|e| e.delay.map(|d| d.as_secs_f64()))
        .collect();
    let retries: Vec<i32> = ended.iter().map(|e| i32::from(e.automatic_retry)).collect();
    let crashes: Vec<i32> = ended.iter().map(|e| i32::from(e.crash_recovery)).collect();
    // A gated result has ended too: its duration is known while it waits.
    let ends: Vec<bool> = ended
        .iter()
        .map(|e| e.to.is_finished() || e.to == TaskState::AwaitingApproval)
        .collect();
    let outcomes: Vec<&str> = ended.iter().map(|e| e.result.outcome.as_str()).collect();
    let exit_codes: Vec<Option<i32>> = ended.iter().map(|e| e.result.exit_code).collect();
    let signals: Vec<Option<i32>> = ended.iter().map(|e| e.result.signal).collect();
    let output_bytes: Vec<i64> = ended.iter().map(|e| e.result.output_bytes).collect();
    let omitted_bytes: Vec<i64> = ended.iter().map(|e| e.result.omitted_bytes).collect();
    let reports: Vec<Option<&serde_json::Value>> =
        ended.iter().map(|e| e.result.report.as_ref()).collect();
    let outputs: Vec<Option<&serde_json::Value>> =
        ended.iter().map(|e| e.result.outputs.as_ref()).collect();
    let uris: Vec<Option<&str>> = ended
        .iter()
        .map(|e| e.result.outputs_uri.as_deref())
        .collect();
    let excerpts: Vec<Option<&str>> = ended
        .iter()
        .map(|e| e.result.log_excerpt.as_deref())
        .collect();
    let digests: Vec<&[u8]> = ended.iter().map(|e| e.digest.as_slice()).collect();
    let row = sqlx::query!(
        r#"
        WITH given AS (
            SELECT * FROM unnest(
                $1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::float8[], $8::int[],
                $9::int[], $10::bool[], $11::text[], $12::int[], $13::int[], $14::bigint[], $15::bigint[],
                $16::jsonb[], $17::jsonb[], $18::text[], $19::text[], $20::bytea[])
                AS g (id, attempt, from_state, to_state, event, reason, delay, retry, crash, ends, outcome,
                      exit_code, signal, output_bytes, omitted_bytes, report, outputs, outputs_uri, log_excerpt, digest)
        ), closed AS (
            UPDATE attempts a
            SET finished_at = watchbill_now(), outcome = g.outcome, exit_code = g.exit_code, signal = g.signal,
                output_bytes = greatest(a.output_bytes, g.output_bytes), omitted_bytes = g.omitted_bytes,
                report = g.report, outputs_uri = g.outputs_uri, digest = g.digest
            FROM given g
            WHERE a.task_id = g.id AND a.number = g.attempt AND a.finished_at IS NULL
            RETURNING a.task_id
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
            WHERE t.id = g.id AND t.attempt = g.attempt AND t.state = g.from_state
            RETURNING t.id, t.version, t.attempt, g.event, g.from_state, g.to_state, g.reason
        ), recorded AS (
            INSERT INTO task_history (task_id, seq, attempt, event, from_state, to_state, actor, reason)
            SELECT id, version, attempt, event, from_state, to_state, $21, reason FROM moved
        )
        SELECT (SELECT count(*) FROM closed) AS "closed!", (SELECT count(*) FROM moved) AS "moved!"
        "#,
        &ids,
        &attempts,
        &from as &[&str],
        &to as &[&str],
        &events as &[&str],
        &reasons as &[Option<&str>],
        &delays as &[Option<f64>],
        &retries,
        &crashes,
        &ends,
        &outcomes as &[&str],
        &exit_codes as &[Option<i32>],
        &signals as &[Option<i32>],
        &output_bytes,
        &omitted_bytes,
        &reports as &[Option<&serde_json::Value>],
        &outputs as &[Option<&serde_json::Value>],
        &uris as &[Option<&str>],
        &excerpts as &[Option<&str>],
        &digests as &[&[u8]],
        actor,
    )
    .fetch_one(connection)
    .await?;
    let expected = i64::try_from(count).unwrap_or(i64::MAX);
    if row.moved == expected && row.closed == expected {
        Ok(())
    } else {
        Err(Error::Conflict(format!(
            "of {count} ended attempts {} were still open and {} of their tasks still ran",
            row.closed, row.moved
        )))
    }
}
