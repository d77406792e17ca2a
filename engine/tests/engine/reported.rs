//! Whose doing a report is.

use engine::reported::{self, NewReport};
use model::id::AttemptNumber;
use model::identity::{Principal, PrincipalKind, Role, Scope};
use model::reported::Status;
use sqlx::PgPool;

use crate::support::{claim_one, engine, person, plan, run, task, worker};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_step_reports_for_who_asked_for_its_run(pool: PgPool) {
    let engine = engine(pool);
    let operator = person(&engine, "operator@example.org", &[Role::Admin]).await;
    let account = operator.account().expect("an account");
    run(&engine, &plan(vec![task("change", &[])]), Some(account)).await;
    let claimed = claim_one(&engine, &worker(&engine)).await;
    let step = Principal {
        kind: PrincipalKind::StepToken {
            task: claimed.lease.task,
            attempt: AttemptNumber(1),
            scopes: vec![Scope::Read, Scope::Report],
        },
        name: "change".to_owned(),
        roles: Vec::new(),
    };
    let report = NewReport {
        task: "seo.validate".to_owned(),
        run_id: "nightly-2025-01-15".to_owned(),
        status: Status::AwaitingApproval,
        started_at: None,
        finished_at: None,
        duration_ms: None,
        inputs: None,
        outputs_uri: None,
        log_excerpt: None,
        approval_state: None,
        webhook_notified_at: None,
    };
    reported::create(&engine, &step, &report)
        .await
        .expect("it is reported");
    let requesters: Vec<i64> =
        sqlx::query_scalar("SELECT unnest(requesters) FROM approvals WHERE phase IS NULL")
            .fetch_all(&engine.pool)
            .await
            .expect("a request");
    assert_eq!(requesters, [account.0]);
}
