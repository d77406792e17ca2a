//! How many must sign by the rules of risk.

use crate::support::{claim_one, engine, plan, run, states, task, worker};
use model::plan::{Gate, RiskLevel, RiskRule};
use model::task::TaskState;
use serde_json::json;
use sqlx::PgPool;

use super::{after, approver, end_with_report};

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
        end_with_report(&engine, &claimed, report.clone()).await;
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
