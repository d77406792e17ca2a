//! Whether a task that waits for nothing more starts, asks a person, or is left out.

use std::collections::HashMap;

use model::id::{RunKey, TaskId};
use model::plan::{Join, PlanTask};
use model::task::{GatePhase, TaskEvent, TaskState};
use serde_json::Value;
use sqlx::PgConnection;

use super::gate::gate_before;
use super::request::request_before;
use crate::plans::condition::{ConditionContext, task_condition};
use crate::tasks::{
    Move, StoredTask, lock_tasks, run_context, state_of, task_definition, write_moves,
};
use crate::{Engine, Result};

/// A task that waits for nothing more, its row locked, and how what it needs ended.
pub(super) struct Ready {
    pub task: StoredTask,
    pub needs: Vec<(String, TaskState)>,
}

/// What became of tasks that waited for nothing more.
#[derive(Default)]
pub(super) struct Released {
    /// May be claimed now.
    pub queued: Vec<TaskId>,
    /// Were left out, and so have finished.
    pub skipped: Vec<TaskId>,
    /// Whether any of them has yet to finish.
    pub goes_on: bool,
}

/// Locks and reads tasks whose dependencies are all settled.
pub(super) async fn read(connection: &mut PgConnection, ready: &[TaskId]) -> Result<Vec<Ready>> {
    let tasks = lock_tasks(connection, ready).await?;
    let mut needs = needed_states(connection, ready).await?;
    Ok(tasks
        .into_iter()
        .map(|task| Ready {
            needs: needs.remove(&task.id).unwrap_or_default(),
            task,
        })
        .collect())
}

/// Decides about tasks whose dependencies are all settled.
pub(super) async fn release(
    engine: &Engine,
    connection: &mut PgConnection,
    ready: Vec<Ready>,
) -> Result<Released> {
    let mut released = Released::default();
    if ready.is_empty() {
        return Ok(released);
    }
    let mut contexts: HashMap<RunKey, (Value, Value)> = HashMap::new();
    let mut moves = Vec::new();
    let mut gated = Vec::new();
    for Ready { task, needs } in ready {
        if task.state != TaskState::Created || !task.native {
            continue;
        }
        let definition = task_definition(engine, connection, &task).await?;
        let unmet = unmet_join(definition.join, &needs);
        let reason = match unmet {
            Some(reason) => Some(reason),
            None => condition_leaves_out(connection, &mut contexts, &task, &definition).await?,
        };
        let event = if reason.is_some() {
            released.skipped.push(task.id);
            TaskEvent::Skip
        } else if let Some(stop) =
            gate_before(connection, &mut contexts, &task, &definition).await?
        {
            gated.push((task.clone(), definition, stop));
            released.goes_on = true;
            TaskEvent::RequestApproval(GatePhase::BeforeStart)
        } else {
            released.goes_on = true;
            released.queued.push(task.id);
            TaskEvent::Release
        };
        moves.push(Move {
            task: task.id,
            attempt: task.attempt,
            from: task.state,
            event,
            reason,
        });
    }
    write_moves(connection, "scheduler", &moves).await?;
    for (task, definition, stop) in gated {
        request_before(engine, connection, &task, &definition, &stop).await?;
    }
    Ok(released)
}

/// The names and states of what each of these tasks needs.
async fn needed_states(
    connection: &mut PgConnection,
    tasks: &[TaskId],
) -> Result<HashMap<TaskId, Vec<(String, TaskState)>>> {
    let ids: Vec<i64> = tasks.iter().map(|task| task.0).collect();
    let rows = sqlx::query!(
        "SELECT d.task_id, n.id, n.name, n.state
         FROM task_dependencies d JOIN tasks n ON n.id = d.needs_task_id
         WHERE d.task_id = ANY($1) ORDER BY n.position, n.id",
        &ids
    )
    .fetch_all(connection)
    .await?;
    let mut needs: HashMap<TaskId, Vec<(String, TaskState)>> = HashMap::new();
    for row in rows {
        let state = state_of(row.id, &row.state)?;
        needs
            .entry(TaskId(row.task_id))
            .or_default()
            .push((row.name, state));
    }
    Ok(needs)
}

/// Why the join rule leaves the task out, where it does.
fn unmet_join(join: Join, needs: &[(String, TaskState)]) -> Option<String> {
    let succeeded: Vec<bool> = needs
        .iter()
        .map(|(_, state)| *state == TaskState::Succeeded)
        .collect();
    if join.is_met(&succeeded) {
        return None;
    }
    Some(match join {
        Join::AnySucceeded => {
            let names: Vec<&str> = needs.iter().map(|(name, _)| name.as_str()).collect();
            format!("none of {} succeeded", names.join(", "))
        }
        Join::AllSucceeded | Join::AllDone => needs
            .iter()
            .find(|(_, state)| *state != TaskState::Succeeded)
            .map(|(name, state)| format!("it needs {name}, which {}", ended(*state)))?,
    })
}

/// The end of a sentence about a task that is not to be followed.
const fn ended(state: TaskState) -> &'static str {
    match state {
        TaskState::Failed => "failed",
        TaskState::Skipped => "was skipped",
        TaskState::Cancelled => "was cancelled",
        TaskState::Succeeded => "succeeded",
        TaskState::Created
        | TaskState::Queued
        | TaskState::Scheduled
        | TaskState::OnHold
        | TaskState::Running
        | TaskState::Blocked
        | TaskState::AwaitingApproval
        | TaskState::Cancelling => "has not finished",
    }
}

/// Why the task's condition leaves it out, where it does. A condition that
/// cannot be evaluated leaves it out too: work is not started on a guess.
async fn condition_leaves_out(
    connection: &mut PgConnection,
    contexts: &mut HashMap<RunKey, (Value, Value)>,
    task: &StoredTask,
    definition: &PlanTask,
) -> Result<Option<String>> {
    let Some(expression) = &definition.when else {
        return Ok(None);
    };
    let context = condition_context(connection, contexts, task).await?;
    Ok(match task_condition(expression, &context) {
        Ok(true) => None,
        Ok(false) => Some(format!("its condition is false: {expression}")),
        Err(error) => Some(format!("its condition could not be evaluated: {error}")),
    })
}

/// The context of a task's run, read once for all tasks that are decided together.
pub(crate) async fn condition_context(
    connection: &mut PgConnection,
    contexts: &mut HashMap<RunKey, (Value, Value)>,
    task: &StoredTask,
) -> Result<ConditionContext> {
    let (inputs, tasks) = match task.run {
        Some(run) => match contexts.get(&run) {
            Some(context) => context.clone(),
            None => {
                let context = run_context(connection, run).await?;
                contexts.insert(run, context.clone());
                context
            }
        },
        None => (serde_json::json!({}), serde_json::json!({})),
    };
    Ok(ConditionContext { inputs, tasks })
}
