//! Invariants 2 and 3: what a killed or a sleeping process held goes on elsewhere.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use engine::Engine;
use model::id::TaskId;
use model::task::TaskState;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Home, LEASE, enqueue_for, look, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_servers_task_is_taken_over() {
    let home = Home::new();
    let mut first = home.serve();
    let (engine, cluster) = home.engine().await;
    let (task, step) = begun_task(&home, &engine, &[]).await;
    first.kill();
    let killed = Instant::now();
    // No worker is left that could have ended it.
    until("the killed server's step to end", async || {
        has_ended(&step).then_some(())
    })
    .await;
    let mut second = home.serve();
    let (done, _) = until("the second attempt to end", async || {
        look(&engine, task)
            .await
            .filter(|task| task.row.state == TaskState::Succeeded)
    })
    .await;
    let took = killed.elapsed();
    println!("taken over and done {took:?} after the kill");
    assert!(took < LEASE + Duration::from_secs(5), "{took:?}");
    assert_eq!(done.row.attempt.0, 2);
    assert!(second.terminate().success(), "{}", home.log());
    engine.pool.close().await;
    cluster.leave().await;
}

/// Invariant 2: whoever comes back after its lease has nothing more to say.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_slept_past_its_lease_ends_its_step_and_records_nothing() {
    let home = Home::new();
    // The server's own worker has not the label: the two that have it are alone.
    let mut server = home.serve();
    let (engine, cluster) = home.engine().await;
    let mut sleeper = home.worker("2s", "probe");
    let (task, step) = begun_task(&home, &engine, &["probe"]).await;
    let pid = Pid::from_raw(i32::try_from(sleeper.id()).expect("a pid"));
    kill(pid, Signal::SIGSTOP).expect("stopped");

    let mut other = home.worker("2s", "probe");
    until("the second attempt to end", async || {
        look(&engine, task)
            .await
            .filter(|task| task.row.state == TaskState::Succeeded)
    })
    .await;
    assert!(!has_ended(&step), "a stopped worker ends nothing");
    kill(pid, Signal::SIGCONT).expect("woken");
    until("the sleeper's step to end", async || {
        has_ended(&step).then_some(())
    })
    .await;
    let outcomes: Vec<(i32, String)> =
        sqlx::query_as("SELECT number, outcome FROM attempts WHERE task_id = $1 ORDER BY number")
            .bind(task.0)
            .fetch_all(&engine.pool)
            .await
            .expect("attempts");
    let seen: Vec<(i32, &str)> = outcomes
        .iter()
        .map(|(number, outcome)| (*number, outcome.as_str()))
        .collect();
    assert_eq!(seen, [(1, "worker_lost"), (2, "succeeded")]);
    let task = look(&engine, task).await.expect("the task");
    assert_eq!(task.row.state, TaskState::Succeeded);
    for worker in [&mut sleeper, &mut other] {
        worker.kill().expect("killed");
        worker.wait().expect("reaped");
    }
    assert!(server.terminate().success(), "{}", home.log());
    engine.pool.close().await;
    cluster.leave().await;
}

/// A task whose first attempt has begun and would last for ever; a second one sees the
/// mark of the first and ends. Also says which argument the first one's process has.
async fn begun_task(home: &Home, engine: &Engine, labels: &[&str]) -> (TaskId, String) {
    let mark: PathBuf = home.marks().join("begun");
    let script = format!(
        "[ -e {0} ] || {{ : > {0}; exec tail -f {0}; }}",
        mark.display()
    );
    let task = enqueue_for(engine, &script, labels).await;
    let step = mark.to_string_lossy().into_owned();
    until("the first attempt to begin", async || {
        (!has_ended(&step)).then_some(())
    })
    .await;
    (task, step)
}

/// Whether no process with this argument is left. A step's own pid says nothing here.
fn has_ended(argument: &str) -> bool {
    !process::procfs::all().iter().any(|process| {
        let line = std::fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
        let has = |part: &[u8]| part == argument.as_bytes();
        !process.is_zombie && line.split(|&byte| byte == 0).any(has)
    })
}
