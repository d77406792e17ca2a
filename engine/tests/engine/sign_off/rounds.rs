//! Comments, rounds of changes and what an approver fills in.

use crate::support::{claim_one, end, engine, plan, run, state, task, worker};
use engine::Error;
use engine::tasks::claim;
use model::plan::{CommentRule, Gate, InputDefinition, InputKind, Join, Work};
use model::task::TaskState;
use model::view::{ApprovalState, Outcome, Verdict};
use serde_json::json;
use sqlx::PgPool;

use super::{after, answer, approver, pending, say, waiting, waiting_before};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_comment_is_asked_for_where_the_policy_says(pool: PgPool) {
    let engine = engine(pool);
    let one = approver(&engine, "approver@example.org").await;
    for (rule, verdict, wanted) in [
        (CommentRule::RequiredOnReject, Verdict::Reject, true),
        (CommentRule::RequiredOnReject, Verdict::Approve, false),
        (CommentRule::Required, Verdict::Approve, true),
        (CommentRule::Optional, Verdict::Reject, false),
        (CommentRule::Optional, Verdict::RequestChanges, true),
    ] {
        let gate = Gate {
            comment: rule,
            ..after(1)
        };
        let (_, approval) = waiting(&engine, gate).await;
        let bare = answer(
            &engine,
            &one,
            approval,
            verdict,
            Some("  ".to_owned()),
            None,
        )
        .await;
        assert_eq!(
            matches!(&bare, Err(Error::Invalid(problems)) if problems[0].field == "note"),
            wanted,
            "{rule:?} {verdict:?}: {bare:?}"
        );
        // Leave nothing ready for the next round to claim.
        say(&engine, &one, approval, verdict).await.ok();
        claim(&engine, &worker(&engine), 9).await.expect("a claim");
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn asked_for_changes_it_runs_again_with_the_comment(pool: PgPool) {
    let engine = engine(pool);
    let one = approver(&engine, "approver@example.org").await;
    let gate = Gate {
        rounds: 1,
        required: 2,
        ..after(2)
    };
    let other = approver(&engine, "other@example.org").await;
    let (task, approval) = waiting(&engine, gate).await;
    say(&engine, &other, approval, Verdict::Approve)
        .await
        .expect("a first signature");
    let asked = say(&engine, &one, approval, Verdict::RequestChanges)
        .await
        .expect("changes");
    assert_eq!(asked.state, ApprovalState::ChangesRequested);
    assert_eq!(state(&engine, task).await, TaskState::Queued);

    let claimed = claim_one(&engine, &worker(&engine)).await;
    assert_eq!(claimed.lease.task, task);
    assert_eq!(
        claimed.lease.attempt.0, 2,
        "another attempt of the same task"
    );
    assert_eq!(
        claimed.changes_wanted.as_deref(),
        Some("the title is missing")
    );
    assert_eq!(claimed.change_round, 1);
    end(&engine, &claimed, Outcome::Succeeded).await;

    let anew = pending(&engine, task).await;
    assert_ne!(anew, approval);
    let first = say(&engine, &other, anew, Verdict::Approve)
        .await
        .expect("a signature anew");
    assert_eq!(
        first.state,
        ApprovalState::Pending,
        "the earlier signature is void"
    );
    let spent = say(&engine, &one, anew, Verdict::RequestChanges).await;
    assert!(
        matches!(&spent, Err(Error::Conflict(why)) if why.contains("1 times")),
        "{spent:?}"
    );
    say(&engine, &one, anew, Verdict::Approve)
        .await
        .expect("the second signature");
    assert_eq!(state(&engine, task).await, TaskState::Succeeded);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_first_who_approves_fills_the_inputs_in(pool: PgPool) {
    let engine = engine(pool);
    let first = approver(&engine, "first@example.org").await;
    let second = approver(&engine, "second@example.org").await;
    let window = InputDefinition {
        name: "window".to_owned(),
        description: String::new(),
        kind: InputKind::Choice(vec!["tonight".to_owned(), "tomorrow".to_owned()]),
        required: true,
        default: None,
    };
    let gate = Gate {
        inputs: vec![window],
        ..after(2)
    };
    let mut publish = task("publish", &["change"]);
    publish.work = Work::run(["publish", "{{ tasks.change.approval_inputs.window }}"]);
    let (_, approval) = waiting_before(&engine, gate, publish).await;
    for wrong in [
        None,
        Some(json!({"window": "never"})),
        Some(json!({"window": "tonight", "more": 1})),
    ] {
        let refused = answer(&engine, &first, approval, Verdict::Approve, None, wrong).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    }
    let tonight = json!({"window": "tonight"});
    answer(
        &engine,
        &first,
        approval,
        Verdict::Approve,
        None,
        Some(tonight.clone()),
    )
    .await
    .expect("a signature");
    let other = Some(json!({"window": "tomorrow"}));
    let changed = answer(&engine, &second, approval, Verdict::Approve, None, other).await;
    assert!(matches!(changed, Err(Error::Conflict(_))), "{changed:?}");
    let unseen = answer(&engine, &second, approval, Verdict::Approve, None, None).await;
    assert!(
        matches!(unseen, Err(Error::Conflict(_))),
        "a page that showed no entries signs none: {unseen:?}"
    );
    let seen = Some(tonight.clone());
    answer(&engine, &second, approval, Verdict::Approve, None, seen)
        .await
        .expect("signs what was filled in");

    let next = claim_one(&engine, &worker(&engine)).await;
    assert_eq!(next.name, "publish");
    assert_eq!(next.upstream["change"]["approval_inputs"], tonight);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_follows_is_told_by_the_join_rules(pool: PgPool) {
    let engine = engine(pool);
    let one = approver(&engine, "approver@example.org").await;
    let mut change = task("change", &[]);
    change.approval = Some(after(1));
    let mut report = task("report", &["change"]);
    report.join = Join::AllDone;
    let tasks = vec![change, task("publish", &["change"]), report];
    run(&engine, &plan(tasks), None).await;
    let claimed = claim_one(&engine, &worker(&engine)).await;
    end(&engine, &claimed, Outcome::Succeeded).await;
    let approval = pending(&engine, claimed.lease.task).await;

    let told = engine::history::approval(&engine, &one, approval)
        .await
        .expect("a request");
    assert_eq!(told.waiting, ["publish", "report"]);
    assert_eq!(told.skipped, ["publish"]);
    say(&engine, &one, approval, Verdict::Reject)
        .await
        .expect("a refusal");
    assert_eq!(claim_one(&engine, &worker(&engine)).await.name, "report");
}
