//! Invariant 2: an end is recorded once, by the holder of the live lease.

use std::time::Duration;

use engine::lifecycle::rescue;
use engine::tasks::{Finished, Renewal, promote_due, renew};
use model::plan::Retries;
use model::task::{Outcome, TaskState};
use sqlx::PgPool;

use crate::support::{claim_one, end, engine, move_clock, plan, run, state, states, task, worker};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_stale_owner_changes_nothing(pool: PgPool) {
    let engine = engine(pool);
    run(&engine, &plan(vec![task("one", &[])]), None).await;
    let first = claim_one(&engine, &worker(&engine)).await;
    move_clock(&engine, Duration::from_secs(31)).await;
    assert_eq!(rescue(&engine).await.expect("a rescue"), 1);
    let owner = worker(&engine);
    let second = claim_one(&engine, &owner).await;
    assert_eq!(second.lease.task, first.lease.task);
    assert_eq!(second.lease.attempt.0, 2);

    assert_eq!(
        end(&engine, &first, Outcome::Failed).await,
        Finished::LeaseLost
    );
    let renewed = renew(&engine, &worker(&engine), &[first.lease])
        .await
        .expect("a renewal");
    assert_eq!(renewed, [Renewal::Lost]);
    assert_eq!(
        end(&engine, &second, Outcome::Succeeded).await,
        Finished::Recorded(TaskState::Succeeded)
    );
    assert_eq!(
        end(&engine, &second, Outcome::Failed).await,
        Finished::LeaseLost
    );
    assert_eq!(
        state(&engine, second.lease.task).await,
        TaskState::Succeeded
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_lapsed_lease_records_nothing_even_before_a_rescue(pool: PgPool) {
    let engine = engine(pool);
    run(&engine, &plan(vec![task("one", &[])]), None).await;
    let claimed = claim_one(&engine, &worker(&engine)).await;
    move_clock(&engine, Duration::from_secs(31)).await;
    assert_eq!(
        end(&engine, &claimed, Outcome::Succeeded).await,
        Finished::LeaseLost
    );
    assert_eq!(state(&engine, claimed.lease.task).await, TaskState::Running);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_failed_attempt_waits_for_its_retry(pool: PgPool) {
    let engine = engine(pool);
    let mut flaky = task("flaky", &[]);
    flaky.retries = Retries {
        max: 1,
        backoff_seconds: 60,
        ..Retries::default()
    };
    let run = run(&engine, &plan(vec![flaky]), None).await;
    let claimed = claim_one(&engine, &worker(&engine)).await;
    assert_eq!(
        end(&engine, &claimed, Outcome::Failed).await,
        Finished::Recorded(TaskState::Scheduled)
    );
    assert_eq!(promote_due(&engine).await.expect("a pass"), 0);
    move_clock(&engine, Duration::from_secs(67)).await;
    assert_eq!(promote_due(&engine).await.expect("a pass"), 1);
    let again = claim_one(&engine, &worker(&engine)).await;
    end(&engine, &again, Outcome::Failed).await;
    assert_eq!(
        states(&engine, run).await,
        [("flaky".to_owned(), TaskState::Failed)]
    );
    let attempts: i64 =
        sqlx::query_scalar("SELECT count(*) FROM attempts WHERE outcome = 'failed'")
            .fetch_one(&engine.pool)
            .await
            .expect("a count");
    assert_eq!(attempts, 2);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_finished_attempt_cannot_change(pool: PgPool) {
    let engine = engine(pool);
    run(&engine, &plan(vec![task("one", &[])]), None).await;
    let claimed = claim_one(&engine, &worker(&engine)).await;
    end(&engine, &claimed, Outcome::Succeeded).await;
    let refused = sqlx::query("UPDATE attempts SET exit_code = 1")
        .execute(&engine.pool)
        .await
        .expect_err("the database refuses");
    assert!(
        refused
            .to_string()
            .contains("has finished and cannot change"),
        "{refused}"
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_history_tells_every_transition_in_order(pool: PgPool) {
    let engine = engine(pool);
    let key = run(&engine, &plan(vec![task("one", &[])]), None).await;
    let claimed = claim_one(&engine, &worker(&engine)).await;
    end(&engine, &claimed, Outcome::Succeeded).await;
    let history: Vec<(i32, String)> =
        sqlx::query_as("SELECT seq, event FROM task_history WHERE task_id = $1 ORDER BY seq")
            .bind(claimed.lease.task.0)
            .fetch_all(&engine.pool)
            .await
            .expect("a history");
    let events: Vec<(i32, &str)> = history
        .iter()
        .map(|(seq, event)| (*seq, event.as_str()))
        .collect();
    assert_eq!(
        events,
        [(1, "create"), (2, "release"), (3, "claim"), (4, "succeed")]
    );
    let finished: bool =
        sqlx::query_scalar("SELECT finished_at IS NOT NULL FROM runs WHERE id = $1")
            .bind(key.0)
            .fetch_one(&engine.pool)
            .await
            .expect("the run exists");
    assert!(finished, "the run ends with its last task");
}
