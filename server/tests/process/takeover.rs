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
    let script = format!(
        "[ -e {0} ] || {{ echo $$ > {0}.part; mv {0}.part {0}; exec sleep 600; }}",
        mark.display()
    );
    let task = enqueue(&engine, &script).await;
    until("the first attempt to begin", async || {
        mark.exists().then_some(())
    })
    .await;
    let mut second = home.serve();
    let step = std::fs::read_to_string(&mark).expect("its pid");
    first.kill();
    // Long before its lease ends, and with no worker's help.
    let ((), gone) = until("the killed server's step to end", async || {
        has_ended(step.trim()).then_some(())
    })
    .await;
    println!("its step had ended {gone:?} after the kill");
    assert!(gone < Duration::from_secs(1), "{gone:?}");
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

/// Whether the process is gone, or only waits for its new parent to take note.
fn has_ended(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| Some(stat.rsplit_once(") ")?.1.starts_with('Z')))
        .unwrap_or(true)
}
