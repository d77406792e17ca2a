//! Who asks for changes writes a part of what comes of them.

use engine::lifecycle::people::disable;
use engine::upkeep::findings;
use engine::{Engine, Error};
use model::approval::{ApprovalState, Eligibility, Verdict};
use model::id::{ApprovalId, TaskId};
use model::identity::Principal;
use model::plan::{ChangesAskerRule, Gate, RiskLevel, RiskRule, Signer};
use model::task::Outcome;
use model::view::DecisionFilter;
use sqlx::PgPool;

use super::{after, approver, delegate, pending, say, waiting};
use crate::support::{claim_one, end, engine, worker};

/// Asks for changes and has them made: the request that comes of it.
async fn changed(
    engine: &Engine,
    who: &Principal,
    (task, approval): (TaskId, ApprovalId),
) -> ApprovalId {
    say(engine, who, approval, Verdict::RequestChanges)
        .await
        .expect("changes");
    let claimed = claim_one(engine, &worker(engine)).await;
    assert_eq!(claimed.lease.task, task);
    end(engine, &claimed, Outcome::Succeeded).await;
    pending(engine, task).await
}

async fn eligibility(engine: &Engine, who: &Principal, approval: ApprovalId) -> Eligibility {
    engine::history::approval(engine, who, approval)
        .await
        .expect("a request")
        .eligibility
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn where_one_signs_the_record_says_that_they_asked_for_changes(pool: PgPool) {
    let engine = engine(pool);
    let one = approver(&engine, "approver@example.org").await;
    let first = waiting(&engine, after(1)).await;
    let second = changed(&engine, &one, first).await;
    let third = changed(&engine, &one, (first.0, second)).await;
    let signed = say(&engine, &one, third, Verdict::Approve)
        .await
        .expect("one signature is enough");
    assert_eq!(signed.state, ApprovalState::Approved);
    let marks = async |approval| {
        let shown = engine::history::approval(&engine, &one, approval)
            .await
            .expect("a request");
        let marks: Vec<Option<u32>> = shown.decisions.iter().map(|it| it.changes_round).collect();
        marks
    };
    assert_eq!(marks(first.1).await, [None]);
    assert_eq!(marks(second).await, [Some(1)]);
    assert_eq!(marks(third).await, [Some(2)]);
    let log = engine::history::decisions(&engine, &one, &DecisionFilter::default(), None, 10)
        .await
        .expect("the log");
    let marks: Vec<Option<u32>> = log.items.iter().map(|it| it.changes_round).collect();
    assert_eq!(marks, [Some(2), Some(1), None]);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn where_two_sign_they_do_not_count_in_that_round(pool: PgPool) {
    let engine = engine(pool);
    let one = approver(&engine, "one@example.org").await;
    let two = approver(&engine, "two@example.org").await;
    let by_risk = Gate {
        risk: vec![RiskRule {
            when: None,
            level: RiskLevel::Two,
        }],
        ..after(1)
    };
    for gate in [after(2), by_risk] {
        let first = waiting(&engine, gate).await;
        let anew = changed(&engine, &one, first).await;
        let round = 1;
        assert_eq!(
            eligibility(&engine, &one, anew).await,
            Eligibility::AskedForChanges { round }
        );
        let refused = say(&engine, &one, anew, Verdict::Approve).await;
        assert!(
            matches!(&refused, Err(Error::Forbidden(why)) if why.contains("asked for changes in round 1")),
            "{refused:?}"
        );
        // It is out of reach, and stays so: it is never met by asking for fewer.
        say(&engine, &two, anew, Verdict::Approve)
            .await
            .expect("a signature");
        let found = findings(&engine).await.expect("findings");
        let about = format!("Approval {anew} needs 1 more, 0 can still sign");
        assert!(
            found.iter().any(|one| one.message.starts_with(&about)),
            "{found:?}"
        );
        let third = approver(&engine, &format!("third{anew}@example.org")).await;
        let signed = say(&engine, &third, anew, Verdict::Approve)
            .await
            .expect("another person");
        assert_eq!(signed.state, ApprovalState::Approved);
        let account = third.account().expect("an account");
        disable(&engine, &Principal::system("test"), account)
            .await
            .expect("disabled");
        // The tasks after it are not this test's.
        claim_one(&engine, &worker(&engine)).await;
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_plan_can_ask_it_of_any_gate_and_only_of_the_last_round(pool: PgPool) {
    let engine = engine(pool);
    let one = approver(&engine, "one@example.org").await;
    let two = approver(&engine, "two@example.org").await;
    let strict = Gate {
        changes_asker: ChangesAskerRule::Forbidden,
        ..after(1)
    };
    let first = waiting(&engine, strict).await;
    let second = changed(&engine, &one, first).await;
    let refused = say(&engine, &one, second, Verdict::Approve).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    let third = changed(&engine, &two, (first.0, second)).await;
    let refused = say(&engine, &two, third, Verdict::Approve).await;
    assert!(
        matches!(&refused, Err(Error::Forbidden(why)) if why.contains("round 2")),
        "{refused:?}"
    );
    say(&engine, &one, third, Verdict::Approve)
        .await
        .expect("they asked in the round before");
    let mark: Option<i32> =
        sqlx::query_scalar("SELECT changes_round FROM decisions WHERE approval_id = $1")
            .bind(third.0)
            .fetch_one(&engine.pool)
            .await
            .expect("the decision");
    assert_eq!(mark, Some(1), "the record says so");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn nobody_signs_for_who_asked_nor_they_for_another(pool: PgPool) {
    let engine = engine(pool);
    let lead = approver(&engine, "lead@example.org").await;
    let deputy = approver(&engine, "deputy@example.org").await;
    let other = approver(&engine, "other@example.org").await;
    delegate(&engine, &lead, "deputy@example.org").await;
    delegate(&engine, &other, "lead@example.org").await;
    let strict = Gate {
        from: vec![
            Signer::User("lead@example.org".to_owned()),
            Signer::User("other@example.org".to_owned()),
        ],
        changes_asker: ChangesAskerRule::Forbidden,
        ..after(1)
    };
    // They asked themselves, or had it asked in their name.
    for asker in [&lead, &deputy] {
        let first = waiting(&engine, strict.clone()).await;
        let anew = changed(&engine, asker, first).await;
        for barred in [&lead, &deputy] {
            let refused = say(&engine, barred, anew, Verdict::Approve).await;
            assert!(
                matches!(&refused, Err(Error::Forbidden(why)) if why.contains("asked for changes in round 1")),
                "{} after {}: {refused:?}",
                barred.name,
                asker.name
            );
        }
        say(&engine, &other, anew, Verdict::Approve)
            .await
            .expect("another person");
        claim_one(&engine, &worker(&engine)).await;
    }
}
