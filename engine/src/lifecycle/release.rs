//! Lets tasks go that wait for nothing more: they start, ask a person, or end without a start.

use std::collections::HashMap;

use model::id::TaskId;
use model::task::entry::Need;
use model::task::{GatePhase, TaskEvent, TaskState};
use sqlx::PgConnection;

use super::entry::{self, Contexts, Entry};
use super::request::request_before;
use super::signed;
use crate::tasks::{Move, StoredTask, lock_tasks, task_definition, write_moves};
use crate::{Engine, Result};

/// A task that may be free to go, its row locked, and how what it needs stands.
pub(super) struct Ready {
    pub task: StoredTask,
    pub needs: Vec<Need>,
}

/// What became of tasks that may be free to go.
#[derive(Default)]
pub(super) struct Released {
    /// May be claimed now.
    pub queued: Vec<TaskId>,
    /// Have ended without a start: left out, or failed for want of an answer.
    pub ended: Vec<TaskId>,
    /// Those of `ended` that failed.
    pub failed: Vec<TaskId>,
    /// Whether any of them has yet to finish.
    pub goes_on: bool,
}

/// Locks and reads tasks, with how what they need stands.
pub(super) async fn read(connection: &mut PgConnection, ready: &[TaskId]) -> Result<Vec<Ready>> {
    let tasks = lock_tasks(connection, ready).await?;
    let mut needs = entry::needs_of(connection, ready).await?;
    Ok(tasks
        .into_iter()
        .map(|task| Ready {
            needs: needs.remove(&task.id).unwrap_or_default(),
            task,
        })
        .collect())
}

/// Lets tasks go that are `created` and wait for nothing more, or ends them.
pub(super) async fn release(
    engine: &Engine,
    connection: &mut PgConnection,
    ready: Vec<Ready>,
) -> Result<Released> {
    let mut released = Released::default();
    let native: Vec<Ready> = ready
        .into_iter()
        .filter(|ready| ready.task.state == TaskState::Created && ready.task.native)
        .collect();
    if native.is_empty() {
        return Ok(released);
    }
    let void = signed::void_again(engine, connection, &native).await?;
    let mut contexts: Contexts = HashMap::new();
    let mut moves = Vec::new();
    let mut gated = Vec::new();
    for Ready { task, needs } in native {
        if void.contains(&task.id) {
            released.goes_on = true;
            continue;
        }
        let definition = task_definition(engine, connection, &task).await?;
        let (event, reason) =
            match entry::judge(connection, &mut contexts, &task, &definition, &needs).await? {
                Entry::Waits(need) => {
                    // The counter said otherwise; what it counted is counted again.
                    tracing::error!(
                        task.id = task.id.0,
                        "task {} was to start although {need} has not ended",
                        task.id
                    );
                    entry::recount(connection, &[task.id]).await?;
                    released.goes_on = true;
                    continue;
                }
                Entry::LeftOut(reason) => {
                    released.ended.push(task.id);
                    (TaskEvent::Skip, Some(reason))
                }
                Entry::Fails(reason) => {
                    released.ended.push(task.id);
                    released.failed.push(task.id);
                    (TaskEvent::Fail, Some(reason))
                }
                Entry::Asks(stop) => {
                    released.goes_on = true;
                    gated.push((task.clone(), definition, stop));
                    (TaskEvent::RequestApproval(GatePhase::BeforeStart), None)
                }
                Entry::Starts => {
                    released.goes_on = true;
                    released.queued.push(task.id);
                    (TaskEvent::Release, None)
                }
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
