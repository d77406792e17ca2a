//! Nothing of an attempt outlives it.

use std::time::Duration;

use engine::lifecycle::cancel;
use model::identity::Principal;
use model::plan::PlanTask;
use model::task::{Outcome, TaskState};
use sqlx::PgPool;

use crate::support::{Trace, Worker, seen, shell, until};

/// Ignores TERM, and leaves children that ignore it too, in a session of their own
/// and with parents that have ended.
const STUBBORN: &str = "trap '' TERM
    (setsid bash -c 'trap \"\" TERM; sleep 300 & sleep 300; sleep 300' &)
    echo ready; sleep 300; sleep 300";

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_timeout_leaves_no_process(pool: PgPool) {
    let worker = Worker::start(&pool, |_, _| {});
    let trace = Trace::new();
    let task = PlanTask {
        timeout_seconds: 1,
        ..trace.on(shell(STUBBORN))
    };
    let seen = worker.run(task).await;
    assert_eq!(seen.outcome, Some(Outcome::TimedOut));
    assert_eq!(seen.signal, Some(9));
    assert_eq!(
        seen.reason.as_deref(),
        Some("it ran longer than 1 s and was stopped")
    );
    // A shell that dies a moment after its child may still say that the child was killed.
    assert!(seen.text().starts_with("ready\n"), "{}", seen.text());
    assert_eq!(trace.living(), [0; 0]);
    worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_step_that_heeds_term_ends_in_good_order(pool: PgPool) {
    let worker = Worker::start(&pool, |_, options| {
        options.stop_grace = Duration::from_secs(30);
    });
    let task = PlanTask {
        timeout_seconds: 1,
        ..shell("trap 'echo cleaned; exit 5' TERM; echo ready; while true; do sleep 0.05; done")
    };
    let seen = worker.run(task).await;
    assert_eq!(
        (seen.outcome, seen.exit_code),
        (Some(Outcome::TimedOut), Some(5))
    );
    assert!(seen.text().contains("cleaned"), "{}", seen.text());
    worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_cancel_leaves_no_process(pool: PgPool) {
    let worker = Worker::start(&pool, |_, _| {});
    let trace = Trace::new();
    let task = worker.enqueue(trace.on(shell(STUBBORN))).await;
    worker.said(task, "ready").await;
    until("all are there", async || {
        (trace.living().len() >= 4).then_some(())
    })
    .await;
    let person = Principal::system("test");
    let state = cancel(&worker.engine, &person, task, Some("enough"))
        .await
        .unwrap();
    assert_eq!(state, TaskState::Cancelling);
    let seen = worker.finished(task).await;
    assert_eq!(seen.outcome, Some(Outcome::Cancelled));
    assert_eq!(seen.state, TaskState::Cancelled);
    assert_eq!(trace.living(), [0; 0]);
    worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_a_step_leaves_running_is_ended_with_it(pool: PgPool) {
    let worker = Worker::start(&pool, |_, _| {});
    let trace = Trace::new();
    // One holds the output open, one does not.
    let seen = worker
        .run(trace.on(shell(
            "sleep 300 & setsid sleep 300 >/dev/null 2>&1 & echo out; exit 4",
        )))
        .await;
    assert_eq!(
        (seen.outcome, seen.exit_code),
        (Some(Outcome::Failed), Some(4))
    );
    assert!(
        seen.text()
            .starts_with("out\n[watchbill: 2 processes were still running"),
        "{}",
        seen.text()
    );
    assert_eq!(trace.living(), [0; 0]);
    worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_worker_that_shuts_down_gives_its_tasks_back(pool: PgPool) {
    let worker = Worker::start(&pool, |_, options| {
        options.shutdown_grace = Duration::from_millis(50);
    });
    let trace = Trace::new();
    let task = worker
        .enqueue(trace.on(shell("trap '' TERM; echo ready; sleep 300; sleep 300")))
        .await;
    worker.said(task, "ready").await;
    worker.stop().await;
    assert_eq!(trace.living(), [0; 0]);
    let seen = seen(&pool, task).await.unwrap();
    assert_eq!(seen.state, TaskState::Queued);
    assert_eq!(seen.reason.as_deref(), Some("its worker stopped"));
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_a_killed_worker_left_is_killed_at_the_next_start(pool: PgPool) {
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap();
    let namespace: String = namespace
        .to_string_lossy()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let mut dead = std::process::Command::new("true").spawn().unwrap();
    let pid = dead.id();
    dead.wait().unwrap();
    let mark = format!("{namespace}-{pid}-1-test");
    let folder = std::env::temp_dir().join(format!("watchbill-step-{mark}"));
    std::fs::create_dir(&folder).unwrap();
    let mut left = std::process::Command::new("sleep")
        .arg("300")
        .env("WATCHBILL_MARK", &mark)
        .spawn()
        .unwrap();
    let worker = Worker::start(&pool, |_, _| {});
    until("it is killed", async || left.try_wait().unwrap()).await;
    until("its folder is gone", async || {
        (!folder.exists()).then_some(())
    })
    .await;
    worker.stop().await;
}
