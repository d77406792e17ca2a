//! What a step finds of the files that earlier tasks left, and what it cannot do with them.

mod altered;

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use engine::lifecycle::{Channel, Decide, NewRun, decide, materialise};
use engine::{Engine, Settings};
use model::approval::Verdict;
use model::id::{AccountId, ApprovalId, PlanId, PlanVersionId, RunKey, TaskId};
use model::identity::{Principal, PrincipalKind, Role};
use model::plan::{CommentRule, Gate, Join, Plan, PlanTask, Retries, Signer};
use model::task::{GatePhase, TaskState};
use sqlx::PgPool;

use crate::support::{Seen, Worker, seen, shell, until};

/// A task of a plan that runs this script.
fn task(name: &str, needs: &[&str], script: &str) -> PlanTask {
    PlanTask {
        name: name.to_owned(),
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        ..shell(script)
    }
}

/// The same, which uses the files of others.
fn using(name: &str, needs: &[&str], uses: &[&str], script: &str) -> PlanTask {
    PlanTask {
        uses: uses.iter().map(|used| (*used).to_owned()).collect(),
        ..task(name, needs, script)
    }
}

fn gated(task: PlanTask) -> PlanTask {
    let from = vec![Signer::Role(Role::Approver)];
    PlanTask {
        approval: Some(Gate {
            comment: CommentRule::Optional,
            ..Gate::new(GatePhase::AfterResult, from)
        }),
        ..task
    }
}

/// Steps run as the worker's own user, whoever that is.
fn shared(settings: &mut Settings) {
    settings.steps.walls = engine::settings::WantedWalls::None;
    if nix::unistd::geteuid().is_root() {
        settings.steps_user = Some("root".to_owned());
    }
}

/// A run of these tasks on a worker.
struct Night {
    worker: Worker,
    run: RunKey,
}

impl Night {
    async fn begin(
        pool: &PgPool,
        adjust: impl FnOnce(&mut Settings),
        tasks: Vec<PlanTask>,
    ) -> Self {
        let worker = Worker::start(pool, |settings, _| adjust(settings));
        let run = run(&worker.engine, tasks).await;
        Self { worker, run }
    }

    fn engine(&self) -> &Engine {
        &self.worker.engine
    }

    async fn id(&self, name: &str) -> TaskId {
        let id = sqlx::query_scalar("SELECT id FROM tasks WHERE run = $1 AND name = $2")
            .bind(self.run.0)
            .bind(name)
            .fetch_one(&self.engine().pool)
            .await
            .expect("the run has it");
        TaskId(id)
    }

    /// Waits until the task has ended for good.
    async fn ended(&self, name: &str) -> Seen {
        let task = self.id(name).await;
        until(&format!("{name} ends"), async || {
            let seen = seen(&self.engine().pool, task).await?;
            seen.state.is_finished().then_some(seen)
        })
        .await
    }

    /// Waits until the task's result is asked about, and answers.
    async fn answer(&self, name: &str, verdict: Verdict) {
        let task = self.id(name).await;
        let (approval, digest): (i64, Vec<u8>) =
            until(&format!("{name} is asked about"), async || {
                sqlx::query_as(
                    "SELECT id, digest FROM approvals WHERE task_id = $1 AND state = 'pending'",
                )
                .bind(task.0)
                .fetch_optional(&self.engine().pool)
                .await
                .expect("the database answers")
            })
            .await;
        let answer = Decide {
            approval: ApprovalId(approval),
            digest: Some(digest.try_into().expect("32 bytes")),
            verdict,
            note: None,
            inputs: None,
            channel: Channel::Api,
        };
        decide(self.engine(), &approver(self.engine()).await, &answer)
            .await
            .expect("it is decided");
    }

    /// Alters what is stored, behind everybody's back.
    async fn alter(&self, statement: &'static str, task: TaskId) {
        let done = sqlx::query(statement)
            .bind(task.0)
            .execute(&self.engine().pool)
            .await
            .expect("it is done");
        assert!(done.rows_affected() > 0, "{statement}");
    }
}

async fn approver(engine: &Engine) -> Principal {
    let id: i64 = sqlx::query_scalar(
        "WITH a AS (INSERT INTO accounts (login, password_hash) VALUES ('approver', 'none')
                    ON CONFLICT DO NOTHING RETURNING id),
              r AS (INSERT INTO account_roles SELECT id, 'approver' FROM a)
         SELECT id FROM a UNION ALL SELECT id FROM accounts WHERE login = 'approver' LIMIT 1",
    )
    .fetch_one(&engine.pool)
    .await
    .expect("an account");
    Principal {
        kind: PrincipalKind::Session {
            account: AccountId(id),
        },
        name: "approver".to_owned(),
        roles: vec![Role::Approver],
    }
}

async fn run(engine: &Engine, tasks: Vec<PlanTask>) -> RunKey {
    let plan = Plan {
        name: "nightly".to_owned(),
        description: String::new(),
        timezone: "UTC".to_owned(),
        run_id: "nightly-{date}".to_owned(),
        inputs: Vec::new(),
        triggers: Vec::new(),
        tasks,
    };
    let (plan_id, version_id): (i64, i64) = sqlx::query_as(
        "WITH p AS (INSERT INTO plans (name, current_version, source) VALUES ('nightly', 1, 'api') RETURNING id)
         INSERT INTO plan_versions (plan_id, version, content_hash, source_text, definition, created_by)
         SELECT id, 1, '', '', $1, 'test' FROM p RETURNING plan_id, id",
    )
    .bind(serde_json::to_value(&plan).expect("a plan is JSON"))
    .fetch_one(&engine.pool)
    .await
    .expect("the plan is stored");
    let mut transaction = engine.pool.begin().await.expect("a transaction");
    let new = NewRun {
        plan_id: PlanId(plan_id),
        plan_version_id: PlanVersionId(version_id),
        plan: &plan,
        trigger: None,
        due_at: engine.clock.now(),
        started_by: "test",
        requester: None,
        inputs: serde_json::json!({}),
        waits_for: None,
    };
    let (run, _) = materialise(engine, &mut transaction, &new)
        .await
        .expect("the run is made");
    transaction.commit().await.expect("the run is committed");
    run
}

/// What the step said after this word.
fn said(seen: &Seen, word: &str) -> String {
    let text = seen.text();
    let found = text.lines().find_map(|line| line.strip_prefix(word));
    found
        .unwrap_or_else(|| panic!("no '{word}' in {text}, {:?}", seen.reason))
        .trim()
        .to_owned()
}

const BUILD: &str =
    "cd $WATCHBILL_ARTIFACTS; mkdir -p deep/er; head -c 700000 /dev/urandom > deep/er/random
    echo content > change.diff; : > empty; echo sum $(sha256sum < deep/er/random)";
const PATH: &str = "echo path ${WATCHBILL_USES-none}";

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_step_finds_what_its_gated_need_left(pool: PgPool) {
    let look = "cd $WATCHBILL_USES; echo path $PWD $(stat -c %i build/change.diff); echo sum $(sha256sum < build/deep/er/random)
        echo found $(find . -type f | sort); echo modes $(stat -c %a . build build/deep/er build/empty); cat build/change.diff";
    let night = Night::begin(
        &pool,
        |_| {},
        vec![
            gated(task("build", &[], BUILD)),
            task("publish", &["build"], look),
            task("further", &["publish"], PATH),
            using("again", &["further"], &["build"], look),
        ],
    )
    .await;
    night.answer("build", Verdict::Approve).await;
    let build = night.ended("build").await;
    let publish = night.ended("publish").await;
    assert_eq!(publish.state, TaskState::Succeeded, "{}", publish.text());
    assert_eq!(said(&publish, "sum"), said(&build, "sum"));
    assert_eq!(
        said(&publish, "found"),
        "./build/change.diff ./build/deep/er/random ./build/empty"
    );
    assert_eq!(said(&publish, "modes"), "555 555 555 444");
    assert!(publish.text().contains("content"), "{}", publish.text());
    assert_eq!(said(&night.ended("further").await, "path"), "none");
    let again = night.ended("again").await;
    assert_eq!(again.state, TaskState::Succeeded, "{}", again.text());
    assert_eq!(
        said(&again, "path"),
        said(&publish, "path"),
        "both have the same folder"
    );

    let told = said(&publish, "path");
    let folder = PathBuf::from(told.split(' ').next().expect("a path"));
    let above = folder.parent().expect("a folder above").to_owned();
    until("the run's folder is removed", async || {
        (!folder.exists()).then_some(())
    })
    .await;
    assert!(above.is_dir());
    night.worker.stop().await;
    assert!(!above.exists(), "nothing stays of the worker");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn where_nothing_is_there_is_no_variable(pool: PgPool) {
    let night = Night::begin(
        &pool,
        |_| {},
        vec![
            task("free", &[], BUILD),
            gated(task("silent", &[], "true")),
            gated(task("refused", &[], BUILD)),
            task("behind-free", &["free"], PATH),
            task("behind-silent", &["silent"], PATH),
            using("named-silent", &["silent"], &["silent"], PATH),
            PlanTask {
                join: Join::AllDone,
                ..using("behind-refused", &["refused"], &["refused"], PATH)
            },
        ],
    )
    .await;
    night.answer("silent", Verdict::Approve).await;
    night.answer("refused", Verdict::Reject).await;
    for name in [
        "behind-free",
        "behind-silent",
        "named-silent",
        "behind-refused",
    ] {
        let seen = night.ended(name).await;
        assert_eq!(
            seen.state,
            TaskState::Succeeded,
            "{name}: {:?}",
            seen.reason
        );
        assert_eq!(said(&seen, "path"), "none", "{name}");
    }
    night.worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_counts_is_the_attempt_whose_result_stands(pool: PgPool) {
    let second =
        "echo $WATCHBILL_ATTEMPT > $WATCHBILL_ARTIFACTS/attempt; [ $WATCHBILL_ATTEMPT = 2 ]";
    let fails = "echo why > $WATCHBILL_ARTIFACTS/why; exit 3";
    let night = Night::begin(
        &pool,
        |_| {},
        vec![
            PlanTask {
                retries: Retries {
                    max: 1,
                    backoff_seconds: 0,
                    ..Retries::default()
                },
                ..task("build", &[], second)
            },
            task("fails", &[], fails),
            using(
                "publish",
                &["build"],
                &["build"],
                "echo attempt $(cat $WATCHBILL_USES/build/attempt)",
            ),
            PlanTask {
                join: Join::AllDone,
                ..using(
                    "tell",
                    &["fails"],
                    &["fails"],
                    "cat $WATCHBILL_USES/fails/why",
                )
            },
        ],
    )
    .await;
    assert_eq!(said(&night.ended("publish").await, "attempt"), "2");
    assert_eq!(night.ended("tell").await.text(), "why\n");
    night.worker.stop().await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_a_killed_worker_laid_out_is_removed_by_the_next(pool: PgPool) {
    let namespace = std::fs::read_link("/proc/self/ns/pid").expect("there is /proc");
    let namespace: String = namespace
        .to_string_lossy()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let unique = engine::Random::uuid(&engine::SystemRandom).simple();
    // Whoever had our number began at another time, and is gone.
    let name = format!(
        "watchbill-uses-{namespace}-{}-1-{unique}",
        std::process::id()
    );
    let left = std::env::temp_dir().join(name);
    let inner = left.join("7-0/build");
    std::fs::create_dir_all(&inner).expect("room");
    std::fs::write(inner.join("change.diff"), "left").expect("room");
    for folder in [inner.as_path(), inner.parent().unwrap_or(Path::new("/"))] {
        std::fs::set_permissions(folder, PermissionsExt::from_mode(0o555)).expect("ours");
    }
    let living = std::env::temp_dir().join(format!("watchbill-uses-1-1-1-{unique}"));
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&living)
        .expect("room");
    let worker = Worker::start(&pool, |_, _| {});
    until("it is removed", async || (!left.exists()).then_some(())).await;
    assert!(living.exists(), "of another namespace nothing is known");
    std::fs::remove_dir(&living).expect("ours");
    worker.stop().await;
}
