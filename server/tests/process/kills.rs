//! Invariants 2, 3, 4 and 6 over fifty workers that are killed at any moment: between a
//! claim and its first renewal, in a step, between its end and its record.

use std::process::Child;
use std::time::Duration;

use engine::tasks::rescue;
use engine::{Random, SystemRandom};

use crate::support::{Home, enqueue, until};

const KILLS: u32 = 50;
/// As short as settings allow, so that work comes back between kills.
const LEASE: &str = "2s";

#[tokio::test(flavor = "multi_thread")]
async fn fifty_killed_workers_lose_nothing_and_record_nothing_twice() {
    let home = Home::new();
    let mut server = home.serve();
    let (engine, cluster) = home.engine().await;
    let random = SystemRandom;
    let mut tasks = Vec::new();
    let mut workers: Vec<Child> = (0..2).map(|_| home.worker(LEASE, "")).collect();
    for round in 0..KILLS {
        tasks.push(enqueue(&engine, "sleep 0.4").await);
        // The moment of the kill is what varies here; nothing waits for it.
        tokio::time::sleep(Duration::from_secs_f64(random.fraction() * 1.2)).await;
        let victim = usize::try_from(round % 2).expect("a small number");
        workers[victim].kill().expect("killed");
        workers[victim].wait().expect("reaped");
        workers[victim] = home.worker(LEASE, "");
        rescue(&engine).await.expect("the database answers");
    }

    let count = |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(&engine.pool);
    let open =
        "SELECT count(*) FROM tasks WHERE name = 'probe' AND state NOT IN ('succeeded', 'failed')";
    until("every task to finish", async || {
        (count(open).await.ok()? == 0).then_some(())
    })
    .await;
    assert_eq!(count("SELECT count(*) FROM leases").await.unwrap(), 0);
    for (what, sql) in [
        (
            "attempts that never ended",
            "SELECT count(*) FROM attempts WHERE finished_at IS NULL",
        ),
        (
            "tasks whose attempts are not numbered without a gap",
            "SELECT count(*) FROM tasks t WHERE attempt <> (SELECT count(*) FROM attempts a WHERE a.task_id = t.id)",
        ),
        (
            "tasks with two successes",
            "SELECT count(*) FROM (SELECT FROM attempts WHERE outcome = 'succeeded' GROUP BY task_id HAVING count(*) > 1) d",
        ),
        (
            "successes that are not the last attempt's",
            "SELECT count(*) FROM tasks t JOIN attempts a ON a.task_id = t.id AND a.outcome = 'succeeded'
             WHERE t.state <> 'succeeded' OR t.attempt <> a.number",
        ),
        (
            "tasks whose history skips a version",
            "SELECT count(*) FROM tasks t WHERE version <> (SELECT count(*) FROM task_history h WHERE h.task_id = t.id)",
        ),
        (
            "failures other than of a task that outlived too few workers",
            "SELECT count(*) FROM tasks WHERE name = 'probe' AND state = 'failed' AND crash_recoveries < 3",
        ),
    ] {
        assert_eq!(count(sql).await.unwrap(), 0, "{what}");
    }
    let lost = "SELECT count(*) FROM attempts WHERE outcome = 'worker_lost'";
    let lost = count(lost).await.unwrap();
    println!(
        "{} tasks, {lost} attempts lost with their workers",
        tasks.len()
    );
    assert!(lost > 0, "no kill met an attempt: nothing was tried");
    for mut worker in workers {
        worker.kill().expect("killed");
        worker.wait().expect("reaped");
    }
    assert!(server.terminate().success(), "{}", home.log());
    engine.pool.close().await;
    cluster.leave().await;
}
