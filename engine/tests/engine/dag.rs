//! Invariant 18: random plans end as a plain model of the rules says, each step after its parents.

use std::collections::HashMap;

use model::plan::{Join, PlanTask};
use model::task::{Outcome, TaskState};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use sqlx::PgPool;

use crate::support::{claim_one, end, engine, plan, run, states, task, worker};

/// How many random plans one run of the tests tries.
const PLANS: usize = 60;

/// A random plan, and which of its tasks fail when they run.
fn random_plan() -> impl Strategy<Value = (Vec<PlanTask>, Vec<bool>)> {
    (1_usize..12).prop_flat_map(|count| {
        let needs = (0..count)
            .map(|place| proptest::collection::vec(any::<bool>(), place))
            .collect::<Vec<_>>();
        let joins = proptest::collection::vec(0_u8..3, count);
        let fails = proptest::collection::vec(proptest::bool::weighted(0.3), count);
        (needs, joins, fails).prop_map(|(needs, joins, fails)| {
            let tasks = needs
                .into_iter()
                .zip(joins)
                .enumerate()
                .map(|(place, (needs, join))| {
                    let mut made = task(&format!("t{place}"), &[]);
                    made.needs = needs
                        .into_iter()
                        .enumerate()
                        .filter(|(_, needed)| *needed)
                        .map(|(place, _)| format!("t{place}"))
                        .collect();
                    made.join = match join {
                        0 => Join::AllSucceeded,
                        1 => Join::AllDone,
                        _ => Join::AnySucceeded,
                    };
                    made
                })
                .collect();
            (tasks, fails)
        })
    })
}

/// What the rules say of a plan, in a few lines and without a database.
fn expected(tasks: &[PlanTask], fails: &[bool]) -> Vec<(String, TaskState)> {
    let mut states: HashMap<String, TaskState> = HashMap::new();
    for (task, fails) in tasks.iter().zip(fails) {
        let succeeded = |name: &String| states[name] == TaskState::Succeeded;
        let starts = match task.join {
            Join::AllSucceeded => task.needs.iter().all(succeeded),
            Join::AllDone => true,
            Join::AnySucceeded => task.needs.is_empty() || task.needs.iter().any(succeeded),
        };
        let state = match (starts, fails) {
            (false, _) => TaskState::Skipped,
            (true, true) => TaskState::Failed,
            (true, false) => TaskState::Succeeded,
        };
        states.insert(task.name.clone(), state);
    }
    tasks
        .iter()
        .map(|task| (task.name.clone(), states[&task.name]))
        .collect()
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn random_plans_end_as_the_model_says(pool: PgPool) {
    let engine = engine(pool);
    let owner = worker(&engine);
    let mut runner = TestRunner::deterministic();
    for round in 0..PLANS {
        let (tasks, fails) = random_plan()
            .new_tree(&mut runner)
            .expect("a plan")
            .current();
        let mut definition = plan(tasks.clone());
        definition.name = format!("plan-{round}");
        let key = run(&engine, &definition, None).await;
        let mut ended: HashMap<String, TaskState> = HashMap::new();
        loop {
            let open: bool =
                sqlx::query_scalar("SELECT finished_at IS NULL FROM runs WHERE id = $1")
                    .bind(key.0)
                    .fetch_one(&engine.pool)
                    .await
                    .expect("the run exists");
            if !open {
                break;
            }
            // An open run always has something to claim: nothing waits for a person here.
            let claimed = claim_one(&engine, &owner).await;
            let place = tasks
                .iter()
                .position(|task| task.name == claimed.name)
                .expect("a task of the plan");
            let now: HashMap<String, TaskState> = states(&engine, key).await.into_iter().collect();
            for need in &tasks[place].needs {
                assert!(
                    now[need].is_finished(),
                    "{} started before {need} had ended",
                    claimed.name
                );
            }
            let outcome = if fails[place] {
                Outcome::Failed
            } else {
                Outcome::Succeeded
            };
            end(&engine, &claimed, outcome).await;
            assert!(
                ended
                    .insert(claimed.name.clone(), now[&claimed.name])
                    .is_none(),
                "ran twice"
            );
        }
        assert_eq!(
            states(&engine, key).await,
            expected(&tasks, &fails),
            "plan {definition:?}"
        );
    }
}
