//! The one way into the queue: what a task needs is counted again under its run's lock, its
//! condition is judged, and the gate before its start is raised.

use std::collections::HashMap;

use model::approval::ApprovalState;
use model::id::{ApprovalId, RunKey, TaskId};
use model::plan::{Join, PlanTask};
use model::task::TaskState;
use model::task::entry::{Admission, Need, admission};
use sqlx::PgConnection;

use super::gate::gate_before;
use super::{Stop, condition_context};
use crate::plans::aside;
use crate::plans::condition::{ConditionContext, task_condition};
use crate::tasks::records::word;
use crate::tasks::{StoredTask, state_of};
use crate::{Error, Result};

/// The contexts of the runs that one transaction has read.
pub(super) type Contexts = HashMap<RunKey, ConditionContext>;

/// Why a task does not start of which some needs are not kept any more.
const NEEDS_ARE_GONE: &str = "some of what it needs is no longer kept, so nobody can tell whether it may; start the plan anew";

/// What becomes of a task that wants to start.
pub(super) enum Entry {
    /// This need has not ended.
    Waits(String),
    /// It is not to run, for this reason.
    LeftOut(String),
    /// Nobody knows whether it is to run, for this reason.
    Fails(String),
    /// A gate stands before its start.
    Asks(Stop),
    Starts,
}

/// Judges needs and join, then the condition, then the gate before the start.
///
/// A condition without an answer fails the task: starting would be a guess, and leaving it
/// out would pass for a success, night after night.
pub(super) async fn judge(
    connection: &mut PgConnection,
    contexts: &mut Contexts,
    task: &StoredTask,
    definition: &PlanTask,
    needs: &[Need],
) -> Result<Entry> {
    if needs.len() < definition.needs.len() {
        return Ok(Entry::LeftOut(NEEDS_ARE_GONE.to_owned()));
    }
    match admission(definition.join, needs) {
        Admission::Waits(need) => return Ok(Entry::Waits(need.name.clone())),
        Admission::Unmet(need) => {
            return Ok(Entry::LeftOut(unmet(definition.join, need, needs)));
        }
        Admission::Met => {}
    }
    if let Some(expression) = &definition.when {
        let context = condition_context(connection, contexts, task).await?;
        let condition = expression.clone();
        match aside(move || task_condition(&condition, &context)).await? {
            Ok(true) => {}
            Ok(false) => {
                let reason = format!("its condition is false: {expression}");
                return Ok(Entry::LeftOut(reason));
            }
            Err(error) => {
                let reason = format!("its condition could not be evaluated: {error}");
                return Ok(Entry::Fails(reason));
            }
        }
    }
    Ok(
        match gate_before(connection, contexts, task, definition).await? {
            Some(stop) => Entry::Asks(stop),
            None => Entry::Starts,
        },
    )
}

/// Refuses a start that the needs do not allow, where a person's verb would lead to one.
///
/// # Errors
/// [`Error::Conflict`] that names the need and what to do about it.
pub(super) async fn demand_needs(
    connection: &mut PgConnection,
    task: &StoredTask,
    definition: &PlanTask,
) -> Result<Vec<Need>> {
    let mut needs = needs_of(connection, &[task.id]).await?;
    let needs = needs.remove(&task.id).unwrap_or_default();
    if needs.len() < definition.needs.len() {
        return Err(Error::Conflict(format!(
            "task {} ({}) cannot start: {NEEDS_ARE_GONE}",
            task.id, task.name
        )));
    }
    let open = match admission(definition.join, &needs) {
        Admission::Met => return Ok(needs),
        Admission::Waits(need) | Admission::Unmet(need) => need.clone(),
    };
    let advice = match open.state {
        TaskState::AwaitingApproval => {
            let asked = pending_request(connection, task.id, &open.name).await?;
            let which =
                asked.map_or_else(|| "a signature".to_owned(), |id| format!("approval {id}"));
            format!("waits for {which}; decide it, or retry the run")
        }
        TaskState::Created
        | TaskState::Queued
        | TaskState::Scheduled
        | TaskState::OnHold
        | TaskState::Running
        | TaskState::Blocked
        | TaskState::Cancelling => "has not ended; wait for it, or retry the run".to_owned(),
        TaskState::Succeeded | TaskState::Failed | TaskState::Skipped | TaskState::Cancelled => {
            format!("{}; retry the run from there", ended(&open))
        }
    };
    Err(Error::Conflict(format!(
        "task {} ({}) cannot start: {} {advice}",
        task.id, task.name, open.name
    )))
}

/// The request that waits about a task of the same run.
async fn pending_request(
    connection: &mut PgConnection,
    task: TaskId,
    need: &str,
) -> Result<Option<ApprovalId>> {
    let id = sqlx::query_scalar!(
        "SELECT a.id FROM task_dependencies d
         JOIN tasks n ON n.id = d.needs_task_id
         JOIN approvals a ON a.task_id = n.id AND a.state = 'pending'
         WHERE d.task_id = $1 AND n.name = $2 LIMIT 1",
        task.0,
        need
    )
    .fetch_optional(connection)
    .await?;
    Ok(id.map(ApprovalId))
}

/// Refuses a new attempt of a task while others go on from how it ended, or are about to, by
/// way of one between that has ended: what they start from would change under them.
///
/// # Errors
/// [`Error::Conflict`] that names one of them.
pub(super) async fn demand_idle_dependants(
    connection: &mut PgConnection,
    task: &StoredTask,
) -> Result<()> {
    let active = sqlx::query!(
        "WITH RECURSIVE below AS (
             SELECT task_id FROM task_dependencies WHERE needs_task_id = $1
             UNION
             SELECT d.task_id FROM task_dependencies d JOIN below b ON d.needs_task_id = b.task_id
         )
         SELECT t.id, t.name, t.state FROM below b JOIN tasks t ON t.id = b.task_id
         WHERE t.state NOT IN ('created', 'succeeded', 'failed', 'skipped', 'cancelled')
            OR (t.state = 'created' AND EXISTS (
                SELECT FROM task_dependencies d JOIN below m ON m.task_id = d.needs_task_id
                JOIN tasks n ON n.id = m.task_id
                WHERE d.task_id = t.id AND n.state IN ('succeeded', 'failed', 'skipped', 'cancelled')))
         ORDER BY t.position LIMIT 1",
        task.id.0
    )
    .fetch_optional(connection)
    .await?;
    match active {
        None => Ok(()),
        Some(row) => Err(Error::Conflict(format!(
            "task {} ({}) goes on from how {} ended: it is {}; wait for its end or cancel it first",
            row.id,
            row.name,
            task.name,
            state_of(row.id, &row.state)?
        ))),
    }
}

/// How what these tasks need stands now.
pub(super) async fn needs_of(
    connection: &mut PgConnection,
    tasks: &[TaskId],
) -> Result<HashMap<TaskId, Vec<Need>>> {
    let ids: Vec<i64> = tasks.iter().map(|task| task.0).collect();
    let rows = sqlx::query!(
        "SELECT d.task_id, n.id, n.name, n.state, n.approval_state
         FROM task_dependencies d JOIN tasks n ON n.id = d.needs_task_id
         WHERE d.task_id = ANY($1) ORDER BY n.position, n.id",
        &ids
    )
    .fetch_all(connection)
    .await?;
    let mut needs: HashMap<TaskId, Vec<Need>> = HashMap::new();
    for row in rows {
        let need = need(row.id, row.name, &row.state, row.approval_state.as_deref())?;
        needs.entry(TaskId(row.task_id)).or_default().push(need);
    }
    Ok(needs)
}

/// Decodes a need as it is stored.
pub(super) fn need(id: i64, name: String, state: &str, approval: Option<&str>) -> Result<Need> {
    Ok(Need {
        name,
        state: state_of(id, state)?,
        approval: approval
            .map(|text| word::<ApprovalState>(text, "tasks.approval_state", id))
            .transpose()?,
    })
}

/// Counts again what these tasks wait for, and what waits for them; returns those of `tasks`
/// that wait for nothing.
pub(super) async fn recount(
    connection: &mut PgConnection,
    tasks: &[TaskId],
) -> Result<Vec<TaskId>> {
    let ids: Vec<i64> = tasks.iter().map(|task| task.0).collect();
    sqlx::query!(
        "UPDATE task_dependencies d
         SET settled = n.state IN ('succeeded', 'failed', 'skipped', 'cancelled')
         FROM tasks n
         WHERE n.id = d.needs_task_id AND (d.task_id = ANY($1) OR d.needs_task_id = ANY($1))",
        &ids
    )
    .execute(&mut *connection)
    .await?;
    let free = sqlx::query_scalar!(
        r#"WITH concerned AS (
             SELECT unnest($1::bigint[]) AS id
             UNION SELECT task_id FROM task_dependencies WHERE needs_task_id = ANY($1)
         ), counts AS (
             SELECT c.id, count(d.task_id) FILTER (WHERE NOT d.settled)::int AS pending
             FROM concerned c LEFT JOIN task_dependencies d ON d.task_id = c.id GROUP BY c.id
         )
         UPDATE tasks t SET pending_dependencies = c.pending
         FROM counts c
         WHERE t.id = c.id AND t.state = 'created'
         RETURNING CASE WHEN t.pending_dependencies = 0 AND t.id = ANY($1) THEN t.id END"#,
        &ids
    )
    .fetch_all(connection)
    .await?;
    let mut free: Vec<TaskId> = free.into_iter().flatten().map(TaskId).collect();
    free.sort_unstable();
    Ok(free)
}

/// Says why the join rule leaves a task out.
fn unmet(join: Join, need: &Need, needs: &[Need]) -> String {
    match join {
        Join::AnySucceeded => {
            let names: Vec<&str> = needs.iter().map(|need| need.name.as_str()).collect();
            format!("none of {} succeeded", names.join(", "))
        }
        Join::AllSucceeded | Join::AllDone => {
            format!("it needs {}, which {}", need.name, ended(need))
        }
    }
}

/// The end of a sentence about a need that did not succeed.
fn ended(need: &Need) -> &'static str {
    match (need.approval, need.state) {
        (Some(ApprovalState::Rejected), TaskState::Failed) => "was refused",
        (Some(ApprovalState::Expired), TaskState::Failed) => "was not approved in time",
        (_, TaskState::Failed) => "failed",
        (_, TaskState::Skipped) => "was skipped",
        (_, TaskState::Cancelled) => "was cancelled",
        (_, TaskState::Succeeded) => "was not approved",
        (
            _,
            TaskState::Created
            | TaskState::Queued
            | TaskState::Scheduled
            | TaskState::OnHold
            | TaskState::Running
            | TaskState::Blocked
            | TaskState::AwaitingApproval
            | TaskState::Cancelling,
        ) => "has not ended",
    }
}
