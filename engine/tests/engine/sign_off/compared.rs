//! What a request shows of the difference from the last time.

use crate::support::{claim_one, engine, plan, run, task, worker};
use engine::Engine;
use engine::tasks::{AttemptResult, Finish, finish};
use model::id::ApprovalId;
use model::identity::Principal;
use model::view::{Outcome, Verdict};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;

use super::{after, approver, pending, say};

/// A run whose first task leaves these outputs and this file, and waits.
async fn night(engine: &Engine, pages: u32, patch: &[u8]) -> ApprovalId {
    let mut first = task("change", &[]);
    first.approval = Some(after(1));
    run(engine, &plan(vec![first]), None).await;
    let lease = claim_one(engine, &worker(engine)).await.lease;
    let digest: [u8; 32] = Sha256::digest(patch).into();
    sqlx::query(
        "WITH a AS (INSERT INTO artifacts (task_id, attempt, path, bytes, sha256)
                    VALUES ($1, $2, 'change.diff', $3, $4) RETURNING id)
         INSERT INTO artifact_chunks (artifact_id, seq, content) SELECT id, 0, $5 FROM a",
    )
    .bind(lease.task.0)
    .bind(lease.attempt.0)
    .bind(i64::try_from(patch.len()).expect("a small file"))
    .bind(&digest[..])
    .bind(patch)
    .execute(&engine.pool)
    .await
    .expect("a file");
    let result = AttemptResult {
        outputs: Some(json!({"pages": pages, "summary": format!("checked\n{pages} pages\n")})),
        artifacts: vec![("change.diff".to_owned(), digest)],
        ..AttemptResult::bare(Outcome::Succeeded)
    };
    finish(engine, vec![Finish { lease, result }])
        .await
        .expect("a finish");
    pending(engine, lease.task).await
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
        .map(|change| (change.field, change.lines))
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
