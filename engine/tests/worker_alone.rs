//! What only the last attempt of a process can be held to: alone in its test binary,
//! so that no other attempt runs beside it.

#[path = "worker/support.rs"]
#[expect(dead_code, reason = "shared with the worker's other tests")]
mod support;

use engine::lifecycle::cancel;
use model::identity::Principal;
use model::task::Outcome;
use sqlx::PgPool;

use support::{Trace, Worker, shell, until};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_process_that_hides_in_every_way_is_found_by_its_user(pool: PgPool) {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("not root: steps have no user of their own by which to find them");
        return;
    }
    let worker = Worker::start(&pool, |settings, _| {
        settings.steps_user = Some("nobody".to_owned());
    });
    let trace = Trace::new();
    // In a session of its own, its parents ended, its environment wiped but for our trace.
    let script = "(env -i TRACE=$TRACE setsid bash -c 'trap \"\" TERM; sleep 300; sleep 300' &)
        echo ready; sleep 300; sleep 300";
    let task = worker.enqueue(trace.on(shell(script))).await;
    worker.said(task, "ready").await;
    until("all are there", async || {
        (trace.living().len() >= 4).then_some(())
    })
    .await;
    let person = Principal::system("test");
    cancel(&worker.engine, &person, task, None).await.unwrap();
    assert_eq!(
        worker.finished(task).await.outcome,
        Some(Outcome::Cancelled)
    );
    assert_eq!(trace.living(), [0; 0]);
    worker.stop().await;
}
