//! Claiming: a lease with a fencing token, committed before anything runs.

use std::sync::Arc;

use anyhow::Context;
use model::id::{AttemptNumber, PlanVersionId, RunKey, TaskId};
use model::plan::PlanTask;
use sqlx::PgConnection;

use super::{Claimed, LeaseRef, WorkerIdentity};
use crate::runs::task_contexts;
use crate::{Engine, Error, Result, plans};

/// Claims up to `limit` ready tasks, the most urgent and then the oldest first.
///
/// One statement takes the rows, leases them, opens their attempts and writes
/// their history. The rows are locked in a materialised CTE: with
/// `IN (SELECT … LIMIT)` PostgreSQL may run the subquery once per row and take them all.
pub async fn claim(engine: &Engine, worker: &WorkerIdentity, limit: u32) -> Result<Vec<Claimed>> {
    let mut transaction = engine.begin_planned().await?;
    let claimed = claim_in(engine, &mut transaction, worker, limit).await?;
    transaction.commit().await?;
    Ok(claimed)
}

/// The same in the caller's transaction; nothing may run before that is committed.
pub(super) async fn claim_in(
    engine: &Engine,
    connection: &mut PgConnection,
    worker: &WorkerIdentity,
    limit: u32,
) -> Result<Vec<Claimed>> {
    let token = engine.random.uuid();
    let rows = sqlx::query!(
        r#"
        WITH ready AS MATERIALIZED (
            SELECT id FROM tasks
            WHERE state = 'queued' AND origin = 'native' AND labels <@ $1::text[]
            ORDER BY priority DESC, ready_at, id
            LIMIT $2
            FOR UPDATE SKIP LOCKED
        ), moved AS (
            UPDATE tasks t
            SET state = 'running', attempt = t.attempt + 1, version = t.version + 1,
                started_at = coalesce(t.started_at, watchbill_now()),
                sort_at = coalesce(t.started_at, watchbill_now()),
                scheduled_for = NULL, reason = NULL
            FROM ready
            WHERE t.id = ready.id AND t.state = 'queued'
            RETURNING t.id, t.attempt, t.version, t.queue, t.group_key, t.run, t.name, t.definition, t.inputs
        ), leased AS (
            INSERT INTO leases (task_id, attempt, token, worker_id, queue, group_key, expires_at)
            SELECT id, attempt, $3, $4, queue, group_key, watchbill_now() + $5::float8 * interval '1 second'
            FROM moved
        ), opened AS (
            INSERT INTO attempts (task_id, number, worker_id, worker_name, token, started_at)
            SELECT id, attempt, $4, $6, $3, watchbill_now() FROM moved
        ), recorded AS (
            INSERT INTO task_history (task_id, seq, attempt, event, from_state, to_state, actor)
            SELECT id, version, attempt, 'claim', 'queued', 'running', $6 FROM moved
        )
        SELECT m.id AS "id!", m.attempt AS "attempt!", m.name AS "name!", m.run, m.definition, m.inputs,
               r.run_id AS "run_id?", r.inputs AS "run_inputs?", r.due_at, r.plan_version_id, p.name AS "plan?"
        FROM moved m
        LEFT JOIN runs r ON r.id = m.run
        LEFT JOIN plans p ON p.id = r.plan_id
        ORDER BY m.id
        "#,
        &worker.labels,
        i64::from(limit),
        token,
        worker.id,
        engine.settings.lease.as_secs_f64(),
        worker.name,
    )
    .fetch_all(&mut *connection)
    .await?;

    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        let definition = match row.plan_version_id {
            Some(version) => planned(engine, connection, PlanVersionId(version), &row.name).await,
            None => standalone(row.id, row.definition).map(|definition| (definition, None)),
        };
        // The others of the slice must reach the worker: what cannot be read is left
        // to the rescuer, and in the end is poison.
        let (definition, timezone) = match definition {
            Ok(definition) => definition,
            Err(error @ Error::Unavailable(_)) => return Err(error),
            Err(error) => {
                tracing::error!(task.id = row.id, %error, "task {} cannot be started", row.id);
                continue;
            }
        };
        claimed.push(Claimed {
            lease: LeaseRef {
                task: TaskId(row.id),
                attempt: AttemptNumber(row.attempt),
                token,
            },
            name: row.name,
            run: row.run.map(RunKey),
            run_id: row.run_id,
            plan: row.plan,
            timezone,
            due_at: row.due_at,
            definition,
            inputs: row
                .run_inputs
                .or(row.inputs)
                .unwrap_or_else(|| serde_json::json!({})),
            upstream: serde_json::json!({}),
        });
    }
    read_upstream(connection, &mut claimed).await?;
    Ok(claimed)
}

/// Reads, for the tasks that need others, what those came to.
async fn read_upstream(connection: &mut PgConnection, claimed: &mut [Claimed]) -> Result<()> {
    let runs: Vec<RunKey> = claimed
        .iter()
        .filter(|task| !task.definition.needs.is_empty())
        .filter_map(|task| task.run)
        .collect();
    if runs.is_empty() {
        return Ok(());
    }
    let contexts = task_contexts(connection, &runs).await?;
    for task in claimed {
        if !task.definition.needs.is_empty()
            && let Some(context) = task.run.and_then(|run| contexts.get(&run))
        {
            task.upstream = context.clone();
        }
    }
    Ok(())
}

/// The task as its plan's version has it, and the plan's zone.
async fn planned(
    engine: &Engine,
    connection: &mut PgConnection,
    version: PlanVersionId,
    name: &str,
) -> Result<(Arc<PlanTask>, Option<String>)> {
    let plan = match engine.plan_cache.get(version) {
        Some(plan) => plan,
        None => plans::version(engine, connection, version).await?,
    };
    let task = plan
        .task(name)
        .with_context(|| format!("plan version {version} has no task '{name}'"))?;
    Ok((Arc::new(task.clone()), Some(plan.timezone.clone())))
}

fn standalone(task: i64, definition: Option<serde_json::Value>) -> Result<Arc<PlanTask>> {
    let definition =
        definition.with_context(|| format!("tasks.definition of row {task} is missing"))?;
    let definition = serde_json::from_value(definition)
        .with_context(|| format!("tasks.definition of row {task} is not a task"))?;
    Ok(Arc::new(definition))
}
