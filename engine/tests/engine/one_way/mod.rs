//! The one way into the queue: attacks on it, the belt beneath it, and digests at the moment of effect.

mod digests;

use engine::lifecycle::{
    Channel, Decide, act_on_due, cancel, claim, hold, pending_for_task, refused, rerun,
    retry_failed, unhold,
};
use engine::tasks::AttemptResult;
use engine::upkeep::findings;
use engine::{Engine, Error};
use model::approval::Verdict;
use model::id::{ApprovalId, RunKey, TaskId};
use model::identity::{Principal, Role};
use model::plan::{Join, Plan, PlanTask};
use model::task::{GatePhase, Outcome, TaskState};
use serde_json::json;
use sqlx::PgPool;

use crate::support::{
    claim_one, decide, end, engine, finish_with, gate, move_clock, person, plan, run, state, task,
    worker,
};

/// `build` with a gate after its result, and `publish` behind it.
fn release() -> Plan {
    plan(vec![gated("build"), task("publish", &["build"])])
}

fn gated(name: &str) -> PlanTask {
    PlanTask {
        approval: Some(gate(GatePhase::AfterResult)),
        ..task(name, &[])
    }
}

async fn named(engine: &Engine, run: RunKey, name: &str) -> TaskId {
    let id: i64 = sqlx::query_scalar("SELECT id FROM tasks WHERE run = $1 AND name = $2")
        .bind(run.0)
        .bind(name)
        .fetch_one(&engine.pool)
        .await
        .expect("the task exists");
    TaskId(id)
}

async fn pending(engine: &Engine, task: TaskId) -> ApprovalId {
    let mut connection = engine.pool.acquire().await.expect("a connection");
    pending_for_task(&mut connection, task)
        .await
        .expect("a look")
        .expect("a request")
}

fn answer(approval: ApprovalId, verdict: Verdict) -> Decide {
    Decide {
        approval,
        digest: None,
        verdict,
        note: Some("because".to_owned()),
        inputs: None,
        channel: Channel::Page,
    }
}

async fn nothing_is_ready(engine: &Engine) {
    let claimed = claim(engine, &worker(engine), 10).await.expect("a claim");
    let names: Vec<String> = claimed.into_iter().map(|task| task.name).collect();
    assert_eq!(names, [""; 0], "nothing may start");
}

fn conflict(answer: Result<TaskState, Error>) -> String {
    match answer {
        Err(Error::Conflict(sentence)) => sentence,
        other => panic!("expected a conflict, not {other:?}"),
    }
}

async fn raw(engine: &Engine, statement: &'static str, id: TaskId) {
    sqlx::query(statement)
        .bind(id.0)
        .execute(&engine.pool)
        .await
        .expect("the statement goes through");
}

struct Waiting {
    engine: Engine,
    operator: Principal,
    approver: Principal,
    run: RunKey,
    build: TaskId,
    publish: TaskId,
}

/// A run of [`release`] whose `build` waits for its signature.
async fn waiting(pool: PgPool, plan: &Plan) -> Waiting {
    let engine = engine(pool);
    let operator = person(&engine, "operator@example.org", &[Role::Operator]).await;
    let approver = person(&engine, "approver@example.org", &[Role::Approver]).await;
    let key = run(&engine, plan, None).await;
    let claimed = claim_one(&engine, &worker(&engine)).await;
    assert_eq!(claimed.name, "build");
    end(&engine, &claimed, Outcome::Succeeded).await;
    let publish = named(&engine, key, "publish").await;
    Waiting {
        engine,
        operator,
        approver,
        run: key,
        build: claimed.lease.task,
        publish,
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn cancel_and_rerun_lead_around_no_gate(pool: PgPool) {
    let Waiting {
        engine,
        operator,
        build,
        publish,
        ..
    } = waiting(pool, &release()).await;
    cancel(&engine, &operator, publish, None)
        .await
        .expect("cancelled");
    let said = conflict(rerun(&engine, &operator, publish).await);
    let approval = pending(&engine, build).await;
    assert!(
        said.contains(&format!("build waits for approval {approval}; decide it")),
        "{said}"
    );
    assert_eq!(state(&engine, publish).await, TaskState::Cancelled);
    nothing_is_ready(&engine).await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_a_refusal_left_out_is_not_rerun(pool: PgPool) {
    let Waiting {
        engine,
        operator,
        approver,
        run,
        build,
        publish,
    } = waiting(pool, &release()).await;
    let approval = pending(&engine, build).await;
    decide(&engine, &approver, &answer(approval, Verdict::Reject))
        .await
        .expect("refused");
    let said = conflict(rerun(&engine, &operator, publish).await);
    assert!(said.contains("build was refused; retry the run"), "{said}");
    nothing_is_ready(&engine).await;
    // The way that the sentence names leads through the gate again.
    retry_failed(&engine, &operator, run)
        .await
        .expect("a retry");
    let again = claim_one(&engine, &worker(&engine)).await;
    assert_eq!(again.name, "build");
    end(&engine, &again, Outcome::Succeeded).await;
    nothing_is_ready(&engine).await;
    let approval = pending(&engine, build).await;
    decide(&engine, &approver, &answer(approval, Verdict::Approve))
        .await
        .expect("approved");
    assert_eq!(claim_one(&engine, &worker(&engine)).await.name, "publish");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn an_expired_gate_is_a_need_that_did_not_succeed(pool: PgPool) {
    let mut plan = release();
    if let Some(gate) = plan.tasks[0].approval.as_mut() {
        gate.expires_seconds = Some(60);
    }
    let Waiting {
        engine,
        operator,
        publish,
        ..
    } = waiting(pool, &plan).await;
    move_clock(&engine, std::time::Duration::from_secs(61)).await;
    assert_eq!(act_on_due(&engine).await.expect("a pass"), 1);
    assert_eq!(state(&engine, publish).await, TaskState::Skipped);
    let said = conflict(rerun(&engine, &operator, publish).await);
    assert!(said.contains("build was not approved in time"), "{said}");
    nothing_is_ready(&engine).await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_cancelled_request_lets_nothing_go_on_but_what_admits_it(pool: PgPool) {
    let mut plan = release();
    let after = PlanTask {
        join: Join::AllDone,
        ..task("report", &["build"])
    };
    plan.tasks.push(after);
    let Waiting {
        engine,
        operator,
        build,
        publish,
        ..
    } = waiting(pool, &plan).await;
    nothing_is_ready(&engine).await;
    cancel(&engine, &operator, build, None)
        .await
        .expect("cancelled");
    assert_eq!(state(&engine, publish).await, TaskState::Skipped);
    let report = claim_one(&engine, &worker(&engine)).await;
    assert_eq!(report.name, "report");
    nothing_is_ready(&engine).await;
    // What started from the end of `build` would see it change underneath.
    let said = conflict(rerun(&engine, &operator, build).await);
    assert!(
        said.contains("(report) goes on from how build ended"),
        "{said}"
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_condition_is_judged_again_before_a_new_attempt(pool: PgPool) {
    let engine = engine(pool);
    let operator = person(&engine, "operator@example.org", &[Role::Operator]).await;
    let publish = PlanTask {
        when: Some("tasks[\"check\"].outputs.safe == true".to_owned()),
        ..task("publish", &["check"])
    };
    let key = run(&engine, &plan(vec![task("check", &[]), publish]), None).await;
    let check = claim_one(&engine, &worker(&engine)).await;
    let mut result = AttemptResult::bare(Outcome::Succeeded);
    result.outputs = Some(json!({ "safe": false }));
    finish_with(&engine, &check, result).await;
    let publish = named(&engine, key, "publish").await;
    assert_eq!(state(&engine, publish).await, TaskState::Skipped);
    let said = conflict(rerun(&engine, &operator, publish).await);
    assert!(said.contains("its condition is false"), "{said}");
    nothing_is_ready(&engine).await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_condition_without_an_answer_fails_its_task(pool: PgPool) {
    let engine = engine(pool);
    let publish = PlanTask {
        when: Some("tasks.a.outputs.pages > 0".to_owned()),
        ..task("publish", &["a"])
    };
    let tasks = vec![task("a", &[]), publish, task("tell", &["publish"])];
    let key = run(&engine, &plan(tasks), None).await;
    let first = claim_one(&engine, &worker(&engine)).await;
    end(&engine, &first, Outcome::Succeeded).await;
    let publish = named(&engine, key, "publish").await;
    assert_eq!(state(&engine, publish).await, TaskState::Failed);
    let tell = named(&engine, key, "tell").await;
    assert_eq!(state(&engine, tell).await, TaskState::Skipped);
    let (reason, ended): (String, bool) = sqlx::query_as(
        "SELECT t.reason, r.finished_at IS NOT NULL FROM tasks t JOIN runs r ON r.id = t.run WHERE t.id = $1",
    )
    .bind(publish.0)
    .fetch_one(&engine.pool)
    .await
    .expect("the task exists");
    assert!(
        reason.starts_with("its condition could not be evaluated"),
        "{reason}"
    );
    assert!(ended, "the run has ended, and has failed");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_is_taken_up_again_is_counted_again(pool: PgPool) {
    let Waiting {
        engine,
        operator,
        approver,
        build,
        publish,
        ..
    } = waiting(pool, &release()).await;
    let approval = pending(&engine, build).await;
    decide(&engine, &approver, &answer(approval, Verdict::Approve))
        .await
        .expect("approved");
    hold(&engine, &operator, publish).await.expect("held");
    // As a fault of ours, or another version beside this one, would leave it.
    raw(
        &engine,
        "UPDATE tasks SET state = 'failed', approval_state = 'rejected' WHERE id = $1",
        build,
    )
    .await;
    let said = conflict(unhold(&engine, &operator, publish).await);
    assert!(said.contains("build was refused"), "{said}");
    nothing_is_ready(&engine).await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_claim_trusts_nobody(pool: PgPool) {
    let Waiting {
        engine,
        build,
        publish,
        ..
    } = waiting(pool, &release()).await;
    raw(
        &engine,
        "UPDATE tasks SET state = 'queued', ready_at = watchbill_now(), pending_dependencies = 0 WHERE id = $1",
        publish,
    )
    .await;
    nothing_is_ready(&engine).await;
    assert_eq!(
        refused(&engine).await.expect("a look"),
        [(publish, "publish".to_owned())]
    );
    let found = findings(&engine).await.expect("a look");
    assert!(
        found.iter().any(|finding| finding.code == "task.refused"),
        "{found:?}"
    );
    for (statement, may) in [
        (
            "UPDATE tasks SET state = 'failed', approval_state = 'rejected' WHERE id = $1",
            false,
        ),
        (
            "UPDATE tasks SET state = 'failed', approval_state = 'expired' WHERE id = $1",
            false,
        ),
        (
            "UPDATE tasks SET state = 'cancelled', approval_state = 'cancelled' WHERE id = $1",
            false,
        ),
        (
            "UPDATE tasks SET state = 'succeeded', approval_state = 'rejected' WHERE id = $1",
            false,
        ),
        (
            "UPDATE tasks SET state = 'running', approval_state = NULL WHERE id = $1",
            false,
        ),
        (
            "UPDATE tasks SET state = 'succeeded', approval_state = 'approved' WHERE id = $1",
            true,
        ),
    ] {
        raw(&engine, statement, build).await;
        let refused = refused(&engine).await.expect("a look");
        assert_eq!(refused.is_empty(), may, "{statement}");
    }
    assert_eq!(claim_one(&engine, &worker(&engine)).await.name, "publish");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_belt_knows_the_joins(pool: PgPool) {
    for (join, states, may) in [
        (Join::AllDone, ["failed", "cancelled"], true),
        (Join::AllDone, ["failed", "awaiting_approval"], false),
        (Join::AnySucceeded, ["failed", "succeeded"], true),
        (Join::AnySucceeded, ["failed", "skipped"], false),
        (Join::AllSucceeded, ["succeeded", "failed"], false),
        (Join::AllSucceeded, ["succeeded", "succeeded"], true),
    ] {
        let engine = engine(pool.clone());
        let mut definition = plan(vec![
            task("one", &[]),
            task("two", &[]),
            PlanTask {
                join,
                ..task("last", &["one", "two"])
            },
        ]);
        definition.name = format!("{join:?}-{}", states.join("-")).to_lowercase();
        let key = run(&engine, &definition, None).await;
        for (name, state) in ["one", "two", "last"]
            .iter()
            .zip(states.iter().chain(&["queued"]))
        {
            sqlx::query("UPDATE tasks SET state = $3 WHERE run = $1 AND name = $2")
                .bind(key.0)
                .bind(name)
                .bind(state)
                .execute(&engine.pool)
                .await
                .expect("the state is set");
        }
        let refused = refused(&engine).await.expect("a look");
        let last = named(&engine, key, "last").await;
        let is_refused = refused.iter().any(|(task, _)| *task == last);
        assert_eq!(is_refused, !may, "{join:?} {states:?}");
        raw(
            &engine,
            "UPDATE tasks SET state = 'cancelled' WHERE id = $1",
            last,
        )
        .await;
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn pruning_takes_no_gate_away(pool: PgPool) {
    let Waiting {
        engine,
        operator,
        approver,
        build,
        publish,
        ..
    } = waiting(pool, &release()).await;
    let approval = pending(&engine, build).await;
    decide(&engine, &approver, &answer(approval, Verdict::Reject))
        .await
        .expect("refused");
    let admin = person(&engine, "admin@example.org", &[Role::Admin]).await;
    let cutoff = engine.clock.now() + chrono::TimeDelta::days(1);
    engine::reported::prune_before(&engine, &admin, cutoff)
        .await
        .expect("pruned");
    let said = conflict(rerun(&engine, &operator, publish).await);
    assert!(said.contains("build was refused"), "{said}");
    // Not even where it is gone, as an older version would leave it.
    raw(&engine, "DELETE FROM tasks WHERE id = $1", build).await;
    let said = conflict(rerun(&engine, &operator, publish).await);
    assert!(said.contains("no longer kept"), "{said}");
    raw(
        &engine,
        "UPDATE tasks SET state = 'queued', ready_at = watchbill_now() WHERE id = $1",
        publish,
    )
    .await;
    nothing_is_ready(&engine).await;
}
