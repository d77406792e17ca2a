//! Invariants 11, 12, 14 and 16: one decision, bound to what was looked at, recorded whole.

use std::time::Duration;

use engine::lifecycle::{Channel, Decide, act_on_due, pending_for_task};
use engine::lifecycle::{claim, finish};
use engine::tasks::{AttemptResult, Finish, Finished};
use engine::{Engine, Error};
use model::approval::Verdict;
use model::id::{ApprovalId, AttemptNumber, RunKey, TaskId};
use model::identity::{Principal, PrincipalKind, Role, Scope};
use model::task::{GatePhase, Outcome, TaskState};
use sqlx::{AssertSqlSafe, PgPool};

use crate::support::{
    claim_one, decide, end, engine, gate, move_clock, person, plan, run, state, states, task,
    worker,
};

fn gated(phase: GatePhase) -> model::plan::Plan {
    let mut first = task("change", &[]);
    first.approval = Some(gate(phase));
    plan(vec![first, task("publish", &["change"])])
}

async fn waiting(engine: &Engine, requester: Option<&Principal>) -> (RunKey, TaskId, ApprovalId) {
    let requester = requester.and_then(Principal::account);
    let key = run(engine, &gated(GatePhase::AfterResult), requester).await;
    let claimed = claim_one(engine, &worker(engine)).await;
    let finished = end(engine, &claimed, Outcome::Succeeded).await;
    assert_eq!(finished, Finished::Recorded(TaskState::AwaitingApproval));
    (
        key,
        claimed.lease.task,
        pending(engine, claimed.lease.task).await,
    )
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
        note: None,
        inputs: None,
        channel: Channel::Page,
    }
}

async fn counts(engine: &Engine) -> (i64, i64) {
    sqlx::query_as(
        "SELECT (SELECT count(*) FROM decisions), (SELECT count(*) FROM audit WHERE action = 'approval.decide')",
    )
    .fetch_one(&engine.pool)
    .await
    .expect("counts")
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn approval_lets_go_on_and_refusal_leaves_out(pool: PgPool) {
    let engine = engine(pool);
    let approver = person(&engine, "approver@example.org", &[Role::Approver]).await;
    for (verdict, first, second) in [
        (Verdict::Approve, TaskState::Succeeded, TaskState::Queued),
        (Verdict::Reject, TaskState::Failed, TaskState::Skipped),
    ] {
        let (key, _, approval) = waiting(&engine, None).await;
        decide(&engine, &approver, &answer(approval, verdict))
            .await
            .expect("a decision");
        let now: Vec<TaskState> = states(&engine, key)
            .await
            .into_iter()
            .map(|(_, s)| s)
            .collect();
        assert_eq!(now, [first, second]);
        // Leave nothing ready for the next round to claim.
        claim(&engine, &worker(&engine), 9).await.expect("a claim");
    }
    assert_eq!(counts(&engine).await, (2, 2));
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_gate_before_the_start_lets_nothing_run(pool: PgPool) {
    let engine = engine(pool);
    let approver = person(&engine, "approver@example.org", &[Role::Approver]).await;
    run(&engine, &gated(GatePhase::BeforeStart), None).await;
    assert!(
        claim(&engine, &worker(&engine), 9)
            .await
            .expect("a claim")
            .is_empty()
    );
    let task: i64 = sqlx::query_scalar("SELECT id FROM tasks WHERE state = 'awaiting_approval'")
        .fetch_one(&engine.pool)
        .await
        .expect("it waits");
    let approval = pending(&engine, TaskId(task)).await;
    decide(&engine, &approver, &answer(approval, Verdict::Approve))
        .await
        .expect("a decision");
    assert_eq!(claim_one(&engine, &worker(&engine)).await.name, "change");
}

/// Invariant 11: 64 deciders at the same 200 gates.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn of_many_deciders_one_wins(pool: PgPool) {
    const GATES: i64 = 200;
    let engine = engine(pool);
    let mut approvals = Vec::new();
    for _ in 0..GATES {
        approvals.push(waiting(&engine, None).await.2);
    }
    let mut deciders = Vec::new();
    for number in 0..64 {
        let login = format!("approver{number}@example.org");
        deciders.push(person(&engine, &login, &[Role::Approver]).await);
    }
    let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(deciders.len()));
    let tries: Vec<_> = deciders
        .into_iter()
        .enumerate()
        .map(|(number, decider)| {
            let (engine, barrier, approvals) = (engine.clone(), barrier.clone(), approvals.clone());
            let verdict = if number % 2 == 0 {
                Verdict::Approve
            } else {
                Verdict::Reject
            };
            tokio::spawn(async move {
                let mut won = 0;
                for approval in approvals {
                    barrier.wait().await;
                    match decide(&engine, &decider, &answer(approval, verdict)).await {
                        Ok(_) => won += 1,
                        Err(Error::Conflict(text)) => assert!(text.contains("already"), "{text}"),
                        Err(other) => panic!("a late answer is a conflict, not {other}"),
                    }
                }
                won
            })
        })
        .collect();
    let mut won = 0;
    for decider in tries {
        won += decider.await.expect("the decider ends");
    }
    assert_eq!(won, GATES);
    assert_eq!(counts(&engine).await, (GATES, GATES));
}

/// Invariants 14 and 16: whichever statement fails, nothing of the decision is there.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_decision_is_recorded_whole_or_not_at_all(pool: PgPool) {
    let engine = engine(pool);
    let approver = person(&engine, "approver@example.org", &[Role::Approver]).await;
    let (key, _, approval) = waiting(&engine, None).await;
    sqlx::raw_sql(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the disk is gone'; END $$",
    )
    .execute(&engine.pool)
    .await
    .expect("a function");
    let before = states(&engine, key).await;
    for (table, change) in [
        ("approvals", "UPDATE"),
        ("decisions", "INSERT"),
        ("audit", "INSERT"),
        ("tasks", "UPDATE"),
        ("task_history", "INSERT"),
        ("task_dependencies", "UPDATE"),
    ] {
        let broken = format!(
            "CREATE TRIGGER broken BEFORE {change} ON {table} FOR EACH ROW EXECUTE FUNCTION fail()"
        );
        sqlx::raw_sql(AssertSqlSafe(broken))
            .execute(&engine.pool)
            .await
            .expect("a trigger");
        let failed = decide(&engine, &approver, &answer(approval, Verdict::Approve)).await;
        assert!(
            matches!(failed, Err(Error::Internal(_))),
            "{table}: {failed:?}"
        );
        assert_eq!(counts(&engine).await, (0, 0), "{table}");
        assert_eq!(states(&engine, key).await, before, "{table}");
        let mended = format!("DROP TRIGGER broken ON {table}");
        sqlx::raw_sql(AssertSqlSafe(mended))
            .execute(&engine.pool)
            .await
            .expect("no trigger");
    }
    decide(&engine, &approver, &answer(approval, Verdict::Approve))
        .await
        .expect("all is well again");
    assert_eq!(counts(&engine).await, (1, 1));
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_changed_result_is_not_what_was_signed(pool: PgPool) {
    let engine = engine(pool);
    let approver = person(&engine, "approver@example.org", &[Role::Approver]).await;
    let (_, task, approval) = waiting(&engine, None).await;
    let looked_at = Decide {
        digest: Some([7; 32]),
        ..answer(approval, Verdict::Approve)
    };
    let refused = decide(&engine, &approver, &looked_at).await;
    assert!(
        matches!(&refused, Err(Error::Conflict(text)) if text.contains("has changed")),
        "{refused:?}"
    );
    assert_eq!(state(&engine, task).await, TaskState::AwaitingApproval);
    assert_eq!(counts(&engine).await, (0, 0));
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_digest_depends_on_the_result(pool: PgPool) {
    let engine = engine(pool);
    let mut digests = Vec::new();
    for uri in ["https://example.org/pull/1", "https://example.org/pull/2"] {
        run(&engine, &gated(GatePhase::AfterResult), None).await;
        let claimed = claim_one(&engine, &worker(&engine)).await;
        let result = AttemptResult {
            outputs_uri: Some(uri.to_owned()),
            ..AttemptResult::bare(Outcome::Succeeded)
        };
        finish(
            &engine,
            vec![Finish {
                lease: claimed.lease,
                result,
            }],
        )
        .await
        .expect("a finish");
        let digest: Vec<u8> = sqlx::query_scalar("SELECT digest FROM approvals WHERE task_id = $1")
            .bind(claimed.lease.task.0)
            .fetch_one(&engine.pool)
            .await
            .expect("a request");
        digests.push(digest);
    }
    assert_ne!(digests[0], digests[1]);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_requester_signs_only_where_nobody_else_could(pool: PgPool) {
    let engine = engine(pool);
    let admin = person(&engine, "admin", &[Role::Admin]).await;
    let (_, _, alone) = waiting(&engine, Some(&admin)).await;
    decide(&engine, &admin, &answer(alone, Verdict::Approve))
        .await
        .expect("nobody else could");
    let sole: bool =
        sqlx::query_scalar("SELECT sole_decider FROM decisions WHERE approval_id = $1")
            .bind(alone.0)
            .fetch_one(&engine.pool)
            .await
            .expect("a decision");
    assert!(sole, "the record says so");
    claim(&engine, &worker(&engine), 9).await.expect("a claim");

    person(&engine, "approver@example.org", &[Role::Approver]).await;
    let (_, _, shared) = waiting(&engine, Some(&admin)).await;
    let refused = decide(&engine, &admin, &answer(shared, Verdict::Approve)).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn only_a_person_with_the_role_decides(pool: PgPool) {
    let engine = engine(pool);
    let (_, task, approval) = waiting(&engine, None).await;
    let viewer = person(
        &engine,
        "viewer@example.org",
        &[Role::Viewer, Role::Operator],
    )
    .await;
    let narrow = Principal {
        kind: PrincipalKind::PersonToken {
            account: person(&engine, "approver@example.org", &[Role::Approver])
                .await
                .account()
                .expect("an account"),
            token: 1.into(),
            scopes: vec![Scope::Read],
        },
        name: "approver@example.org".to_owned(),
        roles: vec![Role::Approver],
    };
    let step = Principal {
        kind: PrincipalKind::StepToken {
            task,
            attempt: AttemptNumber(1),
            scopes: Scope::ALL.to_vec(),
        },
        name: "step".to_owned(),
        roles: vec![Role::Admin],
    };
    for refused in [viewer, narrow, step, Principal::system("scheduler")] {
        let outcome = decide(&engine, &refused, &answer(approval, Verdict::Approve)).await;
        assert!(
            matches!(outcome, Err(Error::Forbidden(_))),
            "{}: {outcome:?}",
            refused.name
        );
    }
    assert_eq!(counts(&engine).await, (0, 0));
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_timeout_never_approves(pool: PgPool) {
    let engine = engine(pool);
    let approver = person(&engine, "approver@example.org", &[Role::Approver]).await;
    let mut plan = gated(GatePhase::AfterResult);
    if let Some(gate) = &mut plan.tasks[0].approval {
        gate.expires_seconds = Some(60);
    }
    let key = run(&engine, &plan, None).await;
    let claimed = claim_one(&engine, &worker(&engine)).await;
    end(&engine, &claimed, Outcome::Succeeded).await;
    let approval = pending(&engine, claimed.lease.task).await;
    move_clock(&engine, Duration::from_secs(61)).await;
    let late = decide(&engine, &approver, &answer(approval, Verdict::Approve)).await;
    assert!(matches!(late, Err(Error::Gone(_))), "{late:?}");
    assert_eq!(act_on_due(&engine).await.expect("a pass"), 1);
    let now: Vec<TaskState> = states(&engine, key)
        .await
        .into_iter()
        .map(|(_, s)| s)
        .collect();
    assert_eq!(now, [TaskState::Failed, TaskState::Skipped]);
    let later = decide(&engine, &approver, &answer(approval, Verdict::Approve)).await;
    assert!(matches!(later, Err(Error::Gone(_))), "{later:?}");
}
