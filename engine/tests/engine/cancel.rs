//! Cancelling, retrying one task, retrying a run from what failed.

use engine::Error;
use engine::lifecycle::retry_failed;
use engine::lifecycle::{cancel, rerun};
use engine::tasks::{Finished, Renewal, renew};
use model::identity::Role;
use model::task::{Outcome, TaskState};
use sqlx::PgPool;

use crate::support::{claim_one, end, engine, person, plan, run, state, states, task, worker};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_running_task_is_cancelled_when_its_group_is_empty(pool: PgPool) {
    let engine = engine(pool);
    let operator = person(&engine, "operator@example.org", &[Role::Operator]).await;
    let key = run(
        &engine,
        &plan(vec![task("one", &[]), task("two", &["one"])]),
        None,
    )
    .await;
    let owner = worker(&engine);
    let claimed = claim_one(&engine, &owner).await;
    let next = cancel(&engine, &operator, claimed.lease.task, Some("enough")).await;
    assert_eq!(next.expect("a cancel"), TaskState::Cancelling);
    let renewed = renew(&engine, &owner, &[claimed.lease])
        .await
        .expect("a renewal");
    assert_eq!(renewed, [Renewal::CancelRequested]);
    assert_eq!(
        end(&engine, &claimed, Outcome::Cancelled).await,
        Finished::Recorded(TaskState::Cancelled)
    );
    assert_eq!(
        states(&engine, key).await[1].1,
        TaskState::Skipped,
        "its dependant is left out"
    );
    let again = cancel(&engine, &operator, claimed.lease.task, None).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_viewer_cannot_cancel(pool: PgPool) {
    let engine = engine(pool);
    let viewer = person(&engine, "viewer@example.org", &[Role::Viewer]).await;
    run(&engine, &plan(vec![task("one", &[])]), None).await;
    let claimed = claim_one(&engine, &worker(&engine)).await;
    let refused = cancel(&engine, &viewer, claimed.lease.task, None).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    assert_eq!(state(&engine, claimed.lease.task).await, TaskState::Running);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_run_is_retried_from_what_failed(pool: PgPool) {
    let engine = engine(pool);
    let operator = person(&engine, "operator@example.org", &[Role::Operator]).await;
    let tasks = vec![
        task("a", &[]),
        task("b", &["a"]),
        task("c", &["b"]),
        task("d", &["a"]),
    ];
    let key = run(&engine, &plan(tasks), None).await;
    let owner = worker(&engine);
    for outcome in [Outcome::Succeeded, Outcome::Failed, Outcome::Succeeded] {
        let claimed = claim_one(&engine, &owner).await;
        end(&engine, &claimed, outcome).await;
    }
    let names = |states: Vec<(String, TaskState)>| -> Vec<TaskState> {
        states.into_iter().map(|(_, state)| state).collect()
    };
    assert_eq!(
        names(states(&engine, key).await),
        [
            TaskState::Succeeded,
            TaskState::Failed,
            TaskState::Skipped,
            TaskState::Succeeded
        ]
    );
    assert_eq!(
        retry_failed(&engine, &operator, key)
            .await
            .expect("a retry"),
        2
    );
    for name in ["b", "c"] {
        let claimed = claim_one(&engine, &owner).await;
        assert_eq!(claimed.name, name, "in the plan's order, and nothing else");
        end(&engine, &claimed, Outcome::Succeeded).await;
    }
    assert_eq!(names(states(&engine, key).await), [TaskState::Succeeded; 4]);
    let again = retry_failed(&engine, &operator, key).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn one_task_is_retried_with_a_new_attempt(pool: PgPool) {
    let engine = engine(pool);
    let operator = person(&engine, "operator@example.org", &[Role::Operator]).await;
    run(&engine, &plan(vec![task("one", &[])]), None).await;
    let owner = worker(&engine);
    let claimed = claim_one(&engine, &owner).await;
    end(&engine, &claimed, Outcome::Failed).await;
    let next = rerun(&engine, &operator, claimed.lease.task)
        .await
        .expect("a retry");
    assert_eq!(next, TaskState::Queued);
    assert_eq!(claim_one(&engine, &owner).await.lease.attempt.0, 2);
    let running = rerun(&engine, &operator, claimed.lease.task).await;
    assert!(matches!(running, Err(Error::Conflict(_))), "{running:?}");
}
