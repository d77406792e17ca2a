//! What a request shows of what it is about, and of nothing else.

use crate::support::{
    claim_one, engine, finish_with, gate, person, plan, run, state, task, worker,
};
use engine::Engine;
use engine::tasks::AttemptResult;
use model::approval::Verdict;
use model::id::{ApprovalId, TaskId};
use model::identity::Role;
use model::task::{GatePhase, Outcome, TaskState};
use model::view::DiffExtent;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;

use super::{after, approver, keep, pending, say};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn before_the_start_nothing_of_an_earlier_attempt_is_shown(pool: PgPool) {
    let engine = engine(pool);
    let one = approver(&engine, "approver@example.org").await;
    let operator = person(&engine, "operator@example.org", &[Role::Operator]).await;
    let mut deploy = task("deploy", &[]);
    deploy.approval = Some(gate(GatePhase::BeforeStart));
    run(&engine, &plan(vec![deploy]), None).await;
    let task: i64 = sqlx::query_scalar("SELECT id FROM tasks")
        .fetch_one(&engine.pool)
        .await
        .expect("the only task");
    let first = pending(&engine, TaskId(task)).await;
    say(&engine, &one, first, Verdict::Approve)
        .await
        .expect("it may start");
    let claimed = claim_one(&engine, &worker(&engine)).await;
    let result = AttemptResult {
        report: Some(json!({"outputs": {"pages": 3}})),
        outputs: Some(json!({"pages": 3})),
        outputs_uri: Some("https://github.com/user/repo/pull/123".to_owned()),
        log_excerpt: Some("half of it is done".to_owned()),
        artifacts: vec![keep(&engine, &claimed, "change.diff", README.as_bytes()).await],
        ..AttemptResult::bare(Outcome::Failed)
    };
    finish_with(&engine, &claimed, result).await;
    engine::lifecycle::rerun(&engine, &operator, claimed.lease.task)
        .await
        .expect("it is tried again");

    assert_eq!(
        state(&engine, claimed.lease.task).await,
        TaskState::AwaitingApproval
    );
    let anew = pending(&engine, claimed.lease.task).await;
    assert_ne!(anew, first);
    for approval in [first, anew] {
        let shown = engine::history::approval(&engine, &one, approval)
            .await
            .expect("a request");
        assert!(shown.artifacts.is_empty(), "{:?}", shown.artifacts);
        assert_eq!((shown.patches.len(), shown.extent), (0, None));
        assert_eq!(shown.outputs, None);
        assert_eq!(shown.outputs_uri, None);
        assert_eq!(shown.log_excerpt, None);
    }
}

const README: &str = "\
diff --git a/README.md b/README.md
index 3367afd..0b9ee1e 100644
--- a/README.md
+++ b/README.md
@@ -1 +1,2 @@
-old
+new
+newer
";

const BOTH: &str = "\
diff --git a/README.md b/README.md
index 0b9ee1e..814f4a4 100644
--- a/README.md
+++ b/README.md
@@ -9 +10 @@
-last
+very last
diff --git a/src/gone.rs b/src/gone.rs
deleted file mode 100644
index 814f4a4..0000000
--- a/src/gone.rs
+++ /dev/null
@@ -1,2 +0,0 @@
-one
-two
";

/// A result with these two patches, which waits.
async fn patched(engine: &Engine, first: &str, second: &str) -> ApprovalId {
    let mut change = task("change", &[]);
    change.approval = Some(after(1));
    run(engine, &plan(vec![change]), None).await;
    let claimed = claim_one(engine, &worker(engine)).await;
    let result = AttemptResult {
        artifacts: vec![
            keep(engine, &claimed, "out/a.diff", first.as_bytes()).await,
            keep(engine, &claimed, "out/b.PATCH", second.as_bytes()).await,
            keep(engine, &claimed, "out/notes.txt", b"+no patch\n").await,
        ],
        ..AttemptResult::bare(Outcome::Succeeded)
    };
    finish_with(engine, &claimed, result).await;
    pending(engine, claimed.lease.task).await
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_figures_count_all_patches_or_are_not_told(pool: PgPool) {
    let engine = engine(pool);
    let one = approver(&engine, "approver@example.org").await;
    let both = DiffExtent {
        files: 2,
        added: 3,
        removed: 4,
    };
    for (second, extent) in [(BOTH, Some(both)), ("- a list\n+ of things\n", None)] {
        let approval = patched(&engine, README, second).await;
        let shown = engine::history::approval(&engine, &one, approval)
            .await
            .expect("a request");
        assert_eq!(shown.extent, extent, "{second}");
        let patches = shown.patches.iter();
        let patches: Vec<_> = patches
            .map(|patch| (patch.path.as_str(), patch.text.shown(), patch.left_out))
            .collect();
        assert_eq!(
            patches,
            [
                ("out/a.diff", README.to_owned(), 0),
                ("out/b.PATCH", second.to_owned(), 0),
            ]
        );
        assert_eq!(shown.artifacts.len(), 3);
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_is_left_out_of_patches_is_told(pool: PgPool) {
    let engine = engine(pool);
    let one = approver(&engine, "approver@example.org").await;
    let long = "+x\n".repeat(19_999) + "+y\n+z\n";
    let approval = patched(&engine, &long, BOTH).await;
    let shown = engine::history::approval(&engine, &one, approval)
        .await
        .expect("a request");
    let [first, second] = &shown.patches[..] else {
        panic!("{:?}", shown.patches.len());
    };
    assert!(first.text.as_str().ends_with("+x\n+y\n"));
    assert_eq!(first.left_out, 3);
    assert_eq!(second.text.as_str(), "");
    assert_eq!(second.left_out, u64::try_from(BOTH.len()).expect("small"));
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_the_digest_was_made_of_is_shown(pool: PgPool) {
    let engine = engine(pool);
    let one = approver(&engine, "approver@example.org").await;
    let mut deploy = task("deploy", &["change"]);
    deploy.approval = Some(gate(GatePhase::BeforeStart));
    run(&engine, &plan(vec![task("change", &[]), deploy]), None).await;
    sqlx::query("UPDATE runs SET inputs = $1")
        .bind(json!({"target": "pr\u{ad}od"}))
        .execute(&engine.pool)
        .await
        .expect("its inputs");
    let claimed = claim_one(&engine, &worker(&engine)).await;
    let result = AttemptResult {
        report: Some(json!({"outputs": {"pages\u{200b}": 3}})),
        outputs: Some(json!({"pages\u{200b}": 3})),
        outputs_uri: Some("https://example.org/\u{202e}".to_owned()),
        ..AttemptResult::bare(Outcome::Succeeded)
    };
    finish_with(&engine, &claimed, result).await;
    let id: i64 = sqlx::query_scalar("SELECT id FROM approvals WHERE state = 'pending'")
        .fetch_one(&engine.pool)
        .await
        .expect("a request");
    let shown = engine::history::approval(&engine, &one, ApprovalId(id))
        .await
        .expect("a request");
    let signed = shown.signed.expect("what is signed");
    let canonical = serde_json_canonicalizer::to_vec(&signed).expect("canonical JSON");
    let digest: [u8; 32] = Sha256::digest(canonical).into();
    assert_eq!(engine::tasks::digest::hex(&digest), shown.digest);
    assert_eq!(signed["definition"]["work"], json!({"run": ["true"]}));
    assert_eq!(signed["inputs"], json!({"target": "pr\u{ad}od"}));
    assert_eq!(shown.run_inputs, None);
    let [needed] = &shown.needed[..] else {
        panic!("{:?}", shown.needed);
    };
    assert_eq!(needed.task, "change");
    assert_eq!(
        needed.digest.as_ref(),
        signed["needs"]["change"]
            .as_str()
            .map(str::to_owned)
            .as_ref()
    );
    assert_eq!(needed.outputs, Some(json!({"pages\u{200b}": 3})));
    assert!(needed.outputs_uri.is_some());
    assert_eq!(shown.invisible.found, 3);
}
