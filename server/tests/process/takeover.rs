//! Invariant 3: what a killed process held goes on elsewhere within lease + 5 s.

use std::time::Duration;

use model::task::TaskState;

use crate::support::{Home, LEASE, enqueue, look, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_servers_task_is_taken_over() {
    let home = Home::new();
    let mut first = home.serve();
    let (engine, cluster) = home.engine().await;
    let mark = home.marks().join("begun");
    // The first attempt would last for ever; the second one sees its mark and ends.
    let script = format!("[ -e {0} ] || {{ : > {0}; sleep 600; }}", mark.display());
    let task = enqueue(&engine, &script).await;
    until("the first attempt to begin", async || {
        mark.exists().then_some(())
    })
    .await;
    let mut second = home.serve();
    first.kill();
    let (done, took) = until("the second attempt to end", async || {
        look(&engine, task)
            .await
            .filter(|task| task.row.state == TaskState::Succeeded)
    })
    .await;
    println!("taken over and done {took:?} after the kill");
    assert!(took < LEASE + Duration::from_secs(5), "{took:?}");
    assert_eq!(done.row.attempt.0, 2);
    assert!(second.terminate().success(), "{}", home.log());
    engine.pool.close().await;
    cluster.leave().await;
}
