//! Invariants 2, 3, 4 and 6 over fifty workers that are killed: between a claim and its
//! first renewal, in a step, between its end and its record.

use model::task::TaskState;

use crate::support::{Home, enqueue_for, look, until};

const KILLS: usize = 50;
/// As short as settings allow, so that work comes back between kills.
const LEASE: &str = "2s";
/// The server's own worker has it not.
const LABEL: &str = "probe";

/// When a worker is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// As soon as there is something to claim.
    Queued,
    Claimed,
    StepBegun,
    StepEnded,
}

const MOMENTS: [Moment; 4] = [
    Moment::Queued,
    Moment::Claimed,
    Moment::StepBegun,
    Moment::StepEnded,
];

#[tokio::test(flavor = "multi_thread")]
async fn fifty_killed_workers_lose_nothing_and_record_nothing_twice() {
    let home = Home::new();
    let mut server = home.serve();
    let (engine, cluster) = home.engine().await;
    let mut worker = home.worker(LEASE, LABEL);
    for round in 0..KILLS {
        let moment = MOMENTS[round % MOMENTS.len()];
        let begun = home.marks().join(format!("{round}.begun"));
        let ended = home.marks().join(format!("{round}.ended"));
        let script = format!(
            ": > {}; sleep 0.1; : > {}",
            begun.display(),
            ended.display()
        );
        let task = enqueue_for(&engine, &script, &[LABEL]).await;
        until("the moment of the kill", async || {
            let has_come = match moment {
                Moment::Queued => true,
                Moment::Claimed => look(&engine, task).await?.row.state != TaskState::Queued,
                Moment::StepBegun => begun.exists(),
                Moment::StepEnded => ended.exists(),
            };
            has_come.then_some(())
        })
        .await;
        worker.kill().expect("killed");
        worker.wait().expect("reaped");
        worker = home.worker(LEASE, LABEL);
    }

    let count = |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(&engine.pool);
    let open =
        "SELECT count(*) FROM tasks WHERE name = 'probe' AND state NOT IN ('succeeded', 'failed')";
    until("every task to finish", async || {
        (count(open).await.ok()? == 0).then_some(())
    })
    .await;
    for (what, sql) in [
        (
            "leases of nobody",
            "SELECT count(*) FROM leases",
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
    println!("{lost} attempts were lost with their workers");
    assert!(lost > 0, "no kill met an attempt: nothing was tried");
    worker.kill().expect("killed");
    worker.wait().expect("reaped");
    assert!(server.terminate().success(), "{}", home.log());
    engine.pool.close().await;
    cluster.leave().await;
}
