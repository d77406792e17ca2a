//! Invariants 4 and 6: what a dead worker held goes on; what kills its workers does not.

use std::time::Duration;

use engine::lifecycle::{CRASH_RECOVERIES, rescue};
use model::identity::Principal;
use model::task::{Outcome, TaskState};
use sqlx::PgPool;

use crate::support::{claim_one, end, engine, move_clock, plan, run, state, states, task, worker};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_task_that_was_never_renewed_is_recovered(pool: PgPool) {
    let engine = engine(pool);
    run(&engine, &plan(vec![task("one", &[])]), None).await;
    let claimed = claim_one(&engine, &worker(&engine)).await;
    assert_eq!(
        rescue(&engine).await.expect("a rescue"),
        0,
        "the lease still holds"
    );
    move_clock(&engine, Duration::from_secs(31)).await;
    assert_eq!(rescue(&engine).await.expect("a rescue"), 1);
    assert_eq!(state(&engine, claimed.lease.task).await, TaskState::Queued);
    assert_eq!(
        rescue(&engine).await.expect("a rescue"),
        0,
        "once is enough"
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn poison_fails_and_the_others_finish(pool: PgPool) {
    let engine = engine(pool);
    let mut poison = task("poison", &[]);
    poison.priority = 1;
    let key = run(&engine, &plan(vec![poison, task("fine", &[])]), None).await;
    for death in 0..=u64::try_from(CRASH_RECOVERIES).expect("a small figure") {
        let claimed = claim_one(&engine, &worker(&engine)).await;
        assert_eq!(claimed.name, "poison");
        move_clock(&engine, Duration::from_secs(31 * (death + 1))).await;
        assert_eq!(rescue(&engine).await.expect("a rescue"), 1);
    }
    let fine = claim_one(&engine, &worker(&engine)).await;
    end(&engine, &fine, Outcome::Succeeded).await;
    assert_eq!(
        states(&engine, key).await,
        [
            ("poison".to_owned(), TaskState::Failed),
            ("fine".to_owned(), TaskState::Succeeded)
        ]
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn two_rescuers_rescue_once(pool: PgPool) {
    let engine = engine(pool);
    let tasks = (0..20).map(|n| task(&format!("t{n}"), &[])).collect();
    run(&engine, &plan(tasks), None).await;
    engine::lifecycle::claim(&engine, &worker(&engine), 20)
        .await
        .expect("a claim");
    move_clock(&engine, Duration::from_secs(31)).await;
    let (first, second) = tokio::join!(rescue(&engine), rescue(&engine));
    assert_eq!(first.expect("a rescue") + second.expect("a rescue"), 20);
    let doubles: i64 = sqlx::query_scalar("SELECT count(*) FROM tasks WHERE crash_recoveries <> 1")
        .fetch_one(&engine.pool)
        .await
        .expect("a count");
    assert_eq!(doubles, 0);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_lost_attempt_keeps_what_was_seen_of_it(pool: PgPool) {
    let engine = engine(pool);
    run(&engine, &plan(vec![task("one", &[])]), None).await;
    let claimed = claim_one(&engine, &worker(&engine)).await;
    let attempts = async || {
        let viewer = Principal::system("test");
        let detail = engine::history::task(&engine, &viewer, claimed.lease.task).await;
        detail.expect("the task").attempts
    };
    let running = attempts().await;
    assert_eq!(running.len(), 1);
    assert_eq!(running[0].number, claimed.lease.attempt);
    assert_eq!((running[0].finished_at, running[0].outcome), (None, None));
    sqlx::query("UPDATE leases SET output_bytes = 70, omitted_bytes = 6")
        .execute(&engine.pool)
        .await
        .expect("its worker said so");
    move_clock(&engine, Duration::from_secs(31)).await;
    assert_eq!(rescue(&engine).await.expect("a pass"), 1);
    let lost = attempts().await;
    assert_eq!(lost.len(), 1);
    assert_eq!(lost[0].outcome, Some(Outcome::WorkerLost));
    assert_eq!(lost[0].started_at, running[0].started_at);
    assert_eq!(lost[0].worker, running[0].worker);
    assert_eq!(lost[0].output_bytes, 70);
}
