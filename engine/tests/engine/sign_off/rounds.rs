//! Comments, rounds of changes and what follows.

use crate::support::{claim_one, end, engine, person, plan, run, state, task, worker};
use engine::Error;
use engine::lifecycle::claim;
use model::approval::{ApprovalState, Verdict};
use model::identity::Role;
use model::plan::{CommentRule, Gate, Join};
use model::task::{Outcome, TaskState};
use serde_json::json;
use sqlx::PgPool;

use super::{after, answer, approver, end_with_report, pending, say, waiting};

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
    let third = approver(&engine, "third@example.org").await;
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
    let spent = say(&engine, &third, anew, Verdict::RequestChanges).await;
    assert!(
        matches!(&spent, Err(Error::Conflict(why)) if why.contains("1 times")),
        "{spent:?}"
    );
    say(&engine, &third, anew, Verdict::Approve)
        .await
        .expect("the second signature");
    assert_eq!(state(&engine, task).await, TaskState::Succeeded);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_came_of_changes_is_looked_at_until_somebody_runs_it_anew(pool: PgPool) {
    let engine = engine(pool);
    let one = approver(&engine, "approver@example.org").await;
    let operator = person(&engine, "operator@example.org", &[Role::Operator]).await;
    let mut change = task("change", &[]);
    change.approval = Some(Gate {
        when: Some("cost > 1.0".to_owned()),
        ..after(1)
    });
    run(&engine, &plan(vec![change]), None).await;
    let costly = claim_one(&engine, &worker(&engine)).await;
    let task = costly.lease.task;
    end_with_report(&engine, &costly, json!({"cost": 5.0})).await;
    let approval = pending(&engine, task).await;
    say(&engine, &one, approval, Verdict::RequestChanges)
        .await
        .expect("changes");

    let cheap = claim_one(&engine, &worker(&engine)).await;
    end_with_report(&engine, &cheap, json!({"cost": 0.5})).await;
    assert_eq!(state(&engine, task).await, TaskState::AwaitingApproval);
    let anew = pending(&engine, task).await;
    assert_ne!(anew, approval);
    let shown = engine::history::approval(&engine, &one, anew)
        .await
        .expect("a request");
    assert_eq!(
        shown.why.as_deref(),
        Some("changes were asked for; this came of it")
    );
    say(&engine, &one, anew, Verdict::Reject)
        .await
        .expect("a refusal");

    engine::lifecycle::rerun(&engine, &operator, task)
        .await
        .expect("it runs anew");
    let rerun = claim_one(&engine, &worker(&engine)).await;
    assert_eq!(
        (rerun.change_round, rerun.changes_wanted.as_deref()),
        (0, None)
    );
    end_with_report(&engine, &rerun, json!({"cost": 0.5})).await;
    assert_eq!(state(&engine, task).await, TaskState::Succeeded);
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
