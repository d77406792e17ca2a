//! How many must sign by the rules of risk, and a draft of them on the past.

use crate::support::{claim_one, engine, person, plan, run, states, task, worker};
use chrono::TimeDelta;
use engine::tasks::{AttemptResult, Finish, finish};
use model::identity::Role;
use model::plan::{Gate, RiskLevel, RiskRule};
use model::task::TaskState;
use model::view::Outcome;
use serde_json::json;
use sqlx::PgPool;

use super::{after, approver};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn risk_says_how_many_must_sign(pool: PgPool) {
    let engine = engine(pool);
    approver(&engine, "approver@example.org").await;
    let rule = |when: &str, level| RiskRule {
        when: Some(when.to_owned()),
        level,
    };
    let rules = vec![
        rule("cost < 1.0", RiskLevel::Auto),
        rule("cost < 10.0", RiskLevel::One),
    ];
    for (report, stops) in [
        (json!({"telemetry": {"cost": 0.5}}), None),
        (json!({"telemetry": {"cost": 5}}), Some((1, "one"))),
        (json!({"cost": 50}), Some((2, "two"))),
        (json!({}), Some((2, "two"))),
        (json!({"cost": 0.5, "approval": true}), Some((1, "auto"))),
    ] {
        let mut first = task("change", &[]);
        first.approval = Some(Gate {
            risk: rules.clone(),
            ..after(1)
        });
        let key = run(&engine, &plan(vec![first]), None).await;
        let claimed = claim_one(&engine, &worker(&engine)).await;
        let result = AttemptResult {
            report: Some(report.clone()),
            ..AttemptResult::bare(Outcome::Succeeded)
        };
        let lease = claimed.lease;
        finish(&engine, vec![Finish { lease, result }])
            .await
            .expect("a finish");
        let now = states(&engine, key).await[0].1;
        let Some((required, risk)) = stops else {
            assert_eq!(now, TaskState::Succeeded, "{report}");
            continue;
        };
        assert_eq!(now, TaskState::AwaitingApproval, "{report}");
        let stored: (i32, String, Option<String>) = sqlx::query_as(
            "SELECT (policy ->> 'required')::int, risk, why FROM approvals ORDER BY id DESC LIMIT 1",
        )
        .fetch_one(&engine.pool)
        .await
        .expect("the request");
        assert_eq!(
            (stored.0, stored.1.as_str()),
            (required, risk),
            "{report}: {:?}",
            stored.2
        );
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_draft_is_tried_on_the_past_and_changes_nothing(pool: PgPool) {
    let engine = engine(pool);
    let reader = person(&engine, "viewer@example.org", &[Role::Viewer]).await;
    for cost in [1, 20, 300] {
        run(&engine, &plan(vec![task("change", &[])]), None).await;
        let lease = claim_one(&engine, &worker(&engine)).await.lease;
        let result = AttemptResult {
            report: Some(json!({"cost": cost})),
            ..AttemptResult::bare(Outcome::Succeeded)
        };
        finish(&engine, vec![Finish { lease, result }])
            .await
            .expect("a finish");
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
    let since = engine.clock.now() - TimeDelta::days(30);
    let answer = engine::approvals::what_if(&engine, &reader, &draft, since)
        .await
        .expect("an answer");
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
