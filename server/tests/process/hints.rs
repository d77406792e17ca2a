//! Workers in other processes hear that something is ready; they need not ask for it.

use engine::lifecycle::start;
use engine::tasks::READY_CHANNEL;
use model::identity::Principal;
use serde_json::json;
use sqlx::postgres::PgListener;

use crate::support::Home;

/// Leaves two tasks for whoever hears of them: who ends the first goes on with one of the three.
const FAN: &str = "plan: fan
tasks:
  first: {run: [\"true\"]}
  second: {run: [\"true\"], needs: [first]}
  third: {run: [\"true\"], needs: [first]}
  fourth: {run: [\"true\"], needs: [first]}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_tells_other_processes_what_it_released() {
    let home = Home::new();
    let _served = home.serve();
    std::fs::write(home.marks().join("plan.yaml"), FAN).expect("a file");
    let stored = home
        .command("plan")
        .args(["apply", "marks/plan.yaml"])
        .output()
        .expect("it runs");
    assert!(stored.status.success(), "{stored:?}");
    let (engine, _cluster) = home.engine().await;
    let mut listener = PgListener::connect_with(&engine.pool)
        .await
        .expect("a connection");
    listener.listen(READY_CHANNEL).await.expect("it listens");

    // Nobody announces what this process starts: it is heard when the server goes on from there.
    start(&engine, &Principal::system("test"), "fan", json!({}))
        .await
        .expect("a run");
    tokio::time::timeout(std::time::Duration::from_secs(60), listener.recv())
        .await
        .expect("a hint within a minute")
        .expect("a connection");
}
