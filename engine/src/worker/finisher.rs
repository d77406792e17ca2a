//! Records results: several that end together in one slice, whose slots go on at once.

use crate::lifecycle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::orders::OrderReceiver;
use crate::tasks::{Claimed, Finish, Finished, WorkerIdentity};
use crate::{Engine, Error, Result};

/// The largest slice of one transaction.
const SLICE: usize = 256;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A result on its way to the database.
pub struct Job {
    pub finish: Finish,
    pub orders: OrderReceiver,
    pub reply: oneshot::Sender<Reply>,
}

/// What became of a result, and what its slot does next.
#[derive(Default)]
pub struct Reply {
    /// `None` where it was not recorded.
    pub finished: Option<Finished>,
    /// A task that was claimed in the same transaction, with its lease's end at the latest.
    pub next: Option<(Claimed, Instant)>,
}

/// Takes results and claims what is to run in their place.
pub struct Finisher {
    pub engine: Engine,
    pub worker: WorkerIdentity,
    /// From then on nothing more is claimed.
    pub stop: CancellationToken,
}

/// Records what comes until every sender is gone.
pub async fn record(finisher: Finisher, mut queue: mpsc::UnboundedReceiver<Job>) {
    while let Some(first) = queue.recv().await {
        let mut jobs = vec![first];
        while jobs.len() < SLICE
            && let Ok(job) = queue.try_recv()
        {
            jobs.push(job);
        }
        record_slice(&finisher, jobs).await;
    }
}

async fn record_slice(finisher: &Finisher, mut jobs: Vec<Job>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let (recordable, late): (Vec<_>, Vec<_>) =
            jobs.into_iter().partition(|job| job.orders.may_record());
        for job in late {
            tracing::warn!(task.id = %job.finish.lease.task, "its lease ended before its result could be recorded");
            let _ = job.reply.send(Reply::default());
        }
        jobs = recordable;
        if jobs.is_empty() {
            return;
        }
        match finish(finisher, &jobs).await {
            Ok(replies) => {
                for (job, reply) in jobs.into_iter().zip(replies) {
                    let _ = job.reply.send(reply);
                }
                return;
            }
            Err(error) if jobs.len() > 1 && !is_passing(&error) => {
                // One of them is at fault; the others shall not suffer for it.
                for job in jobs {
                    Box::pin(record_slice(finisher, vec![job])).await;
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

async fn finish(finisher: &Finisher, jobs: &[Job]) -> Result<Vec<Reply>> {
    let Finisher {
        engine,
        worker,
        stop,
    } = finisher;
    let slice = jobs.iter().map(|job| job.finish.clone()).collect();
    let limit = if stop.is_cancelled() {
        0
    } else {
        u32::try_from(jobs.len()).unwrap_or(u32::MAX)
    };
    // Before the question: however long the answer takes, we never think a lease longer.
    let lease_end = Instant::now() + engine.settings.lease;
    let asked = lifecycle::finish_and_claim(engine, slice, worker, limit);
    let Ok(answer) = tokio::time::timeout(engine.settings.lease / 3, asked).await else {
        return Err(Error::Unavailable(sqlx::Error::PoolTimedOut));
    };
    let (answers, claimed) = answer?;
    let mut claimed = claimed.into_iter().map(|claimed| (claimed, lease_end));
    Ok(answers
        .into_iter()
        .map(|finished| Reply {
            finished: Some(finished),
            next: claimed.next(),
        })
        .collect())
}

/// Whether trying the same again may help.
const fn is_passing(error: &Error) -> bool {
    matches!(error, Error::Unavailable(_))
}
