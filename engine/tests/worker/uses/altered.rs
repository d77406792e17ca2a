//! Files that a step, or somebody behind everybody's back, alters.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use model::approval::Verdict;
use model::plan::{Join, PlanTask};
use model::task::{Outcome, TaskState};
use sha2::Digest as _;
use sqlx::PgPool;

use super::{BUILD, Night, PATH, gated, said, shared, task, using};
use crate::support::{seen, until};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_step_that_alters_them_fails(pool: PgPool) {
    let alters = "cd $WATCHBILL_USES/build; chmod u+w change.diff; echo evil >> change.diff; cat change.diff";
    let swaps = "cd $WATCHBILL_USES/build; chmod u+w . change.diff; echo CONTENT > change.diff";
    let night = Night::begin(
        &pool,
        shared,
        vec![
            task("build", &[], BUILD),
            using("alters", &["build"], &["build"], alters),
            PlanTask {
                join: Join::AllDone,
                ..using("swaps", &["alters"], &["build"], swaps)
            },
            PlanTask {
                join: Join::AllDone,
                ..using(
                    "clean",
                    &["swaps"],
                    &["build"],
                    "cat $WATCHBILL_USES/build/change.diff",
                )
            },
        ],
    )
    .await;
    let alters = night.ended("alters").await;
    assert_eq!(
        alters.text().lines().nth(1),
        Some("evil"),
        "{}",
        alters.text()
    );
    let swaps = night.ended("swaps").await;
    for (seen, hashes) in [(&alters, 1), (&swaps, 2)] {
        assert_eq!(
            (seen.outcome, seen.exit_code),
            (Some(Outcome::Failed), Some(0)),
            "{:?}",
            seen.reason
        );
        let reason = seen.reason.clone().unwrap_or_default();
        assert!(
            reason.contains("the file build/change.diff that it uses is not what was kept"),
            "{reason}"
        );
        assert_eq!(reason.matches("sha256:").count(), hashes, "{reason}");
        assert!(
            seen.text().contains("is not what was kept"),
            "in the log, too"
        );
    }
    assert_eq!(
        night.ended("clean").await.text(),
        "content\n",
        "the next one has a new folder"
    );
    night.worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_was_altered_between_two_tasks_starts_nothing(pool: PgPool) {
    let night = Night::begin(
        &pool,
        |_| {},
        vec![
            task("build", &[], BUILD),
            using("first", &["build"], &["build"], PATH),
            gated(task("pause", &["first"], "true")),
            using("second", &["pause"], &["build"], "true"),
            PlanTask {
                join: Join::AllDone,
                ..using(
                    "third",
                    &["second"],
                    &["build"],
                    "cat $WATCHBILL_USES/build/change.diff",
                )
            },
        ],
    )
    .await;
    let folder = PathBuf::from(said(&night.ended("first").await, "path"));
    let file = folder.join("build/change.diff");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).expect("it is ours");
    std::fs::write(&file, "CONTENT\n").expect("it is ours");
    night.answer("pause", Verdict::Approve).await;
    let second = night.ended("second").await;
    assert_eq!(second.outcome, Some(Outcome::CouldNotStart));
    let reason = second.reason.unwrap_or_default();
    assert!(reason.contains("build/change.diff"), "{reason}");
    assert_eq!(reason.matches("sha256:").count(), 2, "{reason}");
    assert_eq!(night.ended("third").await.text(), "content\n");
    night.worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_was_altered_in_the_database_starts_nothing(pool: PgPool) {
    let fine = "echo left > $WATCHBILL_ARTIFACTS/change.diff";
    let night = Night::begin(
        &pool,
        |_| {},
        vec![
            gated(task("signed", &[], fine)),
            task("free", &[], fine),
            task("bytes", &[], fine),
            gated(task("pause", &["signed", "free", "bytes"], "true")),
            using("of-signed", &["pause"], &["signed"], "true"),
            using("of-free", &["pause"], &["free"], "true"),
            using("of-bytes", &["pause"], &["bytes"], "true"),
        ],
    )
    .await;
    night.answer("signed", Verdict::Approve).await;
    until("all is asked about", async || {
        let pause = seen(&night.engine().pool, night.id("pause").await).await?;
        (pause.state == TaskState::AwaitingApproval).then_some(())
    })
    .await;
    // The row fits its content, and is still not what was signed, or left.
    for name in ["signed", "free"] {
        let task = night.id(name).await;
        night
            .alter(
                "UPDATE artifacts SET sha256 = sha256('EVIL'::bytea), bytes = 4 WHERE task_id = $1",
                task,
            )
            .await;
    }
    for name in ["signed", "free", "bytes"] {
        let task = night.id(name).await;
        night
            .alter(
                "UPDATE artifact_chunks SET content = 'EVIL' WHERE artifact_id IN (SELECT id FROM artifacts WHERE task_id = $1)",
                task,
            )
            .await;
    }
    night.answer("pause", Verdict::Approve).await;
    let kept = engine::tasks::digest::hex(&sha2::Sha256::digest("left\n"));
    for (name, expected) in [
        (
            "of-signed",
            "the result of signed, whose files it uses, is not what it was: approval",
        ),
        (
            "of-free",
            "the result of free, whose files it uses, is not what it was: it left sha256:",
        ),
        ("of-bytes", kept.as_str()),
    ] {
        let seen = night.ended(name).await;
        assert_eq!(seen.outcome, Some(Outcome::CouldNotStart), "{name}");
        let reason = seen.reason.unwrap_or_default();
        assert!(reason.contains(expected), "{name}: {reason}");
        assert_eq!(reason.matches("sha256:").count(), 2, "{name}: {reason}");
    }
    night.worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_step_of_another_user_cannot_write_there(pool: PgPool) {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("not root: steps have no user of their own");
        return;
    }
    let tries = "cd $WATCHBILL_USES
        for way in 'echo x >> build/change.diff' 'chmod u+w build/change.diff' 'rm -f build/change.diff' \\
            'mv build aside' 'echo x > new' 'mkdir build/new' 'chmod 777 .' 'ln -sfn /tmp build' 'mv ../${PWD##*/} ../aside'; do
            bash -c \"$way\" 2>/dev/null && echo could $way
        done
        ls .. && echo could list
        echo owner $(stat -c %u . build build/change.diff); cat build/change.diff";
    let night = Night::begin(
        &pool,
        |settings| settings.steps_user = Some("nobody".to_owned()),
        vec![
            task("build", &[], BUILD),
            using("tries", &["build"], &["build"], tries),
        ],
    )
    .await;
    let tries = night.ended("tries").await;
    assert_eq!(
        tries.outcome,
        Some(Outcome::Succeeded),
        "{:?}",
        tries.reason
    );
    assert_eq!(said(&tries, "owner"), "0 0 0");
    assert!(!tries.text().contains("could "), "{}", tries.text());
    assert!(tries.text().ends_with("content\n"), "{}", tries.text());
    night.worker.stop().await;
}
