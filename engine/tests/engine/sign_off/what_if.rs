//! A draft of a plan's gates on what already happened.

use crate::support::{claim_one, end, engine, gate, person, plan, run, task, worker};
use chrono::TimeDelta;
use engine::lifecycle::claim;
use engine::{Engine, Error};
use model::approval::Verdict;
use model::identity::{Principal, Role};
use model::plan::{Gate, Plan, RiskLevel, RiskRule};
use model::task::{GatePhase, Outcome};
use model::view::WhatIf;
use serde_json::json;
use sqlx::PgPool;

use super::{after, end_with_report, say};

/// What the draft would have done in the last month.
async fn tried(engine: &Engine, reader: &Principal, draft: &Plan) -> WhatIf {
    let since = engine.clock.now() - TimeDelta::days(30);
    engine::approvals::what_if(engine, reader, draft, since)
        .await
        .expect("an answer")
}

/// Somebody who may edit plans, and so may ask.
async fn editor(engine: &Engine, login: &str) -> Principal {
    person(engine, login, &[Role::Operator]).await
}

/// How many results were looked at, would have stopped, and did.
fn counts(answer: &WhatIf) -> (u32, u32, u32) {
    (answer.considered, answer.would_stop, answer.did_stop)
}

/// A plan of one task under this gate.
fn under(gate: Option<Gate>) -> Plan {
    let mut change = task("change", &[]);
    change.approval = gate;
    plan(vec![change])
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_draft_is_tried_on_the_past_and_changes_nothing(pool: PgPool) {
    let engine = engine(pool);
    let reader = editor(&engine, "editor@example.org").await;
    for cost in [1, 20, 300] {
        run(&engine, &plan(vec![task("change", &[])]), None).await;
        let claimed = claim_one(&engine, &worker(&engine)).await;
        end_with_report(&engine, &claimed, json!({"cost": cost})).await;
    }
    let mut draft = plan(vec![task("change", &[])]);
    draft.tasks[0].approval = Some(Gate {
        risk: vec![
            RiskRule {
                when: Some("cost < 10".to_owned()),
                level: RiskLevel::Auto,
            },
            RiskRule {
                when: Some("cost < 100".to_owned()),
                level: RiskLevel::One,
            },
        ],
        ..after(1)
    });
    let answer = tried(&engine, &reader, &draft).await;
    assert_eq!(
        (answer.considered, answer.would_stop, answer.did_stop),
        (3, 2, 0)
    );
    let required: Vec<u32> = answer.stopped.iter().map(|row| row.required).collect();
    assert_eq!(required, [2, 1], "newest first");
    let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM approvals")
        .fetch_one(&engine.pool)
        .await
        .expect("a count");
    assert_eq!(waiting, 0, "nothing was raised");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_waited_before_its_start_did_stop(pool: PgPool) {
    let engine = engine(pool);
    let one = person(
        &engine,
        "approver@example.org",
        &[Role::Approver, Role::Operator],
    )
    .await;
    let mut deploy = task("deploy", &[]);
    deploy.approval = Some(gate(GatePhase::BeforeStart));
    let gated = plan(vec![deploy, task("change", &[])]);
    run(&engine, &gated, None).await;
    let (waiting, _) = engine::history::approvals(&engine, &one)
        .await
        .expect("the inbox");
    say(&engine, &one, waiting[0].id, Verdict::Approve)
        .await
        .expect("it may start");
    for claimed in claim(&engine, &worker(&engine), 9).await.expect("a claim") {
        end(&engine, &claimed, Outcome::Succeeded).await;
    }

    let same = tried(&engine, &one, &gated).await;
    assert_eq!(counts(&same), (2, 1, 1));
    assert_eq!(same.stopped[0].task, "deploy");
    assert!(same.stopped[0].did_stop && same.passed.is_empty());
    let open = plan(vec![task("deploy", &[]), task("change", &[])]);
    let without = tried(&engine, &one, &open).await;
    assert_eq!(counts(&without), (2, 0, 1));
    assert_eq!(without.passed[0].task, "deploy");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_step_that_asked_itself_stops_under_every_draft(pool: PgPool) {
    let engine = engine(pool);
    let one = person(
        &engine,
        "approver@example.org",
        &[Role::Approver, Role::Operator],
    )
    .await;
    for report in [json!({"cost": 0.5}), json!({"cost": 0.5, "approval": true})] {
        run(&engine, &under(None), None).await;
        let claimed = claim_one(&engine, &worker(&engine)).await;
        end_with_report(&engine, &claimed, report).await;
    }
    let costly = Gate {
        when: Some("cost > 1.0".to_owned()),
        ..after(1)
    };
    let risky = Gate {
        risk: vec![RiskRule {
            when: Some("cost < 1.0".to_owned()),
            level: RiskLevel::Auto,
        }],
        ..after(2)
    };
    for gate in [None, Some(costly), Some(risky)] {
        let draft = under(gate);
        let answer = tried(&engine, &one, &draft).await;
        assert_eq!(counts(&answer), (2, 1, 1), "{draft:?}");
        assert_eq!(answer.stopped[0].required, 1, "{draft:?}");
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_step_that_asked_itself_stops_behind_a_start_that_was_free(pool: PgPool) {
    let engine = engine(pool);
    let one = person(
        &engine,
        "approver@example.org",
        &[Role::Approver, Role::Operator],
    )
    .await;
    let free = under(Some(Gate {
        when: Some("1 > 2".to_owned()),
        ..gate(GatePhase::BeforeStart)
    }));
    run(&engine, &free, None).await;
    let claimed = claim_one(&engine, &worker(&engine)).await;
    end_with_report(&engine, &claimed, json!({"approval": true})).await;
    let answer = tried(&engine, &one, &free).await;
    assert_eq!(
        counts(&answer),
        (1, 1, 1),
        "the plan as it is stops what it stopped"
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn who_cannot_edit_has_nothing_to_try(pool: PgPool) {
    let engine = engine(pool);
    let since = engine.clock.now() - TimeDelta::days(30);
    for role in [Role::Viewer, Role::Approver] {
        let reader = person(&engine, &format!("{role}@example.org"), &[role]).await;
        let draft = engine::approvals::what_if(&engine, &reader, &under(None), since).await;
        assert!(
            matches!(draft, Err(Error::Forbidden(_))),
            "{role}: {draft:?}"
        );
        // Refused before anything is read: a text that is no plan makes no difference.
        let text = engine::approvals::what_if_of_text(&engine, &reader, "p", "[", since).await;
        assert!(matches!(text, Err(Error::Forbidden(_))), "{role}: {text:?}");
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_person_has_one_question_at_a_time(pool: PgPool) {
    let engine = engine(pool);
    let one = editor(&engine, "one@example.org").await;
    let other = editor(&engine, "other@example.org").await;
    let since = engine.clock.now() - TimeDelta::days(30);
    let draft = under(Some(after(1)));
    let ask = |who| engine::approvals::what_if(&engine, who, &draft, since);

    let held = hold_plans(&engine).await;
    let mut first = std::pin::pin!(ask(&one));
    assert!(
        futures::poll!(first.as_mut()).is_pending(),
        "it waits for the table"
    );
    let second = ask(&one).await;
    assert!(matches!(second, Err(Error::TooMany { .. })), "{second:?}");
    held.rollback().await.expect("it goes through");
    ask(&other).await.expect("each has one of their own");
    first.await.expect("the first is answered");
    ask(&one).await.expect("and then the next");

    // Nobody waits for this one any more, so it is over.
    let held = hold_plans(&engine).await;
    let mut dropped = Box::pin(ask(&one));
    assert!(futures::poll!(dropped.as_mut()).is_pending());
    drop(dropped);
    held.rollback().await.expect("it goes through");
    ask(&one).await.expect("as if it had not been asked");
}

/// Keeps every question waiting.
async fn hold_plans(engine: &Engine) -> sqlx::Transaction<'static, sqlx::Postgres> {
    let mut held = engine.pool.begin().await.expect("a connection");
    sqlx::query("LOCK TABLE plans IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *held)
        .await
        .expect("it goes through");
    held
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_question_ends_where_its_conditions_cost_too_much(pool: PgPool) {
    const RESULTS: u32 = 75;
    let engine = engine(pool);
    let one = editor(&engine, "one@example.org").await;
    for _ in 0..RESULTS {
        run(&engine, &under(None), None).await;
        let claimed = claim_one(&engine, &worker(&engine)).await;
        end_with_report(&engine, &claimed, json!({"cost": 1})).await;
    }
    let zeros = ["0"; 200].join(",");
    let costly = format!("([0] + [{zeros}]).all(a, ([0] + [{zeros}]).all(b, a == b))");
    let draft = |when: String| {
        under(Some(Gate {
            when: Some(when),
            ..after(1)
        }))
    };
    let cheap = tried(&engine, &one, &draft("cost < 2".to_owned())).await;
    assert_eq!((cheap.considered, cheap.cut), (RESULTS, false));
    let first = tried(&engine, &one, &draft(format!("cost < 2 || {costly}"))).await;
    assert!(
        first.cut && (20..RESULTS).contains(&first.considered),
        "{first:?}"
    );
    assert_eq!(first.would_stop, first.considered, "each had its answer");
    let second = tried(&engine, &one, &draft(format!("cost < 2 || {costly}"))).await;
    let considered = (first.considered, second.considered);
    assert_eq!(
        considered.0, considered.1,
        "what is spent is counted, not timed"
    );
}
