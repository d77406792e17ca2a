//! Finishing attempts: what was seen is recorded once, and all that follows from it commits with it.

use std::collections::HashMap;
use std::sync::Arc;

use model::id::{AttemptNumber, TaskId};
use model::plan::{PlanTask, Retries};
use model::task::{Outcome, TaskEvent, TaskState};
use sqlx::PgConnection;

use super::claim::claim_in;
use super::gate::gate_after;
use super::request::request_after;
use super::settle;
use super::verdict::{Ending, Facts, ending};
use crate::notify::{mail, outbox};
use crate::tasks::digest;
use crate::tasks::{
    AttemptResult, Claimed, Finish, Finished, LeaseRef, OpenAttempt, Recorded, StoredDefinition,
    StoredTask, WorkerIdentity, open_attempt, record, stored_row, task_definition,
};
use crate::{Engine, Error, Result};

/// Records how attempts ended and lets go on what waited for them.
///
/// Only a live lease may finish a task: for a lapsed or foreign one nothing
/// changes. The answers stand in the order of `finishes`.
pub async fn finish(engine: &Engine, finishes: Vec<Finish>) -> Result<Vec<Finished>> {
    if finishes.is_empty() {
        return Ok(Vec::new());
    }
    let mut transaction = engine.begin_planned().await?;
    let (answers, queued) = finish_in(engine, &mut transaction, finishes).await?;
    transaction.commit().await?;
    if !queued.is_empty() {
        engine.hint_ready();
    }
    Ok(answers)
}

/// The same for a worker that goes on at once: it claims up to `limit` tasks in the
/// same transaction, so that a step of a chain waits for one commit instead of two.
pub async fn finish_and_claim(
    engine: &Engine,
    finishes: Vec<Finish>,
    worker: &WorkerIdentity,
    limit: u32,
) -> Result<(Vec<Finished>, Vec<Claimed>)> {
    let mut transaction = engine.begin_planned().await?;
    let (answers, queued) = finish_in(engine, &mut transaction, finishes).await?;
    let claimed = claim_in(engine, &mut transaction, worker, limit).await?;
    transaction.commit().await?;
    if queued
        .iter()
        .any(|task| claimed.iter().all(|claimed| claimed.lease.task != *task))
    {
        engine.hint_ready();
    }
    Ok((answers, claimed))
}

/// Also returns what may be claimed now and could not before.
async fn finish_in(
    engine: &Engine,
    connection: &mut PgConnection,
    finishes: Vec<Finish>,
) -> Result<(Vec<Finished>, Vec<TaskId>)> {
    let leases: Vec<LeaseRef> = finishes.iter().map(|finish| finish.lease).collect();
    let mut held = take_live_leases(connection, &leases).await?;
    let mut order = Vec::with_capacity(finishes.len());
    let mut seen = Vec::new();
    for finish in finishes {
        order.push(finish.lease.task);
        if let Some((task, open)) = held.remove(&(finish.lease.task, finish.lease.attempt)) {
            seen.push((task, open, finish.result));
        }
    }
    let concluded = conclude(engine, connection, "worker", seen).await?;
    let answers = order
        .into_iter()
        .map(|task| {
            concluded
                .states
                .get(&task)
                .map_or(Finished::LeaseLost, |state| Finished::Recorded(*state))
        })
        .collect();
    Ok((answers, concluded.queued))
}

/// What ended attempts led to.
pub(super) struct Concluded {
    /// Where each of their tasks stands now.
    pub states: HashMap<TaskId, TaskState>,
    /// Tasks that may be claimed now and could not before.
    pub queued: Vec<TaskId>,
}

/// Decides and writes the end of attempts whose leases are already taken back;
/// shared with the rescuer, for whom the worker is the one that failed.
pub(super) async fn conclude(
    engine: &Engine,
    connection: &mut PgConnection,
    actor: &str,
    seen: Vec<(StoredTask, OpenAttempt, AttemptResult)>,
) -> Result<Concluded> {
    let mut records = Vec::with_capacity(seen.len());
    let mut requests = Vec::new();
    let mut finished = Vec::new();
    let mut alone = Vec::new();
    let mut queued = Vec::new();
    let mut states = HashMap::new();
    let no_retries = Retries::default();
    for (task, open, result) in seen {
        let definition = readable_definition(engine, connection, &task).await?;
        let result = match (&definition, result.outcome) {
            // No rule can be found, and that never means approved.
            (None, Outcome::Succeeded) => unreadable(result),
            (_, _) => result,
        };
        let stop = match (result.outcome, &definition) {
            (Outcome::Succeeded, Some(definition)) if task.state == TaskState::Running => {
                gate_after(engine, connection, &task, definition, &open, &result).await?
            }
            (
                Outcome::Succeeded
                | Outcome::Failed
                | Outcome::TimedOut
                | Outcome::Signalled
                | Outcome::NotFound
                | Outcome::CouldNotStart
                | Outcome::Cancelled
                | Outcome::WorkerLost,
                _,
            ) => None,
        };
        let facts = Facts {
            state: task.state,
            outcome: result.outcome,
            retries: definition
                .as_ref()
                .map_or(&no_retries, |definition| &definition.retries),
            automatic_retries: task.automatic_retries,
            crash_recoveries: task.crash_recoveries,
            gated: stop.is_some(),
            jitter: engine.random.fraction(),
        };
        let Ending {
            event,
            to,
            delay,
            reason,
        } = ending(&facts)?;
        if to == TaskState::Queued {
            queued.push(task.id);
        }
        // A task on its own lets nothing go on.
        if to.is_finished() {
            if task.run.is_some() {
                finished.push(task.id);
            } else {
                alone.push(task.id);
            }
        }
        states.insert(task.id, to);
        let digest = digest::of_result(&result)?;
        if let Some(stop) = stop {
            requests.push((task.clone(), stop, digest, result.clone()));
        }
        records.push(Recorded {
            task: task.id,
            attempt: task.attempt,
            from: task.state,
            to,
            event,
            delay,
            // A worker that shut down gives the task back; that uses up no retry.
            automatic_retry: matches!(event, TaskEvent::Retry | TaskEvent::BackOff)
                && result.outcome != Outcome::Cancelled,
            crash_recovery: event == TaskEvent::Rescue,
            reason: reason.or_else(|| result.reason.clone()),
            digest,
            open,
            result,
        });
    }
    record(connection, actor, &records).await?;
    for (task, stop, digest, result) in requests {
        request_after(engine, connection, &task, stop, digest, &result).await?;
    }
    let failed: Vec<TaskId> = records
        .iter()
        .filter(|record| record.to == TaskState::Failed)
        .map(|record| record.task)
        .collect();
    mail::tasks_failed(connection, engine, &failed).await?;
    outbox::tasks_failed(connection, &engine.settings, &alone).await?;
    queued.extend(settle::after_finish(engine, connection, finished).await?);
    for record in &records {
        let outcome = record.result.outcome.as_str();
        metrics::counter!("watchbill_attempts_total", "outcome" => outcome).increment(1);
    }
    Ok(Concluded { states, queued })
}

/// The task's definition, or none where what is stored cannot be read: one broken
/// row must not keep the others of its slice from being recorded.
async fn readable_definition(
    engine: &Engine,
    connection: &mut PgConnection,
    task: &StoredTask,
) -> Result<Option<Arc<PlanTask>>> {
    match task_definition(engine, connection, task).await {
        Ok(definition) => Ok(Some(definition)),
        Err(Error::Internal(error)) => {
            tracing::error!(
                task.id = task.id.0,
                "the definition of task {} cannot be read: {error:#}",
                task.id
            );
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn unreadable(result: AttemptResult) -> AttemptResult {
    AttemptResult {
        outcome: Outcome::Failed,
        reason: Some(
            "its definition cannot be read, so nobody knows whether it needs an approval"
                .to_owned(),
        ),
        ..result
    }
}

/// Locks the tasks in the order that [`crate::tasks::lock_tasks`] keeps, then takes back
/// the leases that still live; the tasks of these, and what their leases tell of the
/// attempts, by what they were for.
async fn take_live_leases(
    connection: &mut PgConnection,
    leases: &[LeaseRef],
) -> Result<HashMap<(TaskId, AttemptNumber), (StoredTask, OpenAttempt)>> {
    let tasks: Vec<i64> = leases.iter().map(|lease| lease.task.0).collect();
    let attempts: Vec<i32> = leases.iter().map(|lease| lease.attempt.0).collect();
    let tokens: Vec<_> = leases.iter().map(|lease| lease.token).collect();
    let rows = sqlx::query!(
        r#"
        WITH locked AS MATERIALIZED (
            SELECT id FROM runs WHERE id IN (SELECT run FROM tasks WHERE id = ANY($1)) ORDER BY id FOR UPDATE
        ), stored AS MATERIALIZED (
            SELECT t.id, t.name, t.run, r.plan_version_id, t.origin, t.state, t.attempt, t.definition,
                   t.automatic_retries, t.crash_recoveries, t.change_round
            FROM tasks t LEFT JOIN runs r ON r.id = t.run
            WHERE t.id = ANY($1) AND (SELECT count(*) FROM locked) >= 0
            ORDER BY t.id
            FOR UPDATE OF t
        ), held AS (
            DELETE FROM leases l
            USING unnest($1, $2::int[], $3::uuid[]) AS g (task_id, attempt, token)
            WHERE l.task_id = g.task_id AND l.attempt = g.attempt AND l.token = g.token
              AND l.expires_at > watchbill_now() AND (SELECT count(*) FROM stored) >= 0
            RETURNING l.*
        )
        SELECT t.id, t.name, t.run, t.plan_version_id AS "plan_version?", t.origin = 'native' AS "native!", t.state,
               t.attempt, t.definition AS "definition: StoredDefinition", t.automatic_retries, t.crash_recoveries,
               t.change_round, h.attempt AS "leased_attempt!", h.token, h.worker_id, h.worker_name, h.claimed_at,
               extract(epoch FROM watchbill_now() - h.claimed_at)::float8 AS "seconds!", h.output_bytes, h.omitted_bytes
        FROM stored t JOIN held h ON h.task_id = t.id
        "#,
        &tasks,
        &attempts,
        &tokens,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let open = open_attempt!(row);
            let attempt = AttemptNumber(row.leased_attempt);
            let task = StoredTask::try_from(stored_row!(row))?;
            Ok(((task.id, attempt), (task, open)))
        })
        .collect()
}
