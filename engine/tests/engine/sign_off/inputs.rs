//! What an approver fills in, and who reads it.

use crate::support::{claim_one, decide, end, engine, plan, run, task, worker};
use engine::lifecycle::{Channel, Decide, claim};
use engine::{Engine, Error};
use model::approval::Verdict;
use model::id::TaskId;
use model::plan::{Gate, InputDefinition, InputKind, PlanTask, Work};
use model::task::Outcome;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{after, answer, approver, pending, waiting_before};

/// When to publish, as an approver fills it in.
fn window() -> InputDefinition {
    InputDefinition {
        name: "window".to_owned(),
        description: String::new(),
        kind: InputKind::Choice(vec!["tonight".to_owned(), "tomorrow".to_owned()]),
        required: true,
        default: None,
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_first_who_approves_fills_the_inputs_in(pool: PgPool) {
    let engine = engine(pool);
    let first = approver(&engine, "first@example.org").await;
    let second = approver(&engine, "second@example.org").await;
    let gate = Gate {
        inputs: vec![window()],
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
    // As a program, by its digest alone: the entries were made after it had looked.
    let blindly = Decide {
        approval,
        digest: None,
        verdict: Verdict::Approve,
        note: None,
        inputs: None,
        channel: Channel::Api,
    };
    let unseen = decide(&engine, &second, &blindly).await;
    assert!(matches!(unseen, Err(Error::Conflict(_))), "{unseen:?}");
    let seen = Some(tonight.clone());
    answer(&engine, &second, approval, Verdict::Approve, None, seen)
        .await
        .expect("signs what was filled in");

    let next = claim_one(&engine, &worker(&engine)).await;
    assert_eq!(next.name, "publish");
    assert_eq!(next.upstream["change"]["approval_inputs"], tonight);
}

/// A task that looks at what others of its run came to, whether or not it needs them.
fn looking_around(name: &str, needs: &[&str]) -> PlanTask {
    PlanTask {
        work: Work::run(["note", "{{ tasks.change.approval_inputs.window }}"]),
        ..task(name, needs)
    }
}

/// What is stored of the entries for later tasks.
async fn handed_on(engine: &Engine, task: TaskId) -> Option<Value> {
    sqlx::query_scalar("SELECT approval_inputs FROM tasks WHERE id = $1")
        .bind(task.0)
        .fetch_one(&engine.pool)
        .await
        .expect("the task exists")
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_was_filled_in_is_handed_on_by_the_last_signature(pool: PgPool) {
    let engine = engine(pool);
    let first = approver(&engine, "first@example.org").await;
    let second = approver(&engine, "second@example.org").await;
    let tonight = json!({"window": "tonight"});
    let mut change = task("change", &[]);
    change.approval = Some(Gate {
        inputs: vec![window()],
        ..after(2)
    });
    let tasks = vec![
        change,
        task("check", &[]),
        looking_around("early", &["check"]),
        looking_around("late", &["early"]),
    ];
    for (verdict, expected) in [
        (Verdict::Approve, Some(tonight.clone())),
        (Verdict::Reject, None),
    ] {
        run(&engine, &plan(tasks.clone()), None).await;
        let both = claim(&engine, &worker(&engine), 9).await.expect("a claim");
        let [change, check] = &both[..] else {
            panic!("two are ready: {both:?}")
        };
        end(&engine, change, Outcome::Succeeded).await;
        let task = change.lease.task;
        let approval = pending(&engine, task).await;
        let filled = Some(tonight.clone());
        answer(&engine, &first, approval, Verdict::Approve, None, filled)
            .await
            .expect("a first signature");
        assert_eq!(handed_on(&engine, task).await, None, "one is not enough");
        end(&engine, check, Outcome::Succeeded).await;
        let early = claim_one(&engine, &worker(&engine)).await;
        assert_eq!(early.name, "early");
        assert_eq!(early.upstream["change"]["approval_inputs"], json!({}));

        let note = Some("look again".to_owned());
        let seen = expected.clone();
        answer(&engine, &second, approval, verdict, note, seen)
            .await
            .expect("the last answer");
        assert_eq!(handed_on(&engine, task).await, expected, "{verdict:?}");
        end(&engine, &early, Outcome::Succeeded).await;
        let late = claim_one(&engine, &worker(&engine)).await;
        assert_eq!(late.name, "late");
        let read = expected.unwrap_or_else(|| json!({}));
        assert_eq!(late.upstream["change"]["approval_inputs"], read);
    }
}
