//! What a request shows of the difference from the last time.

use crate::support::{claim_one, engine, finish_with, plan, run, task, worker};
use engine::Engine;
use engine::tasks::AttemptResult;
use model::approval::Verdict;
use model::id::ApprovalId;
use model::identity::Principal;
use model::task::Outcome;
use serde_json::json;
use sqlx::PgPool;

use super::{after, approver, keep, pending, say};

/// A run whose first task leaves these outputs and this file, and waits.
async fn night(engine: &Engine, pages: u32, patch: &[u8]) -> ApprovalId {
    let mut first = task("change", &[]);
    first.approval = Some(after(1));
    run(engine, &plan(vec![first]), None).await;
    let claimed = claim_one(engine, &worker(engine)).await;
    let result = AttemptResult {
        outputs: Some(json!({"pages": pages, "summary": format!("checked\n{pages} pages\n")})),
        artifacts: vec![keep(engine, &claimed, "change.diff", patch).await],
        ..AttemptResult::bare(Outcome::Succeeded)
    };
    finish_with(engine, &claimed, result).await;
    pending(engine, claimed.lease.task).await
}

async fn differences(
    engine: &Engine,
    reader: &Principal,
    approval: ApprovalId,
) -> Vec<(String, Option<String>)> {
    let detail = engine::history::approval(engine, reader, approval)
        .await
        .expect("a request");
    let earlier = detail.since_approved.expect("one was approved before");
    earlier
        .changes
        .into_iter()
        .map(|change| (change.field, change.lines.map(|lines| lines.shown())))
        .collect()
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn texts_are_compared_by_line_with_what_was_approved_last(pool: PgPool) {
    let engine = engine(pool);
    let one = approver(&engine, "approver@example.org").await;
    let first = night(&engine, 3, b"--- a\n+++ b\n-old\n+new\n").await;
    say(&engine, &one, first, Verdict::Approve)
        .await
        .expect("a signature");
    let refused = night(&engine, 9, b"something else\n").await;
    say(&engine, &one, refused, Verdict::Reject)
        .await
        .expect("a refusal");

    let third = night(&engine, 4, b"--- a\n+++ b\n-old\n+newer\n").await;
    let found = differences(&engine, &one, third).await;
    let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        ["artifacts.change.diff", "outputs.pages", "outputs.summary"]
    );
    let patch = found[0].1.as_deref().expect("a text");
    assert!(patch.contains("\n-+new\n++newer\n"), "{patch}");
    assert_eq!(found[1].1, None, "a number has no lines");
    let summary = found[2].1.as_deref().expect("a text");
    assert!(
        summary.contains("\n checked\n-3 pages\n+4 pages\n"),
        "{summary}"
    );
    say(&engine, &one, third, Verdict::Approve)
        .await
        .expect("a signature");

    let binary = night(&engine, 4, b"\xff\x00").await;
    let found = differences(&engine, &one, binary).await;
    assert_eq!(found, [("artifacts.change.diff".to_owned(), None)]);
}
