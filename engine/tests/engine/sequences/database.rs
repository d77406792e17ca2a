//! The same sequences on PostgreSQL, by the engine's own verbs.

use engine::lifecycle::{
    Channel, Decide, act_on_due, cancel, claim, hold, pending_for_task, rerun, retry_failed, unhold,
};
use engine::tasks::Claimed;
use engine::{Engine, Error};
use model::approval::Verdict;
use model::id::{RunKey, TaskId};
use model::identity::{Principal, Role};
use model::plan::Plan;
use model::task::{Outcome, TaskState};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use sqlx::PgPool;

use super::oracle::{Seen, judge_rest, judge_start};
use super::{Caller, Verb, any_plan, verb};
use crate::support::{decide, end, engine, person, run, worker};

const SEQUENCES: usize = 200;

struct House {
    engine: Engine,
    operator: Principal,
    approver: Principal,
    viewer: Principal,
}

impl House {
    fn caller(&self, caller: Caller) -> &Principal {
        match caller {
            Caller::Operator => &self.operator,
            Caller::Approver => &self.approver,
            Caller::Viewer => &self.viewer,
        }
    }
}

/// The tasks of a run in the plan's order.
async fn read(engine: &Engine, run: RunKey) -> (Vec<TaskId>, Vec<Seen>) {
    let rows: Vec<(i64, String, Option<String>)> = sqlx::query_as(
        "SELECT id, state, approval_state FROM tasks WHERE run = $1 ORDER BY position",
    )
    .bind(run.0)
    .fetch_all(&engine.pool)
    .await
    .expect("the run exists");
    rows.into_iter()
        .map(|(id, state, approval)| {
            let seen = Seen {
                state: state.parse().expect("a state"),
                approval: approval.map(|text| text.parse().expect("an answer")),
            };
            (TaskId(id), seen)
        })
        .unzip()
}

/// A refusal is an answer; anything else is a fault.
fn allowed<T>(answer: Result<T, Error>) {
    match answer {
        Ok(_)
        | Err(Error::Conflict(_) | Error::Forbidden(_) | Error::Gone(_) | Error::Invalid(_)) => {}
        Err(other) => panic!("neither done nor refused: {other:?}"),
    }
}

async fn answer(house: &House, caller: Caller, task: TaskId, verdict: Verdict) {
    let mut connection = house.engine.pool.acquire().await.expect("a connection");
    let asked = pending_for_task(&mut connection, task)
        .await
        .expect("a look");
    drop(connection);
    if let Some(approval) = asked {
        let answer = Decide {
            approval,
            digest: None,
            verdict,
            note: Some("because".to_owned()),
            inputs: None,
            channel: Channel::Page,
        };
        allowed(decide(&house.engine, house.caller(caller), &answer).await);
    }
}

async fn act(
    house: &House,
    plan: &Plan,
    run: RunKey,
    held: &mut Vec<Claimed>,
    (caller, verb): (Caller, Verb),
) -> Result<(), String> {
    let (tasks, before) = read(&house.engine, run).await;
    let engine = &house.engine;
    let by = house.caller(caller);
    let at = |place: usize| tasks[place % tasks.len()];
    match verb {
        Verb::Claim => {
            for claimed in claim(engine, &worker(engine), 1).await.expect("a claim") {
                let place = tasks.iter().position(|task| *task == claimed.lease.task);
                judge_start(plan, place.expect("a task of this run"), &before)?;
                held.push(claimed);
            }
        }
        Verb::Succeed(place) | Verb::Fail(place) => {
            if !held.is_empty() {
                let claimed = held.remove(place % held.len());
                let outcome = match verb {
                    Verb::Succeed(_) => Outcome::Succeeded,
                    _ => Outcome::Failed,
                };
                end(engine, &claimed, outcome).await;
            }
        }
        Verb::Cancel(place) => allowed(cancel(engine, by, at(place), None).await),
        Verb::Rerun(place) => allowed(rerun(engine, by, at(place)).await),
        Verb::RetryRun => allowed(retry_failed(engine, by, run).await),
        Verb::Hold(place) => allowed(hold(engine, by, at(place)).await),
        Verb::Unhold(place) => allowed(unhold(engine, by, at(place)).await),
        Verb::Approve(place) => answer(house, caller, at(place), Verdict::Approve).await,
        Verb::Reject(place) => answer(house, caller, at(place), Verdict::Reject).await,
        Verb::RequestChanges(place) => {
            answer(house, caller, at(place), Verdict::RequestChanges).await;
        }
        Verb::Expire(place) => {
            sqlx::query(
                "UPDATE approvals SET expires_at = watchbill_now() - interval '1 second'
                 WHERE task_id = $1 AND state = 'pending'",
            )
            .bind(at(place).0)
            .execute(&engine.pool)
            .await
            .expect("the time is set");
            act_on_due(engine).await.expect("a pass");
        }
    }
    let (_, now) = read(engine, run).await;
    judge_rest(plan, &now)?;
    judge_end(engine, run, &now).await
}

/// A run has ended just where all its tasks have.
async fn judge_end(engine: &Engine, run: RunKey, now: &[Seen]) -> Result<(), String> {
    let ended: bool = sqlx::query_scalar("SELECT finished_at IS NOT NULL FROM runs WHERE id = $1")
        .bind(run.0)
        .fetch_one(&engine.pool)
        .await
        .expect("the run exists");
    if ended == now.iter().all(|seen| seen.state.is_finished()) {
        Ok(())
    } else {
        Err(format!(
            "the run has ended: {ended}, and its tasks: {now:?}"
        ))
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn no_sequence_of_verbs_leads_around_a_gate_on_postgresql(pool: PgPool) {
    let engine = engine(pool);
    let house = House {
        operator: person(&engine, "operator@example.org", &[Role::Operator]).await,
        approver: person(&engine, "approver@example.org", &[Role::Approver]).await,
        viewer: person(&engine, "viewer@example.org", &[Role::Viewer]).await,
        engine,
    };
    let mut runner = TestRunner::deterministic();
    let all = (any_plan(), proptest::collection::vec(verb(), 10..30));
    let mut started = 0;
    for sequence in 0..SEQUENCES {
        let (mut plan, verbs) = all.new_tree(&mut runner).expect("a sequence").current();
        plan.name = format!("plan-{sequence}");
        let run = run(&house.engine, &plan, None).await;
        let mut held = Vec::new();
        for (step, verb) in verbs.iter().enumerate() {
            let before = held.len();
            if let Err(broken) = act(&house, &plan, run, &mut held, *verb).await {
                let led = &verbs[..=step];
                panic!("sequence {sequence}: {broken}\n{led:?}\n{plan:?}");
            }
            started += usize::from(held.len() > before);
        }
        leave(&house, run, held).await;
    }
    println!("{SEQUENCES} sequences, {started} attempts");
    assert!(started > SEQUENCES, "the sequences hardly start anything");
}

/// Takes what is left out of the next sequence's way.
async fn leave(house: &House, run: RunKey, held: Vec<Claimed>) {
    allowed(engine::lifecycle::cancel_run(&house.engine, &house.operator, run).await);
    for claimed in held {
        end(&house.engine, &claimed, Outcome::Failed).await;
    }
    let (_, left) = read(&house.engine, run).await;
    assert!(
        left.iter()
            .all(|seen| seen.state.is_finished() || seen.state == TaskState::Created),
        "{left:?}"
    );
}
