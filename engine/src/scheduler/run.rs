//! The loops. A pass that fails is logged once and repeated; it never ends a loop.

use crate::lifecycle;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{reconcile, tick};
use crate::{Engine, Result, tasks, upkeep};

/// The longest a due moment waits for the scheduler to look.
const TICK: Duration = Duration::from_secs(1);
/// Never spins, whatever is due.
const SHORTEST: Duration = Duration::from_millis(20);
const RESCUE: Duration = Duration::from_secs(2);
const PROMOTE: Duration = Duration::from_millis(500);
const EXPIRE: Duration = Duration::from_secs(5);
const QUORUMS: Duration = Duration::from_secs(60);
const RECONCILE: Duration = Duration::from_secs(60);
const UPKEEP: Duration = Duration::from_secs(60 * 60);

/// Runs until `stop`: due triggers, dead workers' tasks, due retries, expired
/// requests and those that too few can sign, triggers that lost their next moment, and what has grown old.
pub async fn run(engine: Engine, stop: CancellationToken) {
    let (engine, stop) = (&engine, &stop);
    tokio::join!(
        repeat("tick", stop, || {
            let pass = async {
                let ticked = tick(engine).await?;
                Ok(ticked.next_in.unwrap_or(TICK).clamp(SHORTEST, TICK))
            };
            pass.boxed()
        }),
        repeat("rescue", stop, || then(RESCUE, lifecycle::rescue(engine))),
        repeat("promote", stop, || then(
            PROMOTE,
            tasks::promote_due(engine)
        )),
        repeat("expire", stop, || then(
            EXPIRE,
            lifecycle::act_on_due(engine)
        )),
        repeat("quorums", stop, || then(
            QUORUMS,
            lifecycle::watch_quorums(engine)
        )),
        repeat("reconcile", stop, || then(RECONCILE, reconcile(engine))),
        repeat("upkeep", stop, || {
            let pass = async {
                upkeep::ensure_partitions(engine).await?;
                // A server of the version before may have stored one meanwhile.
                upkeep::recheck(engine).await?;
                upkeep::retention(engine).await?;
                Ok(UPKEEP)
            };
            pass.boxed()
        }),
    );
}

/// The pass, and how long to pause after it.
fn then<'a>(
    pause: Duration,
    pass: impl Future<Output = Result<u64>> + Send + 'a,
) -> BoxFuture<'a, Result<Duration>> {
    pass.map(move |done| done.map(|_| pause)).boxed()
}

/// Repeats a pass, which says how long to pause after it.
async fn repeat<'a>(
    name: &str,
    stop: &CancellationToken,
    pass: impl Fn() -> BoxFuture<'a, Result<Duration>>,
) {
    const AFTER_FAILURE: Duration = Duration::from_secs(1);
    let mut last_failure: Option<String> = None;
    while !stop.is_cancelled() {
        let outcome = AssertUnwindSafe(pass()).catch_unwind().await;
        let (pause, failure) = match outcome {
            Ok(Ok(pause)) => (pause, None),
            Ok(Err(error)) => (AFTER_FAILURE, Some(error.to_string())),
            Err(_) => (AFTER_FAILURE, Some("the pass panicked".to_owned())),
        };
        if failure != last_failure {
            match &failure {
                Some(error) => tracing::error!(
                    pass = name,
                    error,
                    "a pass of the scheduler failed and will be repeated"
                ),
                None => tracing::info!(pass = name, "a pass of the scheduler works again"),
            }
            last_failure = failure;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}
