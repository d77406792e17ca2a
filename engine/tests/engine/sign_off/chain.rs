//! Reminders, escalations and the end of time.

use crate::support::{engine, move_clock, person, state};
use engine::Error;
use engine::lifecycle::act_on_due;
use engine::lifecycle::people::put_group;
use model::approval::Verdict;
use model::identity::Role;
use model::plan::{EscalationStep, Gate, OnExpire, Signer};
use model::task::TaskState;
use sqlx::PgPool;
use std::time::Duration;

use super::{after, approver, say, waiting};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_chain_asks_further_and_never_approves(pool: PgPool) {
    let engine = engine(pool);
    approver(&engine, "approver@example.org").await;
    let lead = person(&engine, "lead@example.org", &[Role::Approver]).await;
    let admin = person(&engine, "admin", &[Role::Admin]).await;
    put_group(&engine, &admin, "leads", &["lead@example.org".to_owned()])
        .await
        .expect("a group");
    let chain = Gate {
        from: vec![Signer::User("approver@example.org".to_owned())],
        remind_seconds: Some(3_600),
        expires_seconds: Some(10 * 3_600),
        on_expire: OnExpire::Escalate,
        escalate: vec![
            EscalationStep {
                after_seconds: 4 * 3_600,
                to: vec![Signer::Group("leads".to_owned())],
            },
            EscalationStep {
                after_seconds: 24 * 3_600,
                to: vec![Signer::Role(Role::Admin)],
            },
        ],
        ..after(1)
    };
    let (task, approval) = waiting(&engine, chain).await;
    let hours = |hours: u64| Duration::from_secs(hours * 3_600 + 60);
    let refused = say(&engine, &lead, approval, Verdict::Approve).await;
    assert!(
        matches!(refused, Err(Error::Forbidden(_))),
        "not asked yet: {refused:?}"
    );

    assert_eq!(act_on_due(&engine).await.expect("a pass"), 0);
    move_clock(&engine, hours(1)).await;
    assert_eq!(act_on_due(&engine).await.expect("a pass"), 1, "a reminder");
    assert_eq!(act_on_due(&engine).await.expect("a pass"), 0, "once");
    // After four hours the leads are asked; the reminders that were missed are one.
    move_clock(&engine, hours(4)).await;
    assert_eq!(act_on_due(&engine).await.expect("a pass"), 1);
    assert_eq!(act_on_due(&engine).await.expect("a pass"), 1);
    let counts: (i32, i32) = sqlx::query_as("SELECT reminded, escalated FROM approvals")
        .fetch_one(&engine.pool)
        .await
        .expect("counts");
    assert_eq!(counts, (2, 1));
    // Out of time: the next step is asked at once and gets as much time anew.
    move_clock(&engine, hours(10)).await;
    assert_eq!(act_on_due(&engine).await.expect("a pass"), 1);
    assert_eq!(state(&engine, task).await, TaskState::AwaitingApproval);
    let recipients: Vec<Vec<String>> =
        sqlx::query_scalar("SELECT recipients FROM escalations ORDER BY step")
            .fetch_all(&engine.pool)
            .await
            .expect("the records");
    assert_eq!(recipients, [vec!["group:leads"], vec!["role:admin"]]);
    // Nobody is left: it fails.
    move_clock(&engine, hours(21)).await;
    act_on_due(&engine).await.expect("a pass");
    assert_eq!(state(&engine, task).await, TaskState::Failed);
    let late = say(&engine, &admin, approval, Verdict::Approve).await;
    assert!(matches!(late, Err(Error::Gone(_))), "{late:?}");
}
