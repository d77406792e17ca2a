//! Runs of a version that asks less than the one that runs now are not tried again.

use engine::lifecycle::{cancel_run, rerun, retry_failed, start};
use engine::{Error, Settings};
use model::approval::Verdict;
use model::identity::Principal;
use model::task::TaskState;
use serde_json::json;
use sqlx::PgPool;

use super::{FREE, GATED, House, answer, store};
use crate::support::state;

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_retry_leads_around_no_gate_that_was_added_since(pool: PgPool) {
    let house = House::new(pool, Settings::default()).await;
    let engine = &house.engine;
    let operator = house.operator.clone();
    store(engine, &operator, FREE).await;
    let (run, _) = start(engine, &operator, "release", json!({}))
        .await
        .expect("a run");
    cancel_run(engine, &operator, run).await.expect("cancelled");
    let admin = Principal::system("admin");
    let saved = store(engine, &admin, GATED).await;
    assert_eq!((saved.running, saved.proposed.len()), (2, 0));

    let refused = retry_failed(engine, &operator, run).await;
    let Err(Error::Conflict(said)) = refused else {
        panic!("{refused:?}")
    };
    assert!(
        said.contains("is of version 1 of plan release, which asks people less than version 2"),
        "{said}"
    );
    let build: i64 = sqlx::query_scalar("SELECT id FROM tasks WHERE run = $1 AND name = 'build'")
        .bind(run.0)
        .fetch_one(&engine.pool)
        .await
        .expect("a task");
    let task = model::id::TaskId(build);
    let refused = rerun(engine, &operator, task).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    assert_eq!(state(engine, task).await, TaskState::Cancelled);

    // What asks as much or more is tried again, whatever else has changed.
    let (run, _) = start(engine, &operator, "release", json!({}))
        .await
        .expect("a run");
    cancel_run(engine, &operator, run).await.expect("cancelled");
    store(
        engine,
        &admin,
        &GATED.replace("build: {run: [make]}", "build: {run: [make, all]}"),
    )
    .await;
    retry_failed(engine, &operator, run)
        .await
        .expect("tried again");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_is_taken_away_comes_back_behind_its_gate(pool: PgPool) {
    let house = House::new(pool, Settings::default()).await;
    let engine = &house.engine;
    let first = "plan: release\ntasks:\n  check: {run: [scripts/check]}\n  \
                 rev: {needs: [check], run: [scripts/rev], approval: {from: [role:approver], required: 2}}\n";
    let publish = "  pub: {needs: [rev], run: [echo, PUBLISHED]}\n";
    let whole = format!("{first}{publish}");
    store(engine, &house.operator, &whole).await;
    let saved = store(engine, &house.operator, first).await;
    assert_eq!((saved.running, saved.proposed.len()), (2, 0));
    store(
        engine,
        &house.operator,
        "plan: release\ntasks:\n  check: {run: [scripts/check]}\n",
    )
    .await;
    let free = whole.replace("pub: {needs: [rev], ", "pub: {");
    let saved = store(engine, &house.operator, &free).await;
    assert_ne!(saved.proposed.len(), 0, "{saved:?}");
    let required: Vec<i32> = sqlx::query_scalar(
        "SELECT (policy->>'required')::int FROM approvals WHERE run IS NULL AND state = 'pending'",
    )
    .fetch_all(&engine.pool)
    .await
    .expect("requests");
    assert!(
        required.contains(&2),
        "those whom the gate asked: {required:?}"
    );
    let again = store(engine, &house.operator, &whole).await;
    assert_eq!((again.running, again.proposed.len()), (again.version, 0));
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_was_never_in_effect_is_no_measure(pool: PgPool) {
    let house = House::new(pool, Settings::default()).await;
    let engine = &house.engine;
    let check = "plan: release\ntasks:\n  check: {run: [scripts/check]}\n";
    store(engine, &house.operator, check).await;
    // Proposed for its secret, and refused: nobody was ever asked by its gate.
    let gated = format!(
        "{check}  rev: {{needs: [check], run: [scripts/rev], approval: {{from: [role:approver]}}}}\n  \
         pub: {{needs: [rev], run: [echo, PUBLISHED], environment: {{KEY: {{secret: KEY}}}}}}\n"
    );
    let proposed = store(engine, &house.operator, &gated).await.proposed;
    answer(engine, &house.approver, proposed[0], Verdict::Reject)
        .await
        .expect("refused");
    let free = format!("{check}  pub: {{run: [echo, PUBLISHED]}}\n");
    let saved = store(engine, &house.operator, &free).await;
    assert_eq!((saved.running, saved.proposed.len()), (saved.version, 0));
}
