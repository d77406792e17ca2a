//! Native tasks on their own, many at a time.

use model::id::TaskId;
use model::identity::{Permission, Principal};
use model::plan::PlanTask;
use model::task::GatePhase;
use serde_json::Value;

use super::standalone::to_store;
use crate::json::holds_nul;
use crate::{Engine, Error, Result, authorise};

/// A task that belongs to no run.
#[derive(Clone, Debug)]
pub struct NewTask {
    pub definition: PlanTask,
    pub inputs: Value,
}

/// Makes tasks that are ready at once; their ids stand in the order of `tasks`.
///
/// # Errors
/// [`Error::Forbidden`] for whoever may not both run plans and say what plans run, since a
/// task on its own is both; [`Error::Invalid`] with `tasks[n]` for one that cannot be stored.
pub async fn enqueue(
    engine: &Engine,
    principal: &Principal,
    tasks: &[NewTask],
) -> Result<Vec<TaskId>> {
    authorise(principal, Permission::Run)?;
    authorise(principal, Permission::EditPlan)?;
    let names: Vec<&str> = tasks
        .iter()
        .map(|task| task.definition.name.as_str())
        .collect();
    let queues: Vec<&str> = tasks
        .iter()
        .map(|task| task.definition.queue.as_str())
        .collect();
    let priorities: Vec<i32> = tasks.iter().map(|task| task.definition.priority).collect();
    let definitions = tasks
        .iter()
        .map(|task| to_store(&task.definition))
        .collect::<Result<Vec<_>>>()?;
    let inputs: Vec<&Value> = tasks.iter().map(|task| &task.inputs).collect();
    for (place, (definition, inputs)) in definitions.iter().zip(&inputs).enumerate() {
        let own = &tasks[place].definition;
        let starts_gated = own
            .approval
            .as_ref()
            .is_some_and(|gate| gate.phase == GatePhase::BeforeStart);
        if starts_gated || !own.needs.is_empty() || !own.uses.is_empty() || own.when.is_some() {
            return Err(Error::invalid(
                format!("tasks[{place}]"),
                "a task on its own starts at once: put one that needs or uses others, or has a condition or a gate before its start into a plan",
            ));
        }
        if holds_nul(definition) || holds_nul(inputs) {
            return Err(Error::invalid(
                format!("tasks[{place}]"),
                "leave out the character NUL, which cannot be stored",
            ));
        }
    }
    let ids = sqlx::query_scalar!(
        "WITH made AS (
             INSERT INTO tasks (name, origin, state, queue, priority, labels, definition, inputs, ready_at)
             SELECT name, 'native', 'queued', queue, priority,
                    ARRAY(SELECT jsonb_array_elements_text(coalesce(definition -> 'labels', '[]'))),
                    definition, inputs, watchbill_now()
             FROM unnest($1::text[], $2::text[], $3::int[], $4::jsonb[], $5::jsonb[])
                 WITH ORDINALITY AS g (name, queue, priority, definition, inputs, place)
             ORDER BY place
             RETURNING id
         ), recorded AS (
             INSERT INTO task_history (task_id, seq, attempt, event, to_state, actor)
             SELECT id, 1, 0, 'create', 'queued', $6 FROM made
         )
         SELECT id FROM made ORDER BY id",
        &names as &[&str],
        &queues as &[&str],
        &priorities,
        &definitions,
        &inputs as &[&Value],
        principal.name,
    )
    .fetch_all(&engine.pool)
    .await?;
    engine.hint_ready();
    Ok(ids.into_iter().map(TaskId).collect())
}
