//! What a step leaves: its report, its address, its artifacts.

use model::identity::Role;
use model::plan::{Gate, Signer};
use model::task::{GatePhase, Outcome, TaskState};
use serde_json::json;
use sqlx::PgPool;

use crate::support::{Worker, seen, shell, until};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn artifacts_are_kept_whole(pool: PgPool) {
    let worker = Worker::start(&pool, |settings, _| settings.artifact_cap_bytes = 2_000_000);
    let script = "cd $WATCHBILL_ARTIFACTS; mkdir -p a/b; head -c 1000000 /dev/urandom > a/b/random; : > empty
        sha256sum a/b/random | cut -c1-64; head -c 1500000 /dev/zero > large; ln -s /etc/passwd link";
    let seen = worker.run(shell(script)).await;
    assert_eq!(seen.outcome, Some(Outcome::Succeeded));
    assert_eq!(
        seen.artifacts.keys().collect::<Vec<_>>(),
        ["a/b/random", "empty"]
    );
    let text = seen.text();
    let digest: [u8; 32] =
        <sha2::Sha256 as sha2::Digest>::digest(&seen.artifacts["a/b/random"]).into();
    let digest = digest
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .concat();
    assert_eq!(text.lines().next(), Some(digest.as_str()));
    assert!(
        text.contains("the artifact link was not kept: it is a link"),
        "{text}"
    );
    assert!(
        text.contains("limit of 2000000 bytes were not kept: large"),
        "{text}"
    );
    worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_report_says_more_than_the_exit_code(pool: PgPool) {
    let worker = Worker::start(&pool, |_, _| {});
    let seen = worker
        .run(shell(
            "echo outputs_uri=https://h/line; echo https://h/pull/3
            echo '{\"outputs\": {\"n\": 1}, \"outputs_uri\": \"https://h/report\", \"summary\": \"s\"}' > $WATCHBILL_REPORT",
        ))
        .await;
    assert_eq!(seen.outputs, Some(json!({"n": 1})));
    assert_eq!(seen.outputs_uri.as_deref(), Some("https://h/report"));

    let seen = worker
        .run(shell("echo see https://github.com/u/r/pull/3."))
        .await;
    assert_eq!(
        seen.outputs_uri.as_deref(),
        Some("https://github.com/u/r/pull/3")
    );
    worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_broken_report_fails_the_attempt(pool: PgPool) {
    let worker = Worker::start(&pool, |_, _| {});
    for (report, expected) in [
        ("echo '{' > $WATCHBILL_REPORT", "not JSON"),
        (
            "echo '{\"outputs\": 1}' > $WATCHBILL_REPORT",
            "must be an object",
        ),
        (
            "echo '{\"outputs\": {\"a\": \"\\u0000\"}}' > $WATCHBILL_REPORT",
            "\\u0000",
        ),
        ("ln -s /etc/passwd $WATCHBILL_REPORT", "cannot be read"),
        ("mkfifo $WATCHBILL_REPORT", "cannot be read"),
        (
            "head -c 2000000 /dev/zero > $WATCHBILL_REPORT",
            "larger than 1 MiB",
        ),
    ] {
        let seen = worker.run(shell(report)).await;
        assert_eq!(
            (seen.outcome, seen.exit_code),
            (Some(Outcome::Failed), Some(0)),
            "{report}"
        );
        let reason = seen.reason.unwrap();
        assert!(reason.contains(expected), "{report}: {reason}");
    }
    // A step that failed anyway keeps its own reason.
    let seen = worker
        .run(shell("echo '{' > $WATCHBILL_REPORT; exit 2"))
        .await;
    assert_eq!(seen.reason.as_deref(), Some("it exited with code 2"));
    worker.stop().await;
}

/// The gate rules by what patches touch: one that is not kept touches nobody knows what.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_file_that_is_not_kept_hides_no_patch_from_a_gate(pool: PgPool) {
    let worker = Worker::start(&pool, |settings, _| settings.artifact_cap_bytes = 50_000);
    let patch = "printf 'diff --git a/src/x b/src/x\\n--- a/src/x\\n+++ b/src/x\\n@@ -1 +1 @@\\n-a\\n+b\\n'";
    let hidden = [
        format!("seq 1001 | xargs touch; {patch} > z.diff"),
        format!("{patch} > ../z.diff; ln -s ../z.diff z.diff"),
        format!("{patch} > \"$(printf 'z\\377.diff')\""),
        format!("head -c 60000 /dev/zero > z.diff; {patch} >> z.diff"),
    ];
    for script in &hidden {
        let script = format!("cd $WATCHBILL_ARTIFACTS; : > a.diff; {script}");
        let mut task = shell(&script);
        let condition = "diff_size > 0 || changed_paths.exists(p, p.startsWith('src/'))";
        task.approval = Some(Gate {
            when: Some(condition.to_owned()),
            ..Gate::new(GatePhase::AfterResult, vec![Signer::Role(Role::Approver)])
        });
        let id = worker.enqueue(task).await;
        let stopped = until("the end of the step", async || {
            let seen = seen(&pool, id).await?;
            seen.outcome.is_some().then_some(seen.state)
        })
        .await;
        assert_eq!(stopped, TaskState::AwaitingApproval, "{script}");
    }
    worker.stop().await;
}
