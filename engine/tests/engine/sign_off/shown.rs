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
        assert_eq!((shown.diff, shown.diffs, shown.extent), (None, 0, None));
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
        assert_eq!((shown.diffs, shown.diff_cut), (2, false), "{second}");
        let diff = shown.diff.map(|diff| diff.shown());
        assert_eq!(diff.as_deref(), Some(README), "the first of them");
        assert_eq!(shown.artifacts.len(), 3);
    }
}
