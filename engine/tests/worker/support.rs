//! A worker on a database of its own, and what came of the tasks it ran.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use engine::tasks::{NewTask, enqueue};
use engine::worker::{WorkerOptions, run};
use engine::{Engine, Settings};
use model::id::TaskId;
use model::identity::Principal;
use model::plan::{EnvironmentValue, EnvironmentVariable, PlanTask, Work};
use model::task::{Outcome, TaskState};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Nothing here takes so long unless it is broken.
const DEADLINE: Duration = Duration::from_secs(40);

/// This program is its workers' launcher, too.
#[ctor::ctor(unsafe)]
fn enter() {
    process::enter_if_asked();
}

/// The usual one; on a machine that has none, root by name.
fn steps_user() -> Option<String> {
    let is_root = nix::unistd::geteuid().is_root();
    let usual = nix::unistd::User::from_name("watchbill-steps");
    (is_root && !usual.is_ok_and(|user| user.is_some())).then(|| "root".to_owned())
}

/// A worker that runs beside the test.
pub struct Worker {
    pub engine: Engine,
    stop: CancellationToken,
    handle: JoinHandle<engine::Result<()>>,
}

impl Worker {
    pub fn start(pool: &PgPool, adjust: impl FnOnce(&mut Settings, &mut WorkerOptions)) -> Self {
        let mut settings = Settings {
            steps_folder: std::env::temp_dir(),
            steps_user: steps_user(),
            ..Settings::default()
        };
        let mut options = WorkerOptions {
            stop_grace: Duration::from_millis(300),
            drain: Duration::from_millis(300),
            shutdown_grace: Duration::from_secs(30),
            ..WorkerOptions::of(&settings)
        };
        adjust(&mut settings, &mut options);
        let engine = Engine::new(pool.clone(), settings);
        let stop = CancellationToken::new();
        let handle = tokio::spawn(run(engine.clone(), options, stop.clone()));
        Self {
            engine,
            stop,
            handle,
        }
    }

    /// Stops it in good order.
    pub async fn stop(self) {
        self.stop.cancel();
        self.handle
            .await
            .expect("the worker does not panic")
            .expect("the worker stops well");
    }

    /// Lets go of it as a process that is killed does.
    pub async fn abandon(self) {
        self.handle.abort();
        let _ = self.handle.await;
    }

    /// Runs one task to its end.
    pub async fn run(&self, definition: PlanTask) -> Seen {
        let task = self.enqueue(definition).await;
        self.finished(task).await
    }

    pub async fn enqueue(&self, definition: PlanTask) -> TaskId {
        self.enqueue_with(definition, json!({})).await
    }

    pub async fn enqueue_with(&self, definition: PlanTask, inputs: Value) -> TaskId {
        enqueue(
            &self.engine,
            &Principal::system("test"),
            &[NewTask { definition, inputs }],
        )
        .await
        .expect("it can be enqueued")[0]
    }

    /// Waits until the first attempt has ended.
    pub async fn finished(&self, task: TaskId) -> Seen {
        until("the attempt ends", async || {
            let seen = seen(&self.engine.pool, task).await?;
            seen.outcome.is_some().then_some(seen)
        })
        .await
    }

    /// Waits until the log holds this text.
    pub async fn said(&self, task: TaskId, text: &str) {
        until(text, async || {
            let seen = seen(&self.engine.pool, task).await?;
            String::from_utf8_lossy(&seen.log)
                .contains(text)
                .then_some(())
        })
        .await;
    }
}

/// What the database knows of a task and its latest attempt.
#[derive(Debug)]
pub struct Seen {
    pub state: TaskState,
    pub reason: Option<String>,
    pub outputs: Option<Value>,
    pub outputs_uri: Option<String>,
    pub excerpt: Option<String>,
    pub outcome: Option<Outcome>,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    pub output_bytes: i64,
    pub omitted_bytes: i64,
    pub log: Vec<u8>,
    pub artifacts: BTreeMap<String, Vec<u8>>,
}

impl Seen {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.log).into_owned()
    }
}

/// Reads what there is now; `None` before the first attempt.
pub async fn seen(pool: &PgPool, task: TaskId) -> Option<Seen> {
    let row = sqlx::query!(
        r#"SELECT t.state, t.reason, t.outputs, t.outputs_uri, t.log_excerpt, a.number AS "number!", a.outcome,
                a.exit_code, a.signal, a.output_bytes AS "output_bytes!", a.omitted_bytes AS "omitted_bytes!"
         FROM tasks t JOIN attempts_and_open a ON a.task_id = t.id
         WHERE t.id = $1 ORDER BY a.number DESC LIMIT 1"#,
        task.0
    )
    .fetch_optional(pool)
    .await
    .expect("the database answers")?;
    let log = sqlx::query_scalar!(
        "SELECT content FROM log_chunks WHERE task_id = $1 AND attempt = $2 ORDER BY seq",
        task.0,
        row.number
    )
    .fetch_all(pool)
    .await
    .expect("the database answers")
    .concat();
    let chunks = sqlx::query!(
        r#"SELECT a.path, c.content AS "content?" FROM artifacts a
         LEFT JOIN artifact_chunks c ON c.artifact_id = a.id
         WHERE a.task_id = $1 AND a.attempt = $2 ORDER BY a.path, c.seq"#,
        task.0,
        row.number
    )
    .fetch_all(pool)
    .await
    .expect("the database answers");
    let mut artifacts: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for chunk in chunks {
        artifacts
            .entry(chunk.path)
            .or_default()
            .extend(chunk.content.unwrap_or_default());
    }
    Some(Seen {
        state: row.state.parse().expect("a state"),
        reason: row.reason,
        outputs: row.outputs,
        outputs_uri: row.outputs_uri,
        excerpt: row.log_excerpt,
        outcome: row
            .outcome
            .map(|outcome| outcome.parse().expect("an outcome")),
        exit_code: row.exit_code,
        signal: row.signal,
        output_bytes: row.output_bytes,
        omitted_bytes: row.omitted_bytes,
        log,
        artifacts,
    })
}

/// Asks again and again until there is an answer, or fails at the deadline.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A task that runs this argv.
pub fn argv(argv: &[&str]) -> PlanTask {
    PlanTask::new("step", Work::run(argv.iter().copied()))
}

/// A task that runs this script by a shell that is asked for by name.
pub fn shell(script: &str) -> PlanTask {
    PlanTask {
        work: Work::Shell {
            program: "/bin/bash".to_owned(),
            script: script.to_owned(),
        },
        ..argv(&[])
    }
}

/// `task` with one more variable in its environment.
pub fn with_variable(mut task: PlanTask, name: &str, value: EnvironmentValue) -> PlanTask {
    task.environment.push(EnvironmentVariable {
        name: name.to_owned(),
        value,
    });
    task
}

/// A mark in the environment of a task's processes that only this test knows.
pub struct Trace(String);

impl Trace {
    pub fn new() -> Self {
        Self(engine::Random::uuid(&engine::SystemRandom).to_string())
    }

    pub fn on(&self, task: PlanTask) -> PlanTask {
        with_variable(task, "TRACE", EnvironmentValue::Text(self.0.clone()))
    }

    /// The processes that carry it and live.
    pub fn living(&self) -> Vec<i32> {
        let entry = format!("TRACE={}", self.0);
        std::fs::read_dir("/proc")
            .expect("there is /proc")
            .filter_map(|process| process.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid: &i32| {
                std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| {
                    environment
                        .split(|&byte| byte == 0)
                        .any(|found| found == entry.as_bytes())
                })
            })
            .collect()
    }
}
