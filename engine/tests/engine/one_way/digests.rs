//! Digests are derived again at the moment of effect, and a grant is used once.

use engine::Engine;
use engine::lifecycle::rerun;
use engine::tasks::{AttemptResult, Claimed};
use model::approval::{ApprovalState, Verdict};
use model::id::{ApprovalId, RunKey, TaskId};
use model::identity::{Principal, Role};
use model::plan::PlanTask;
use model::task::{GatePhase, Outcome, TaskState};
use serde_json::json;
use sqlx::PgPool;

use super::{
    Waiting, answer, conflict, gated, named, nothing_is_ready, pending, raw, release, waiting,
};
use crate::support::{
    claim_one, decide, end, engine, finish_with, gate, person, plan, run, state, states, task,
    worker,
};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_changed_before_the_signature_is_asked_again(pool: PgPool) {
    let Waiting {
        engine,
        approver,
        build,
        publish,
        ..
    } = waiting(pool, &release()).await;
    let asked = pending(&engine, build).await;
    alter(&engine, build).await;
    let said = conflict(
        decide(&engine, &approver, &answer(asked, Verdict::Approve))
            .await
            .map(|_| TaskState::Succeeded),
    );
    let again = pending(&engine, build).await;
    assert_ne!(again, asked);
    assert_eq!(said.matches("sha256:").count(), 2, "{said}");
    assert!(
        said.contains(&format!("asked again as approval {again}")),
        "{said}"
    );
    assert_eq!(state(&engine, publish).await, TaskState::Created);
    assert_eq!(approval_state(&engine, asked).await, "superseded");
    decide(&engine, &approver, &answer(again, Verdict::Approve))
        .await
        .expect("signed as it is now");
    assert_eq!(claim_one(&engine, &worker(&engine)).await.name, "publish");
}

async fn approval_state(engine: &Engine, approval: ApprovalId) -> String {
    sqlx::query_scalar("SELECT state FROM approvals WHERE id = $1")
        .bind(approval.0)
        .fetch_one(&engine.pool)
        .await
        .expect("the request exists")
}

/// A run whose `build` was signed, and has changed since, while `slow` is still at work.
struct Changed {
    engine: Engine,
    approver: Principal,
    run: RunKey,
    build: TaskId,
    slow: Claimed,
}

/// Starts `build` with its gate and `slow`, and these tasks behind them.
async fn changed_since(pool: PgPool, behind: Vec<PlanTask>) -> Changed {
    let engine = engine(pool);
    let approver = person(&engine, "approver@example.org", &[Role::Approver]).await;
    let mut tasks = vec![gated("build"), task("slow", &[])];
    tasks.extend(behind);
    let run = run(&engine, &plan(tasks), None).await;
    let owner = worker(&engine);
    let (first, slow) = (
        claim_one(&engine, &owner).await,
        claim_one(&engine, &owner).await,
    );
    end(&engine, &first, Outcome::Succeeded).await;
    let build = first.lease.task;
    let signed = pending(&engine, build).await;
    decide(&engine, &approver, &answer(signed, Verdict::Approve))
        .await
        .expect("signed");
    alter(&engine, build).await;
    Changed {
        engine,
        approver,
        run,
        build,
        slow,
    }
}

/// Changes a stored result, as no verb can.
async fn alter(engine: &Engine, task: TaskId) {
    let sql = "UPDATE tasks SET outputs = '{\"changed\": \"underneath\"}' WHERE id = $1";
    raw(engine, sql, task).await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_changed_after_the_signature_is_asked_again_before_anything_goes_on(pool: PgPool) {
    let Changed {
        engine,
        approver,
        run,
        build,
        slow,
    } = changed_since(pool, vec![task("publish", &["build", "slow"])]).await;
    end(&engine, &slow, Outcome::Succeeded).await;
    nothing_is_ready(&engine).await;
    let publish = named(&engine, run, "publish").await;
    assert_eq!(state(&engine, publish).await, TaskState::Created);
    assert_eq!(state(&engine, build).await, TaskState::AwaitingApproval);
    let again = pending(&engine, build).await;
    let why: String = sqlx::query_scalar("SELECT why FROM approvals WHERE id = $1")
        .bind(again.0)
        .fetch_one(&engine.pool)
        .await
        .expect("the request exists");
    assert_eq!(why.matches("sha256:").count(), 2, "{why}");
    decide(&engine, &approver, &answer(again, Verdict::Approve))
        .await
        .expect("signed as it is now");
    assert_eq!(claim_one(&engine, &worker(&engine)).await.name, "publish");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_was_queued_behind_a_void_signature_waits_for_the_new_one(pool: PgPool) {
    let behind = vec![
        task("publish", &["build", "slow"]),
        task("tell", &["build"]),
    ];
    let Changed {
        engine,
        approver,
        run,
        build,
        slow,
    } = changed_since(pool, behind).await;
    let tell = named(&engine, run, "tell").await;
    assert_eq!(state(&engine, tell).await, TaskState::Queued);
    end(&engine, &slow, Outcome::Succeeded).await;
    assert_eq!(state(&engine, tell).await, TaskState::Created);
    nothing_is_ready(&engine).await;
    let again = pending(&engine, build).await;
    decide(&engine, &approver, &answer(again, Verdict::Reject))
        .await
        .expect("refused");
    assert_eq!(
        states(&engine, run).await,
        [
            ("build".to_owned(), TaskState::Failed),
            ("slow".to_owned(), TaskState::Succeeded),
            ("publish".to_owned(), TaskState::Skipped),
            ("tell".to_owned(), TaskState::Skipped),
        ]
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn who_may_not_sign_has_nothing_asked_again(pool: PgPool) {
    let Waiting {
        engine,
        approver,
        build,
        ..
    } = waiting(pool, &release()).await;
    let asked = pending(&engine, build).await;
    let requester = approver.account().expect("an account");
    person(&engine, "approver2@example.org", &[Role::Approver]).await;
    alter(&engine, build).await;
    sqlx::query("UPDATE approvals SET requesters = ARRAY[$2] WHERE id = $1")
        .bind(asked.0)
        .bind(requester.0)
        .execute(&engine.pool)
        .await
        .expect("they asked for it");
    let refused = decide(&engine, &approver, &answer(asked, Verdict::Approve)).await;
    assert!(
        matches!(refused, Err(engine::Error::Forbidden(_))),
        "{refused:?}"
    );
    assert_eq!(pending(&engine, build).await, asked);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_grant_to_start_is_used_once(pool: PgPool) {
    let engine = engine(pool);
    let operator = person(&engine, "operator@example.org", &[Role::Operator]).await;
    let approver = person(&engine, "approver@example.org", &[Role::Approver]).await;
    let publish = PlanTask {
        approval: Some(gate(GatePhase::BeforeStart)),
        ..task("publish", &[])
    };
    let key = run(&engine, &plan(vec![publish]), None).await;
    let publish = named(&engine, key, "publish").await;
    let asked = pending(&engine, publish).await;
    decide(&engine, &approver, &answer(asked, Verdict::Approve))
        .await
        .expect("granted");
    let claimed = claim_one(&engine, &worker(&engine)).await;
    end(&engine, &claimed, Outcome::Failed).await;
    let next = rerun(&engine, &operator, publish)
        .await
        .expect("asked again");
    assert_eq!(next, TaskState::AwaitingApproval);
    nothing_is_ready(&engine).await;
    assert_ne!(pending(&engine, publish).await, asked);
    assert_eq!(
        approval_state(&engine, asked).await,
        ApprovalState::Approved.as_str()
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn changes_lead_to_no_start_that_nobody_granted(pool: PgPool) {
    let engine = engine(pool);
    let approver = person(&engine, "approver@example.org", &[Role::Approver]).await;
    let publish = PlanTask {
        approval: Some(gate(GatePhase::BeforeStart)),
        ..task("publish", &[])
    };
    let key = run(&engine, &plan(vec![publish]), None).await;
    let publish = named(&engine, key, "publish").await;
    let asked = pending(&engine, publish).await;
    decide(&engine, &approver, &answer(asked, Verdict::Approve))
        .await
        .expect("granted");
    // The step itself asks for a look at its result, which the reported tasks' signers answer.
    let claimed = claim_one(&engine, &worker(&engine)).await;
    let mut result = AttemptResult::bare(Outcome::Succeeded);
    result.report = Some(json!({ "approval": true }));
    finish_with(&engine, &claimed, result).await;
    let look = pending(&engine, publish).await;
    let said = conflict(
        decide(&engine, &approver, &answer(look, Verdict::RequestChanges))
            .await
            .map(|_| TaskState::Queued),
    );
    assert!(said.contains("asks before each start"), "{said}");
    nothing_is_ready(&engine).await;
}

/// Templates and commands read what was filled in, also further back than the task's own needs.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_start_is_signed_with_what_was_filled_in_before_it(pool: PgPool) {
    let publish = PlanTask {
        approval: Some(gate(GatePhase::BeforeStart)),
        ..task("publish", &["check"])
    };
    let Waiting {
        engine,
        approver,
        build,
        publish,
        ..
    } = waiting(
        pool,
        &plan(vec![gated("build"), task("check", &["build"]), publish]),
    )
    .await;
    let asked = pending(&engine, build).await;
    decide(&engine, &approver, &answer(asked, Verdict::Approve))
        .await
        .expect("signed");
    let fill = r#"UPDATE tasks SET approval_inputs = '{"window": "tonight"}' WHERE id = $1"#;
    raw(&engine, fill, build).await;
    let check = claim_one(&engine, &worker(&engine)).await;
    end(&engine, &check, Outcome::Succeeded).await;
    let asked = pending(&engine, publish).await;
    let fields: serde_json::Value =
        sqlx::query_scalar("SELECT result FROM approvals WHERE id = $1")
            .bind(asked.0)
            .fetch_one(&engine.pool)
            .await
            .expect("the request exists");
    assert_eq!(
        fields["approval_inputs"],
        json!({"build": {"window": "tonight"}})
    );
    let swap = r#"UPDATE tasks SET approval_inputs = '{"window": "noon"}' WHERE id = $1"#;
    raw(&engine, swap, build).await;
    let answered = decide(&engine, &approver, &answer(asked, Verdict::Approve)).await;
    let said = conflict(answered.map(|_| TaskState::Succeeded));
    assert_eq!(said.matches("sha256:").count(), 2, "{said}");
}

/// A start that a person grants is granted for the files that it uses, by their hashes.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_start_is_signed_with_the_files_that_it_uses(pool: PgPool) {
    let engine = engine(pool);
    let approver = person(&engine, "approver@example.org", &[Role::Approver]).await;
    let publish = PlanTask {
        uses: vec!["build".to_owned()],
        approval: Some(gate(GatePhase::BeforeStart)),
        ..task("publish", &["check"])
    };
    let free = PlanTask {
        approval: Some(gate(GatePhase::BeforeStart)),
        ..task("free", &["check"])
    };
    let tasks = vec![task("build", &[]), task("check", &["build"]), publish, free];
    let key = run(&engine, &plan(tasks), None).await;
    let owner = worker(&engine);
    let build = claim_one(&engine, &owner).await;
    let file: i64 = sqlx::query_scalar(
        "INSERT INTO artifacts (task_id, attempt, path, bytes, sha256)
         VALUES ($1, 1, 'out/change.diff', 3, sha256('one'::bytea)) RETURNING id",
    )
    .bind(build.lease.task.0)
    .fetch_one(&engine.pool)
    .await
    .expect("it is kept");
    let kept: Vec<u8> = sqlx::query_scalar("SELECT sha256 FROM artifacts WHERE id = $1")
        .bind(file)
        .fetch_one(&engine.pool)
        .await
        .expect("it is kept");
    let kept: [u8; 32] = kept.try_into().expect("32 bytes");
    let result = AttemptResult {
        artifacts: vec![("out/change.diff".to_owned(), kept)],
        ..AttemptResult::bare(Outcome::Succeeded)
    };
    finish_with(&engine, &build, result).await;
    let check = claim_one(&engine, &owner).await;
    end(&engine, &check, Outcome::Succeeded).await;

    let (publish, free) = (
        named(&engine, key, "publish").await,
        named(&engine, key, "free").await,
    );
    let asked = pending(&engine, publish).await;
    let fields = |approval: ApprovalId| {
        sqlx::query_scalar::<_, serde_json::Value>("SELECT result FROM approvals WHERE id = $1")
            .bind(approval.0)
            .fetch_one(&engine.pool)
    };
    let hash = engine::tasks::digest::hex(&kept);
    assert_eq!(
        fields(asked).await.expect("fields")["uses"],
        json!({"build": {"out/change.diff": hash}})
    );
    let without = fields(pending(&engine, free).await).await.expect("fields");
    assert!(without.get("uses").is_none(), "{without}");
    assert!(without["definition"].get("uses").is_none(), "{without}");

    // Changed before the signature: it is asked again.
    let swap = "UPDATE artifacts SET sha256 = sha256('two'::bytea) WHERE task_id = $1";
    raw(&engine, swap, build.lease.task).await;
    let answered = decide(&engine, &approver, &answer(asked, Verdict::Approve)).await;
    let said = conflict(answered.map(|_| TaskState::Succeeded));
    assert_eq!(said.matches("sha256:").count(), 2, "{said}");

    // Changed after it, with all that was recorded: nothing starts.
    let again = pending(&engine, publish).await;
    decide(&engine, &approver, &answer(again, Verdict::Approve))
        .await
        .expect("signed as it is now");
    sqlx::query("ALTER TABLE attempts DISABLE TRIGGER USER")
        .execute(&engine.pool)
        .await
        .expect("an attempt cannot be changed with it");
    let forget = "UPDATE attempts SET digest = NULL WHERE task_id = $1";
    raw(&engine, forget, build.lease.task).await;
    let started = claim_one(&engine, &owner).await;
    assert_eq!((started.name.as_str(), started.uses.len()), ("publish", 1));
    let files = engine::lifecycle::used_files(&engine, &started).await;
    assert_eq!(files.expect("an answer").expect("as signed").len(), 1);
    let swap = "UPDATE artifacts SET sha256 = sha256('one'::bytea) WHERE task_id = $1";
    raw(&engine, swap, build.lease.task).await;
    let files = engine::lifecycle::used_files(&engine, &started).await;
    let refused = files.expect("an answer").expect_err("not as signed");
    assert!(refused.contains("its start was approved with"), "{refused}");
}
