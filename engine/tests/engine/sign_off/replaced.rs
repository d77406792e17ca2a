//! Who comes too late is led to what took the place of what they answered.

use engine::lifecycle::{Channel, Decide, cancel, decide, rerun};
use engine::{Engine, Error};
use model::approval::Verdict;
use model::id::ApprovalId;
use model::identity::Role;
use model::task::Outcome;
use sqlx::PgPool;

use super::{after, approver, pending, say, waiting};
use crate::support::{claim_one, end, engine, person, worker};

async fn successor(engine: &Engine, approval: ApprovalId) -> Option<ApprovalId> {
    let viewer = model::identity::Principal::system("test");
    let shown = engine::history::approval(engine, &viewer, approval)
        .await
        .expect("a request");
    let standing = engine::history::approval_standing(engine, &viewer, approval)
        .await
        .expect("its standing");
    assert_eq!(shown.successor, standing.successor);
    shown.successor
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_late_answer_names_the_newest_request_about_the_same_task(pool: PgPool) {
    let engine = engine(pool);
    let one = approver(&engine, "one@example.org").await;
    let two = approver(&engine, "two@example.org").await;
    let operator = person(&engine, "operator@example.org", &[Role::Operator]).await;
    let (task, first) = waiting(&engine, after(1)).await;
    assert_eq!(successor(&engine, first).await, None);
    say(&engine, &one, first, Verdict::RequestChanges)
        .await
        .expect("changes");
    assert_eq!(
        successor(&engine, first).await,
        None,
        "nothing came of it yet"
    );
    // Claimed first: a claim passes over what a refused answer may hold for a moment yet.
    let claimed = claim_one(&engine, &worker(&engine)).await;
    let early = say(&engine, &two, first, Verdict::Approve).await;
    assert!(
        matches!(&early, Err(Error::Conflict(why)) if why.contains("already changes_requested by one@")),
        "{early:?}"
    );

    end(&engine, &claimed, Outcome::Succeeded).await;
    let second = pending(&engine, task).await;
    cancel(&engine, &operator, task, None)
        .await
        .expect("cancelled");
    rerun(&engine, &operator, task).await.expect("it runs anew");
    let claimed = claim_one(&engine, &worker(&engine)).await;
    end(&engine, &claimed, Outcome::Succeeded).await;
    let third = pending(&engine, task).await;

    for (old, state) in [(first, "changes_requested by one@"), (second, "cancelled")] {
        let late = say(&engine, &two, old, Verdict::Approve).await;
        assert!(
            matches!(
                &late,
                Err(Error::Replaced { message, by, expired: false }) if *by == third
                    && message.contains(state)
                    && message.ends_with(&format!("It was asked again as approval {third}"))
            ),
            "{late:?}"
        );
        assert_eq!(successor(&engine, old).await, Some(third));
    }
    assert_eq!(successor(&engine, third).await, None);

    // The digest of an earlier request binds no answer to a later one.
    let seen: Vec<u8> = sqlx::query_scalar("SELECT sha256('something else'::bytea)")
        .fetch_one(&engine.pool)
        .await
        .expect("a digest");
    sqlx::query("UPDATE approvals SET digest = $2 WHERE id = $1")
        .bind(first.0)
        .bind(&seen)
        .execute(&engine.pool)
        .await
        .expect("another result");
    let answer = Decide {
        approval: third,
        digest: Some(seen.try_into().expect("32 bytes")),
        verdict: Verdict::Approve,
        note: None,
        inputs: None,
        channel: Channel::Api,
    };
    let blind = decide(&engine, &two, &answer).await;
    assert!(
        matches!(&blind, Err(Error::Replaced { by, .. }) if *by == third),
        "{blind:?}"
    );
}
