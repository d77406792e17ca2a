//! A worker that no longer holds a task stops, in time, and records nothing.

use std::time::Duration;

use model::task::TaskState;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::support::{Trace, Worker, seen, shell, until};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_worker_that_cannot_renew_kills_before_the_lease_ends(pool: PgPool) {
    let own = PgPoolOptions::new()
        .max_connections(5)
        .connect_with(pool.connect_options().as_ref().clone())
        .await
        .unwrap();
    let worker = Worker::start(&own, |settings, _| settings.lease = Duration::from_secs(2));
    let trace = Trace::new();
    let task = worker
        .enqueue(trace.on(shell(
            "trap '' TERM; echo ready; (setsid sleep 300 &); sleep 300; sleep 300",
        )))
        .await;
    worker.said(task, "ready").await;
    own.close().await;
    until("all are killed", async || {
        trace.living().is_empty().then_some(())
    })
    .await;
    let lease_is_live = sqlx::query_scalar!(
        r#"SELECT expires_at > watchbill_now() AS "live!" FROM leases WHERE task_id = $1"#,
        task.0
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!(lease_is_live, "they were killed before the lease ended");
    let seen = seen(&pool, task).await.unwrap();
    assert_eq!((seen.state, seen.outcome), (TaskState::Running, None));
    worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_lease_is_kept_over_many_of_its_lengths(pool: PgPool) {
    let worker = Worker::start(&pool, |settings, _| settings.lease = Duration::from_secs(1));
    let seen = worker.run(shell("sleep 3; echo done")).await;
    assert_eq!(
        (seen.state, seen.text().as_str()),
        (TaskState::Succeeded, "done\n")
    );
    worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_worker_whose_task_was_taken_stops_and_records_nothing(pool: PgPool) {
    let worker = Worker::start(&pool, |settings, _| settings.lease = Duration::from_secs(2));
    let trace = Trace::new();
    let task = worker
        .enqueue(trace.on(shell("echo ready; sleep 300")))
        .await;
    worker.said(task, "ready").await;
    take_lease(&pool, task).await;
    until("it is killed", async || {
        trace.living().is_empty().then_some(())
    })
    .await;
    worker.stop().await;
    let seen = seen(&pool, task).await.unwrap();
    assert_eq!((seen.state, seen.outcome), (TaskState::Running, None));
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_result_that_comes_too_late_changes_nothing(pool: PgPool) {
    // Renewed every twenty seconds: the worker does not learn of it in time.
    let worker = Worker::start(&pool, |settings, _| {
        settings.lease = Duration::from_secs(60);
    });
    let flag = tempfile::NamedTempFile::new().unwrap();
    let script = format!(
        "echo ready; while [ -e {} ]; do sleep 0.02; done; echo late; echo x > $WATCHBILL_ARTIFACTS/x",
        flag.path().display()
    );
    let task = worker.enqueue(shell(&script)).await;
    worker.said(task, "ready").await;
    take_lease(&pool, task).await;
    drop(flag);
    worker.stop().await;
    let seen = seen(&pool, task).await.unwrap();
    assert_eq!((seen.state, seen.outcome), (TaskState::Running, None));
    assert_eq!(seen.text(), "ready\n");
    assert!(seen.artifacts.is_empty());
}

async fn take_lease(pool: &PgPool, task: model::id::TaskId) {
    let taken = sqlx::query!(
        "UPDATE leases SET token = gen_random_uuid(), worker_id = gen_random_uuid() WHERE task_id = $1",
        task.0
    )
    .execute(pool)
    .await
    .expect("the lease is there");
    assert_eq!(taken.rows_affected(), 1);
}
