//! Claiming: a lease with a fencing token, committed before anything runs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};
use model::id::{AttemptNumber, PlanVersionId, RunKey, TaskId};
use model::plan::{Plan, PlanTask};
use sqlx::PgConnection;
use uuid::Uuid;

use super::used::givers;
use crate::tasks::{Claimed, LeaseRef, StoredDefinition, WorkerIdentity, task_contexts};
use crate::{Engine, Error, Result, plans};

/// How many refused tasks are told.
const REFUSED: i64 = 20;

/// How soon a question that the database could not answer is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Claims up to `limit` ready tasks, the most urgent and then the oldest first.
///
/// A task whose needs do not let it start is refused here whatever put it into the queue:
/// see [`refused`].
///
/// One statement takes the rows, leases them, which opens their attempts, and writes
/// their history. The rows are locked in a materialised CTE: with
/// `IN (SELECT … LIMIT)` PostgreSQL may run the subquery once per row and take them all.
pub async fn claim(engine: &Engine, worker: &WorkerIdentity, limit: u32) -> Result<Vec<Claimed>> {
    let mut connection = engine.pool.acquire().await?;
    // A statement on its own commits by itself: an idle worker begins a round trip sooner.
    let rows = claim_rows(engine, &mut connection, worker, limit).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    loop {
        match complete(engine, &mut connection, &rows).await {
            // They are ours already, so the answer is worth another question.
            Err(Error::Unavailable(error)) => {
                tracing::debug!("what was claimed cannot be read yet: {error}");
                tokio::time::sleep(RETRY_PAUSE).await;
                connection = engine.pool.acquire().await?;
            }
            answer => return answer,
        }
    }
}

/// The same in the caller's transaction; nothing may run before that is committed.
pub(super) async fn claim_in(
    engine: &Engine,
    connection: &mut PgConnection,
    worker: &WorkerIdentity,
    limit: u32,
) -> Result<Vec<Claimed>> {
    let rows = claim_rows(engine, connection, worker, limit).await?;
    complete(engine, connection, &rows).await
}

/// A task that was claimed, as it is stored.
struct ClaimedRow {
    id: i64,
    attempt: i32,
    token: Uuid,
    name: String,
    run: Option<i64>,
    definition: Option<StoredDefinition>,
    inputs: Option<serde_json::Value>,
    run_id: Option<String>,
    run_inputs: Option<serde_json::Value>,
    due_at: Option<DateTime<Utc>>,
    plan_version_id: Option<i64>,
    plan: Option<String>,
    changes_wanted: Option<String>,
    change_round: i32,
}

async fn claim_rows(
    engine: &Engine,
    connection: &mut PgConnection,
    worker: &WorkerIdentity,
    limit: u32,
) -> Result<Vec<ClaimedRow>> {
    let rows = sqlx::query_as!(
        ClaimedRow,
        r#"
        WITH ready AS MATERIALIZED (
            SELECT id FROM tasks
            WHERE state = 'queued' AND origin = 'native' AND labels <@ $1::text[]
              AND (run IS NULL OR watchbill_may_start(id, join_rule))
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
            WHERE t.id = ready.id AND t.state IS NOT DISTINCT FROM 'queued'
            RETURNING t.id, t.attempt, t.version, t.queue, t.group_key, t.run, t.name, t.definition, t.inputs,
                      t.changes_wanted, t.change_round
        ), leased AS (
            INSERT INTO leases (task_id, attempt, token, worker_id, worker_name, queue, group_key, expires_at)
            SELECT id, attempt, $3, $4, $6, queue, group_key, watchbill_now() + $5::float8 * interval '1 second'
            FROM moved
        ), recorded AS (
            INSERT INTO task_history (task_id, seq, attempt, event, from_state, to_state, actor)
            SELECT id, version, attempt, 'claim', 'queued', 'running', $6 FROM moved
        )
        SELECT m.id AS "id!", m.attempt AS "attempt!", $3::uuid AS "token!", m.name AS "name!", m.run,
               m.definition AS "definition: StoredDefinition", m.inputs,
               r.run_id AS "run_id?", r.inputs AS "run_inputs?", r.due_at, r.plan_version_id, p.name AS "plan?",
               m.changes_wanted, m.change_round AS "change_round!"
        FROM moved m
        LEFT JOIN runs r ON r.id = m.run
        LEFT JOIN plans p ON p.id = r.plan_id
        ORDER BY m.id
        "#,
        &worker.labels,
        i64::from(limit),
        engine.random.uuid(),
        worker.id,
        engine.settings.lease.as_secs_f64(),
        worker.name,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Names the queued tasks that no claim takes, because what they need does not let them start.
///
/// Nothing puts such a task into the queue; where there is one, there is a fault of ours.
///
/// # Errors
/// When the database cannot be read.
pub async fn refused(engine: &Engine) -> Result<Vec<(TaskId, String)>> {
    let rows = sqlx::query!(
        "SELECT id, name FROM tasks
         WHERE state = 'queued' AND origin = 'native' AND run IS NOT NULL AND NOT watchbill_may_start(id, join_rule)
         ORDER BY id LIMIT $1",
        REFUSED
    )
    .fetch_all(&engine.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (TaskId(row.id), row.name))
        .collect())
}

/// Adds what the plan's version says, and what the earlier tasks came to.
async fn complete(
    engine: &Engine,
    connection: &mut PgConnection,
    rows: &[ClaimedRow],
) -> Result<Vec<Claimed>> {
    let mut claimed = Vec::with_capacity(rows.len());
    let mut plans_of = Vec::with_capacity(rows.len());
    for row in rows {
        let definition = match row.plan_version_id {
            Some(version) => planned(engine, connection, PlanVersionId(version), &row.name)
                .await
                .map(|(definition, plan)| (definition, Some(plan))),
            None => engine
                .definitions
                .read(row.id, row.definition.as_ref())
                .map(|definition| (definition, None)),
        };
        // The others of the slice must reach the worker: what cannot be read is left
        // to the rescuer, and in the end is poison.
        let (definition, plan) = match definition {
            Ok(definition) => definition,
            Err(error) if error.ends_transaction() => return Err(error),
            Err(error) => {
                tracing::error!(task.id = row.id, %error, "task {} cannot be started", row.id);
                continue;
            }
        };
        claimed.push(Claimed {
            lease: LeaseRef {
                task: TaskId(row.id),
                attempt: AttemptNumber(row.attempt),
                token: row.token,
            },
            name: row.name.clone(),
            run: row.run.map(RunKey),
            run_id: row.run_id.clone(),
            plan: row.plan.clone(),
            timezone: plan.as_ref().map(|plan| plan.timezone.clone()),
            due_at: row.due_at,
            definition,
            uses: Vec::new(),
            inputs: row
                .run_inputs
                .as_ref()
                .or(row.inputs.as_ref())
                .cloned()
                .unwrap_or_else(|| serde_json::json!({})),
            upstream: Arc::new(serde_json::json!({})),
            changes_wanted: row.changes_wanted.clone(),
            change_round: row.change_round,
        });
        plans_of.push(plan);
    }
    read_upstream(connection, &mut claimed).await?;
    for (task, plan) in claimed.iter_mut().zip(plans_of) {
        let Some(plan) = plan else { continue };
        let asked = |need: &str| {
            let approval = &task.upstream[need]["approval"];
            approval
                .as_str()
                .is_some_and(|approval| !approval.is_empty())
        };
        let gate = |need: &str| plan.task(need)?.approval.as_ref();
        let definition = &task.definition;
        task.uses = givers(&definition.uses, &definition.needs, gate, asked);
    }
    Ok(claimed)
}

/// A step sees by its templates, and in its environment, what others came to.
fn looks_upstream(task: &Claimed) -> bool {
    !task.definition.needs.is_empty()
}

/// Reads, for the tasks that need others, what those came to.
async fn read_upstream(connection: &mut PgConnection, claimed: &mut [Claimed]) -> Result<()> {
    let runs: Vec<RunKey> = claimed
        .iter()
        .filter(|task| looks_upstream(task))
        .filter_map(|task| task.run)
        .collect();
    if runs.is_empty() {
        return Ok(());
    }
    let contexts: HashMap<RunKey, Arc<_>> = task_contexts(connection, &runs)
        .await?
        .into_iter()
        .map(|(run, context)| (run, Arc::new(context)))
        .collect();
    for task in claimed {
        if looks_upstream(task)
            && let Some(context) = task.run.and_then(|run| contexts.get(&run))
        {
            task.upstream = Arc::clone(context);
        }
    }
    Ok(())
}

/// The task as its plan's version has it, and the plan.
async fn planned(
    engine: &Engine,
    connection: &mut PgConnection,
    version: PlanVersionId,
    name: &str,
) -> Result<(Arc<PlanTask>, Arc<Plan>)> {
    let plan = match engine.plan_cache.get(version) {
        Some(plan) => plan,
        None => plans::version(engine, connection, version).await?,
    };
    let task = plan
        .task(name)
        .with_context(|| format!("plan version {version} has no task '{name}'"))?;
    Ok((Arc::new(task.clone()), plan))
}
