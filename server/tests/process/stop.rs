//! SIGTERM: nothing new begins, what runs may end, nothing is lost.

use model::task::TaskState;

use crate::support::{Home, enqueue, look, until};

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_may_end_and_nothing_new_begins() {
    let home = Home::new();
    let mut served = home.serve();
    let (engine, cluster) = home.engine().await;
    let running = enqueue(&engine, "sleep 2; echo done").await;
    until("the task to run", async || {
        look(&engine, running)
            .await
            .filter(|task| task.row.state == TaskState::Running)
    })
    .await;
    served.signal();
    until("the web server to close", async || {
        served.status("/health").is_none().then_some(())
    })
    .await;
    let late = enqueue(&engine, "echo late").await;
    assert!(served.wait().success(), "{}", home.log());
    let ended = look(&engine, running).await.expect("it is there");
    assert_eq!(ended.row.state, TaskState::Succeeded, "{}", home.log());
    assert_eq!(ended.row.attempt.0, 1);
    let waiting = look(&engine, late).await.expect("it is there");
    assert_eq!(waiting.row.state, TaskState::Queued);
    engine.pool.close().await;
    cluster.leave().await;
}
