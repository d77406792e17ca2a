//! How many must answer, and what a refusal does.

use crate::support::{engine, state};
use engine::Error;
use model::approval::{ApprovalState, Verdict};
use model::plan::{Gate, RefusalRule};
use model::task::TaskState;
use sqlx::PgPool;

use super::{after, approver, say, waiting};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn two_of_three_must_sign_and_nobody_counts_twice(pool: PgPool) {
    let engine = engine(pool);
    let first = approver(&engine, "first@example.org").await;
    let second = approver(&engine, "second@example.org").await;
    approver(&engine, "third@example.org").await;
    let (task, approval) = waiting(&engine, after(2)).await;

    let one = say(&engine, &first, approval, Verdict::Approve)
        .await
        .expect("a signature");
    assert_eq!(one.state, ApprovalState::Pending);
    assert_eq!(state(&engine, task).await, TaskState::AwaitingApproval);
    let again = say(&engine, &first, approval, Verdict::Approve).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");

    let two = say(&engine, &second, approval, Verdict::Approve)
        .await
        .expect("a signature");
    assert_eq!(two.state, ApprovalState::Approved);
    assert_eq!(state(&engine, task).await, TaskState::Succeeded);
    let signed: i32 = sqlx::query_scalar("SELECT signatures FROM approvals")
        .fetch_one(&engine.pool)
        .await
        .expect("a count");
    assert_eq!(signed, 2, "the refused third is not counted");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_refusal_ends_it_unless_the_policy_wants_a_majority(pool: PgPool) {
    let engine = engine(pool);
    let mut people = Vec::new();
    for number in 0..5 {
        people.push(approver(&engine, &format!("approver{number}@example.org")).await);
    }
    let (task, approval) = waiting(&engine, after(2)).await;
    say(&engine, &people[0], approval, Verdict::Approve)
        .await
        .expect("a signature");
    let ended = say(&engine, &people[1], approval, Verdict::Reject)
        .await
        .expect("a refusal");
    assert_eq!(ended.state, ApprovalState::Rejected);
    assert_eq!(state(&engine, task).await, TaskState::Failed);

    let majority = Gate {
        refusal: RefusalRule::Majority,
        ..after(2)
    };
    let (task, approval) = waiting(&engine, majority).await;
    for person in &people[..2] {
        let one = say(&engine, person, approval, Verdict::Reject)
            .await
            .expect("a refusal");
        assert_eq!(one.state, ApprovalState::Pending);
    }
    let third = say(&engine, &people[2], approval, Verdict::Reject)
        .await
        .expect("a refusal");
    assert_eq!(third.state, ApprovalState::Rejected);
    assert_eq!(state(&engine, task).await, TaskState::Failed);
}
