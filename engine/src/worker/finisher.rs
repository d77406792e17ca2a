//! Records results: several that end together in one slice.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::orders::OrderReceiver;
use crate::tasks::{self, Finish, Finished};
use crate::{Engine, Error, Result};

/// The largest slice of one transaction.
const SLICE: usize = 256;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A result on its way to the database.
pub struct Job {
    pub finish: Finish,
    pub orders: OrderReceiver,
    /// `None` where it was not recorded.
    pub reply: oneshot::Sender<Option<Finished>>,
}

/// Records what comes until every sender is gone.
pub async fn record(engine: Engine, mut queue: mpsc::UnboundedReceiver<Job>) {
    while let Some(first) = queue.recv().await {
        let mut jobs = vec![first];
        while jobs.len() < SLICE
            && let Ok(job) = queue.try_recv()
        {
            jobs.push(job);
        }
        record_slice(&engine, jobs).await;
    }
}

async fn record_slice(engine: &Engine, mut jobs: Vec<Job>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let (recordable, late): (Vec<_>, Vec<_>) =
            jobs.into_iter().partition(|job| job.orders.may_record());
        for job in late {
            tracing::warn!(task.id = %job.finish.lease.task, "its lease ended before its result could be recorded");
            let _ = job.reply.send(None);
        }
        jobs = recordable;
        if jobs.is_empty() {
            return;
        }
        match finish(engine, &jobs).await {
            Ok(finished) => {
                for (job, finished) in jobs.into_iter().zip(finished) {
                    let _ = job.reply.send(Some(finished));
                }
                return;
            }
            Err(error) if jobs.len() > 1 && !is_passing(&error) => {
                // One of them is at fault; the others shall not suffer for it.
                for job in jobs {
                    Box::pin(record_slice(engine, vec![job])).await;
                }
                return;
            }
            Err(error) => {
                tracing::warn!("results could not be recorded yet: {error}");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

async fn finish(engine: &Engine, jobs: &[Job]) -> Result<Vec<Finished>> {
    let slice = jobs.iter().map(|job| job.finish.clone()).collect();
    match tokio::time::timeout(engine.settings.lease / 3, tasks::finish(engine, slice)).await {
        Ok(finished) => finished,
        Err(_) => Err(Error::Unavailable(sqlx::Error::PoolTimedOut)),
    }
}

/// Whether trying the same again may help.
const fn is_passing(error: &Error) -> bool {
    matches!(error, Error::Unavailable(_))
}
