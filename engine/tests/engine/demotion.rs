//! Invariant 15: who loses the right to sign while they sign has signed before, or not at all.

use std::future::Future;

use engine::lifecycle::Decided;
use engine::lifecycle::people::{disable, set_roles};
use engine::{Engine, Error, Result};
use model::approval::Verdict;
use model::id::{AccountId, ApprovalId, TaskId};
use model::identity::{Principal, Role};
use model::plan::{Gate, Signer};
use model::task::TaskState;
use sqlx::PgPool;

use crate::sign_off::{after, approver, delegate, say, waiting};
use crate::support::{engine, state, until};

fn account(person: &Principal) -> AccountId {
    person.account().expect("an account")
}

/// Takes from the account what lets it sign.
async fn demote(engine: &Engine, account: AccountId) -> Result<()> {
    let admin = Principal::system("test");
    set_roles(engine, &admin, account, &[Role::Viewer]).await
}

async fn approve(engine: &Engine, who: &Principal, approval: ApprovalId) -> Result<Decided> {
    say(engine, who, approval, Verdict::Approve).await
}

/// Lets this many answers of the database pass.
async fn fall_behind(engine: &Engine, statements: usize) {
    for _ in 0..statements {
        sqlx::query("SELECT 1")
            .execute(&engine.pool)
            .await
            .expect("an answer");
    }
}

/// Either the decision was recorded before this account lost the right, or nothing of it is there.
async fn check(
    engine: &Engine,
    account: AccountId,
    (task, approval): (TaskId, ApprovalId),
    decided: &Result<Decided>,
) {
    let lost: i64 = sqlx::query_scalar(
        "SELECT id FROM audit WHERE action IN ('account.roles', 'account.disable')
           AND details @> jsonb_build_object('account', $1::bigint)",
    )
    .bind(account.0)
    .fetch_one(&engine.pool)
    .await
    .expect("the change is in the audit");
    let (recorded, decisions, signatures, pending): (Vec<i64>, i64, i32, bool) = sqlx::query_as(
        "SELECT array(SELECT id FROM audit WHERE action = 'approval.decide' AND subject = 'approval/' || a.id),
                (SELECT count(*) FROM decisions WHERE approval_id = a.id), a.signatures, a.state = 'pending'
         FROM approvals a WHERE a.id = $1",
    )
    .bind(approval.0)
    .fetch_one(&engine.pool)
    .await
    .expect("the request");
    match decided {
        Ok(_) => {
            assert_eq!((recorded.len(), decisions, signatures), (1, 1, 1));
            assert!(
                recorded[0] < lost,
                "audit row {lost} takes the right away, and row {} signs with it",
                recorded[0]
            );
        }
        Err(Error::Forbidden(_)) => {
            assert_eq!((recorded.len(), decisions, signatures), (0, 0, 0));
            assert!(pending, "approval {approval} was not decided");
            assert_eq!(state(engine, task).await, TaskState::AwaitingApproval);
        }
        Err(other) => panic!("a decision of who may not is refused, not {other}"),
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn who_is_demoted_while_they_sign_has_signed_before_or_not_at_all(pool: PgPool) {
    const ROUNDS: usize = 30;
    let engine = engine(pool);
    for round in 0..ROUNDS {
        let one = approver(&engine, &format!("approver{round}@example.org")).await;
        let (task, approval) = waiting(&engine, after(1)).await;
        // One of the two falls behind, further with each round: they meet at every statement.
        let half = ROUNDS / 2;
        let (signer_waits, admin_waits) = if round < half {
            (round, 0)
        } else {
            (0, round - half)
        };
        let signing = async {
            fall_behind(&engine, signer_waits).await;
            approve(&engine, &one, approval).await
        };
        let demoting = async {
            fall_behind(&engine, admin_waits).await;
            demote(&engine, account(&one)).await
        };
        let (signed, demoted) = tokio::join!(signing, demoting);
        demoted.expect("the role is taken away");
        check(&engine, account(&one), (task, approval), &signed).await;
    }
}

/// Lets a decision come as far as its record, which the test holds up, and makes the change
/// meanwhile; the change may also wait for the decision.
async fn changed_amid(
    engine: &Engine,
    signer: &Principal,
    approval: ApprovalId,
    change: impl Future<Output = Result<()>> + Send + 'static,
) -> Result<Decided> {
    let mut held = engine.pool.begin().await.expect("a transaction");
    // Decisions can be read, and none can be written.
    sqlx::raw_sql("LOCK TABLE decisions IN EXCLUSIVE MODE")
        .execute(&mut *held)
        .await
        .expect("a lock");
    let signing = {
        let (engine, signer) = (engine.clone(), signer.clone());
        tokio::spawn(async move { approve(&engine, &signer, approval).await })
    };
    until(engine, 1, || signing.is_finished()).await;
    let changing = tokio::spawn(change);
    until(engine, 2, || changing.is_finished()).await;
    held.rollback().await.expect("the lock goes");
    changing
        .await
        .expect("the change ends")
        .expect("it is made");
    signing.await.expect("the decision ends")
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_role_taken_amid_a_decision_was_there_when_it_was_recorded(pool: PgPool) {
    let engine = engine(pool);
    let one = approver(&engine, "approver@example.org").await;
    let (task, approval) = waiting(&engine, after(1)).await;
    let change = {
        let (engine, account) = (engine.clone(), account(&one));
        async move { demote(&engine, account).await }
    };
    let signed = changed_amid(&engine, &one, approval, change).await;
    check(&engine, account(&one), (task, approval), &signed).await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn an_account_disabled_amid_its_decision_was_in_use_when_it_was_recorded(pool: PgPool) {
    let engine = engine(pool);
    let one = approver(&engine, "approver@example.org").await;
    let (task, approval) = waiting(&engine, after(1)).await;
    let change = {
        let (engine, account) = (engine.clone(), account(&one));
        async move { disable(&engine, &Principal::system("test"), account).await }
    };
    let signed = changed_amid(&engine, &one, approval, change).await;
    check(&engine, account(&one), (task, approval), &signed).await;
}

/// The signature is the lead's, whoever gives it.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_role_taken_from_who_is_signed_for_was_there_when_it_was_recorded(pool: PgPool) {
    let engine = engine(pool);
    let lead = approver(&engine, "lead@example.org").await;
    let deputy = approver(&engine, "deputy@example.org").await;
    delegate(&engine, &lead, "deputy@example.org").await;
    let only_lead = Gate {
        from: vec![Signer::User("lead@example.org".to_owned())],
        ..after(1)
    };
    let (task, approval) = waiting(&engine, only_lead).await;
    let change = {
        let (engine, account) = (engine.clone(), account(&lead));
        async move { demote(&engine, account).await }
    };
    let signed = changed_amid(&engine, &deputy, approval, change).await;
    check(&engine, account(&lead), (task, approval), &signed).await;
}
