//! What the generic webhook is told, in the transaction that causes it.

use engine::lifecycle::{Channel, Decide, pending_for_task};
use engine::{Engine, Settings};
use model::approval::Verdict;
use model::identity::{Principal, Role};
use model::task::{GatePhase, Outcome};
use serde_json::Value;
use sqlx::PgPool;

use crate::support::{claim_one, decide, end, gate, person, plan, run, task, worker};

fn telling(pool: PgPool) -> Engine {
    let settings = Settings {
        generic_webhook: Some("https://hooks.example/x".to_owned().into()),
        public_url: Some("https://night.example/".to_owned()),
        ..Settings::default()
    };
    Engine::new(pool, settings)
}

async fn told(engine: &Engine) -> Vec<(String, Value)> {
    sqlx::query_as("SELECT dedup_key, payload FROM outbox WHERE channel = 'webhook' ORDER BY id")
        .fetch_all(&engine.pool)
        .await
        .expect("the outbox can be read")
}

fn kinds(told: &[(String, Value)]) -> Vec<&str> {
    told.iter()
        .filter_map(|(_, payload)| payload["type"].as_str())
        .collect()
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_refusal_is_told_with_the_failure_and_the_end_that_follow(pool: PgPool) {
    let engine = telling(pool);
    let approver = person(&engine, "approver@example.org", &[Role::Approver]).await;
    let mut change = task("change", &[]);
    change.approval = Some(gate(GatePhase::AfterResult));
    let key = run(&engine, &plan(vec![change]), None).await;
    let claimed = claim_one(&engine, &worker(&engine)).await;
    end(&engine, &claimed, Outcome::Succeeded).await;
    let mut connection = engine.pool.acquire().await.expect("a connection");
    let approval = pending_for_task(&mut connection, claimed.lease.task)
        .await
        .expect("a look")
        .expect("a request");
    let answer = Decide {
        approval,
        digest: None,
        verdict: Verdict::Reject,
        note: Some("too wide".to_owned()),
        inputs: None,
        channel: Channel::Slack,
    };
    decide(&engine, &approver, &answer).await.expect("decided");
    decide(&engine, &approver, &answer).await.expect_err("once");

    let told = told(&engine).await;
    assert_eq!(
        kinds(&told),
        [
            "task.awaiting_approval",
            "approval.decided",
            "task.failed",
            "run.finished"
        ]
    );
    let data = |index: usize| &told[index].1["data"];
    assert_eq!(told[1].0, format!("approval/{approval}/decided"));
    assert_eq!(data(1)["state"], "rejected");
    assert_eq!(data(1)["decided_by"], "approver@example.org");
    assert_eq!(data(1)["channel"], "slack");
    assert_eq!(
        data(1)["approval_url"],
        format!("https://night.example/approvals/{approval}")
    );
    assert_eq!(
        data(2)["reason"],
        "rejected by approver@example.org: too wide"
    );
    assert_eq!(data(3)["run"], key.0);
    assert_eq!(data(3)["status"], "failed");
    assert_eq!(data(3)["counts"]["failed"], 1);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_failure_is_told_after_the_last_retry_and_again_when_it_fails_again(pool: PgPool) {
    let engine = telling(pool);
    let mut flaky = task("flaky", &[]);
    flaky.retries.max = 1;
    flaky.retries.backoff_seconds = 0;
    let key = run(&engine, &plan(vec![flaky]), None).await;
    end(
        &engine,
        &claim_one(&engine, &worker(&engine)).await,
        Outcome::Failed,
    )
    .await;
    assert_eq!(kinds(&told(&engine).await), [""; 0], "it is tried again");
    end(
        &engine,
        &claim_one(&engine, &worker(&engine)).await,
        Outcome::Failed,
    )
    .await;
    let first = told(&engine).await;
    assert_eq!(kinds(&first), ["task.failed", "run.finished"]);
    assert_eq!(first[0].1["data"]["attempt"], 2);

    engine::lifecycle::retry_failed(&engine, &Principal::system("test"), key)
        .await
        .expect("a retry");
    let claimed = claim_one(&engine, &worker(&engine)).await;
    end(&engine, &claimed, Outcome::Succeeded).await;
    let all = told(&engine).await;
    assert_eq!(kinds(&all)[2..], ["run.finished"]);
    assert_eq!(all[2].1["data"]["status"], "succeeded");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn without_a_receiver_nothing_is_written(pool: PgPool) {
    let engine = Engine::new(pool, Settings::default());
    run(&engine, &plan(vec![task("change", &[])]), None).await;
    end(
        &engine,
        &claim_one(&engine, &worker(&engine)).await,
        Outcome::Failed,
    )
    .await;
    assert!(told(&engine).await.is_empty());
}
