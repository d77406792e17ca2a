//! Renews the leases of all running attempts and hears what people want stopped.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::orders::{Holding, Stop};
use crate::tasks::{self, LeaseRef, Renewal, WorkerIdentity};
use crate::{Engine, Result};

/// How soon a person who cancels a task is heard.
const LISTEN_EVERY: Duration = Duration::from_secs(1);

/// Keeps the leases of `holding` until `stop`.
pub async fn keep(
    engine: Engine,
    worker: WorkerIdentity,
    holding: Arc<Holding>,
    stop: CancellationToken,
) {
    let lease = engine.settings.lease;
    let every = lease / 3;
    let mut renew_at = Instant::now() + every;
    loop {
        // With nothing to keep there is only the heartbeat.
        let next = if holding.leases().is_empty() {
            renew_at
        } else {
            renew_at.min(Instant::now() + LISTEN_EVERY.min(every))
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = holding.begun.notified() => continue,
            () = sleep_until(next) => {}
        }
        let now = Instant::now();
        let leases = if now >= renew_at {
            holding.leases()
        } else {
            cancelled(&engine, &worker, &holding, every).await
        };
        let renewed = leases.is_empty() || renew(&engine, &worker, &holding, &leases).await;
        if now >= renew_at {
            heartbeat(&engine, &worker, every).await;
            // After a failure soon again: the lease allows a few tries.
            renew_at = now + if renewed { every } else { every / 4 };
        }
    }
}

/// Renews these leases and passes on what was found. False where the database gave no answer.
async fn renew(
    engine: &Engine,
    worker: &WorkerIdentity,
    holding: &Holding,
    leases: &[LeaseRef],
) -> bool {
    let lease = engine.settings.lease;
    // Before the question: however long the answer takes, we never think it longer.
    let asked = Instant::now();
    let renewals = match timeout(lease / 3, tasks::renew(engine, worker, leases)).await {
        Ok(Ok(renewals)) => renewals,
        Ok(Err(error)) => {
            tracing::warn!("leases could not be renewed: {error}");
            return false;
        }
        Err(_) => {
            tracing::warn!("leases could not be renewed: the database does not answer");
            return false;
        }
    };
    for (&lease, renewal) in leases.iter().zip(renewals) {
        match renewal {
            Renewal::Held => holding.order(lease, Some(asked + engine.settings.lease), None),
            Renewal::CancelRequested => holding.order(
                lease,
                Some(asked + engine.settings.lease),
                Some(Stop::Cancel),
            ),
            Renewal::Lost => holding.order(lease, None, Some(Stop::Lost)),
        }
    }
    true
}

/// The leases of tasks that a person wants stopped; renewing them confirms it.
async fn cancelled(
    engine: &Engine,
    worker: &WorkerIdentity,
    holding: &Holding,
    patience: Duration,
) -> Vec<LeaseRef> {
    match bounded(patience, tasks::cancel_requests(engine, worker)).await {
        Some(tasks) => holding.leases_of(&tasks),
        None => Vec::new(),
    }
}

async fn heartbeat(engine: &Engine, worker: &WorkerIdentity, patience: Duration) {
    let _ = bounded(patience / 2, tasks::heartbeat_worker(engine, worker)).await;
}

async fn bounded<T>(patience: Duration, asked: impl Future<Output = Result<T>>) -> Option<T> {
    match timeout(patience, asked).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::debug!("the database refused: {error}");
            None
        }
        Err(_) => None,
    }
}
