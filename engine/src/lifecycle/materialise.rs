//! Making a run of a plan version: its row, its tasks, what waits for what.

use chrono::{DateTime, Utc};
use model::id::{AccountId, PlanId, PlanVersionId, RunKey, TaskId, TriggerId};
use model::plan::Plan;
use serde_json::Value;
use sqlx::PgConnection;

use super::settle;
use crate::{Engine, Error, Result, plans};

/// How many runs of one plan may share a readable id before `-2`, `-3` … give up.
const COLLISIONS: u32 = 10_000;

/// How long a run's readable id may be.
const RUN_ID_CHARACTERS: usize = 64;

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct NewRun<'a> {
    pub plan_id: PlanId,
    pub plan_version_id: PlanVersionId,
    pub plan: &'a Plan,
    pub trigger: Option<TriggerId>,
    /// When it was due: `{date}` is this moment in the plan's zone.
    pub due_at: DateTime<Utc>,
    /// A trigger's key or a person's name.
    pub started_by: &'a str,
    /// The person who asked for it, and so cannot sign it.
    pub requester: Option<AccountId>,
    /// Checked against the plan's definitions.
    pub inputs: Value,
    /// The run that must finish first.
    pub waits_for: Option<RunKey>,
}

/// Makes the run within the caller's transaction and lets its first tasks go.
///
/// Returns its key and its readable id, which gains `-2` where it is taken. Every run is made
/// here, so a version that lost a gate or a condition is refused here.
pub async fn materialise(
    engine: &Engine,
    connection: &mut PgConnection,
    new: &NewRun<'_>,
) -> Result<(RunKey, String)> {
    plans::refuse_held(connection, new.plan_version_id).await?;
    let (run, run_id) = insert_run(connection, new).await?;
    let roots = insert_tasks(connection, run, new).await?;
    if new.waits_for.is_none() {
        settle::start_tasks(engine, connection, &roots).await?;
    }
    Ok((run, run_id))
}

async fn insert_run(connection: &mut PgConnection, new: &NewRun<'_>) -> Result<(RunKey, String)> {
    let base = readable_id(new.plan, new.due_at)?;
    for number in 1..=COLLISIONS {
        let run_id = numbered(&base, number);
        let key = sqlx::query_scalar!(
            "INSERT INTO runs (plan_id, plan_version_id, run_id, trigger_id, due_at, started_by,
                               requester_account_id, inputs, waits_for_run)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT ON CONSTRAINT runs_run_id_unique DO NOTHING
             RETURNING id",
            new.plan_id.0,
            new.plan_version_id.0,
            run_id,
            new.trigger.map(|trigger| trigger.0),
            new.due_at,
            new.started_by,
            new.requester.map(|account| account.0),
            new.inputs,
            new.waits_for.map(|run| run.0),
        )
        .fetch_optional(&mut *connection)
        .await?;
        if let Some(key) = key {
            return Ok((RunKey(key), run_id));
        }
    }
    Err(Error::Conflict(format!(
        "plan {} already has {COLLISIONS} runs named {base}; give its run_id a finer template",
        new.plan.name
    )))
}

/// The run's name before collisions: the template with the due date in the plan's zone.
fn readable_id(plan: &Plan, due_at: DateTime<Utc>) -> Result<String> {
    let zone = jiff::tz::TimeZone::get(&plan.timezone).map_err(|error| {
        Error::Conflict(format!("the zone {} is not known: {error}", plan.timezone))
    })?;
    let moment = jiff::Timestamp::from_second(due_at.timestamp())
        .map_err(anyhow::Error::new)?
        .to_zoned(zone);
    let date = moment.strftime("%Y-%m-%d").to_string();
    let time = moment.strftime("%H%M").to_string();
    let id = plan
        .run_id
        .replace("{date}", &date)
        .replace("{time}", &time);
    Ok(id.chars().take(RUN_ID_CHARACTERS).collect())
}

/// The name with its number, within the length that names have.
fn numbered(base: &str, number: u32) -> String {
    if number == 1 {
        return base.to_owned();
    }
    let suffix = format!("-{number}");
    let kept: String = base
        .chars()
        .take(RUN_ID_CHARACTERS - suffix.len())
        .collect();
    format!("{kept}{suffix}")
}

/// Inserts the tasks with their dependencies; returns those that wait for none.
async fn insert_tasks(
    connection: &mut PgConnection,
    run: RunKey,
    new: &NewRun<'_>,
) -> Result<Vec<TaskId>> {
    let tasks = &new.plan.tasks;
    let names: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
    let queues: Vec<&str> = tasks.iter().map(|task| task.queue.as_str()).collect();
    let priorities: Vec<i32> = tasks.iter().map(|task| task.priority).collect();
    let pending: Vec<i32> = tasks
        .iter()
        .map(|task| i32::try_from(task.needs.len()).unwrap_or(i32::MAX))
        .collect();
    let labels: Vec<String> = tasks.iter().map(|task| task.labels.join(",")).collect();
    let joins: Vec<Option<&str>> = tasks
        .iter()
        .map(|task| (!task.needs.is_empty()).then_some(task.join.as_str()))
        .collect();
    sqlx::query!(
        "INSERT INTO queues (name) SELECT DISTINCT unnest($1::text[]) ON CONFLICT DO NOTHING",
        &queues as &[&str]
    )
    .execute(&mut *connection)
    .await?;
    let ids: Vec<i64> = sqlx::query_scalar!(
        "WITH made AS (
             INSERT INTO tasks (run, position, name, origin, state, queue, priority, pending_dependencies, labels, inputs,
                                join_rule)
             SELECT $1, place, name, 'native', 'created', queue, priority, pending,
                    CASE WHEN labels = '' THEN '{}' ELSE string_to_array(labels, ',') END, $7, join_rule
             FROM unnest($2::text[], $3::text[], $4::int[], $5::int[], $6::text[], $9::text[])
                 WITH ORDINALITY AS g (name, queue, priority, pending, labels, join_rule, place)
             ORDER BY place
             RETURNING id, position
         ), recorded AS (
             INSERT INTO task_history (task_id, seq, attempt, event, to_state, actor)
             SELECT id, 1, 0, 'create', 'created', $8 FROM made
         )
         SELECT id FROM made ORDER BY position",
        run.0,
        &names as &[&str],
        &queues as &[&str],
        &priorities,
        &pending,
        &labels,
        new.inputs,
        new.started_by,
        &joins as &[Option<&str>],
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut waiting = Vec::new();
    let mut needed = Vec::new();
    for (task, id) in tasks.iter().zip(&ids) {
        for need in &task.needs {
            let place = names.iter().position(|name| name == need).ok_or_else(|| {
                anyhow::anyhow!(
                    "plan {}: task {} needs {need}, which is not there",
                    new.plan.name,
                    task.name
                )
            })?;
            waiting.push(*id);
            needed.push(ids[place]);
        }
    }
    sqlx::query!(
        "INSERT INTO task_dependencies (task_id, needs_task_id)
         SELECT * FROM unnest($1::bigint[], $2::bigint[])",
        &waiting,
        &needed,
    )
    .execute(connection)
    .await?;
    Ok(tasks
        .iter()
        .zip(ids)
        .filter(|(task, _)| task.needs.is_empty())
        .map(|(_, id)| TaskId(id))
        .collect())
}
