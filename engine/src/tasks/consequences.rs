//! What follows from an answer to a request: who may go on, and who is left out.

use std::collections::{HashMap, HashSet};

use model::id::{PlanVersionId, RunKey, TaskId};
use model::plan::Join;
use model::task::TaskState;
use sqlx::PgConnection;

use crate::tasks::state_of;
use crate::{Engine, Result, plans};

/// Names, in the order of the plan.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Consequences {
    /// May start, sooner or later, if it is approved.
    pub waiting: Vec<String>,
    /// Are skipped if it is refused.
    pub skipped: Vec<String>,
}

/// A task behind the one that is asked about, which has not been released.
struct Behind {
    id: i64,
    name: String,
    join: Join,
    needs: Vec<Need>,
}

struct Need {
    id: i64,
    state: TaskState,
}

/// Works the join rules out for the tasks that wait behind this one, directly or through
/// others. Conditions are not: they see what is not there yet.
pub(crate) async fn consequences(
    engine: &Engine,
    connection: &mut PgConnection,
    task: TaskId,
    run: Option<RunKey>,
) -> Result<Consequences> {
    let Some(run) = run else {
        return Ok(Consequences::default());
    };
    let behind = behind(engine, connection, task, run).await?;
    let refused = left_out(&behind, &HashSet::from([task.0]));
    let approved = left_out(&behind, &HashSet::new());
    let names = |wanted: &dyn Fn(&Behind) -> bool| {
        let some = behind.iter().filter(|one| wanted(one));
        some.map(|one| one.name.clone()).collect()
    };
    Ok(Consequences {
        waiting: names(&|one| !approved.contains(&one.id)),
        skipped: names(&|one| refused.contains(&one.id)),
    })
}

async fn behind(
    engine: &Engine,
    connection: &mut PgConnection,
    task: TaskId,
    run: RunKey,
) -> Result<Vec<Behind>> {
    let rows = sqlx::query!(
        r#"WITH RECURSIVE after (id) AS (
               SELECT d.task_id FROM task_dependencies d WHERE d.needs_task_id = $1
               UNION
               SELECT d.task_id FROM after a JOIN task_dependencies d ON d.needs_task_id = a.id)
           SELECT t.id, t.name,
                  ARRAY(SELECT n.id FROM task_dependencies d JOIN tasks n ON n.id = d.needs_task_id
                        WHERE d.task_id = t.id ORDER BY n.id) AS "needs!",
                  ARRAY(SELECT n.state FROM task_dependencies d JOIN tasks n ON n.id = d.needs_task_id
                        WHERE d.task_id = t.id ORDER BY n.id) AS "states!"
           FROM after a JOIN tasks t ON t.id = a.id WHERE t.state = 'created'
           ORDER BY t.position, t.id LIMIT 1000"#,
        task.0
    )
    .fetch_all(&mut *connection)
    .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let version = sqlx::query_scalar!("SELECT plan_version_id FROM runs WHERE id = $1", run.0)
        .fetch_optional(&mut *connection)
        .await?
        .flatten();
    let joins: HashMap<String, Join> = match version {
        Some(version) => plans::version(engine, connection, PlanVersionId(version))
            .await?
            .tasks
            .iter()
            .map(|task| (task.name.clone(), task.join))
            .collect(),
        None => HashMap::new(),
    };
    rows.into_iter()
        .map(|row| {
            let states = row.states.iter().map(|state| state_of(row.id, state));
            let needs = row
                .needs
                .into_iter()
                .zip(states.collect::<Result<Vec<_>>>()?)
                .map(|(id, state)| Need { id, state })
                .collect();
            Ok(Behind {
                join: joins.get(&row.name).copied().unwrap_or_default(),
                id: row.id,
                name: row.name,
                needs,
            })
        })
        .collect()
}

/// Who is skipped where these have not succeeded, besides those that ended otherwise already.
fn left_out(behind: &[Behind], lost: &HashSet<i64>) -> HashSet<i64> {
    let mut out = HashSet::new();
    loop {
        let before = out.len();
        for task in behind {
            let succeeds = |need: &Need| {
                let fails = lost.contains(&need.id) || out.contains(&need.id);
                !fails && (!need.state.is_finished() || need.state == TaskState::Succeeded)
            };
            let needs: Vec<bool> = task.needs.iter().map(succeeds).collect();
            if !task.join.is_met(&needs) {
                out.insert(task.id);
            }
        }
        if out.len() == before {
            return out;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(id: i64, join: Join, needs: &[(i64, TaskState)]) -> Behind {
        Behind {
            id,
            name: format!("task {id}"),
            join,
            needs: needs
                .iter()
                .map(|(id, state)| Need {
                    id: *id,
                    state: *state,
                })
                .collect(),
        }
    }

    #[test]
    fn a_refusal_goes_as_far_as_the_join_rules_let_it() {
        use TaskState::{AwaitingApproval, Created, Failed, Succeeded};
        let gate = (1, AwaitingApproval);
        let tasks = [
            behind(2, Join::AllSucceeded, &[gate]),
            behind(3, Join::AllDone, &[gate]),
            behind(4, Join::AnySucceeded, &[gate, (9, Succeeded)]),
            behind(5, Join::AnySucceeded, &[gate, (8, Failed)]),
            behind(6, Join::AllSucceeded, &[(2, Created)]),
            behind(7, Join::AllSucceeded, &[(3, Created)]),
        ];
        let sorted = |out: HashSet<i64>| {
            let mut ids: Vec<i64> = out.into_iter().collect();
            ids.sort_unstable();
            ids
        };
        assert_eq!(sorted(left_out(&tasks, &HashSet::from([1]))), [2, 5, 6]);
        assert!(left_out(&tasks, &HashSet::new()).is_empty());
        let lost = [behind(2, Join::AllSucceeded, &[gate, (8, Failed)])];
        assert_eq!(sorted(left_out(&lost, &HashSet::new())), [2]);
    }
}
