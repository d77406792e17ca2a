//! From enqueue to start with an idle worker, in the same process and in another.

use std::time::{Duration, Instant};

use anyhow::Result;
use engine::Engine;
use engine::lifecycle::{claim, finish};
use engine::tasks::{
    AttemptResult, Finish, NewTask, READY_CHANNEL, WorkerIdentity, announce, enqueue,
};
use model::identity::Principal;
use model::task::Outcome;
use sqlx::postgres::PgListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::claiming;
use crate::database::{Database, task};
use crate::report::{Report, median};

const ROUNDS: usize = 300;

pub async fn measure(report: &mut Report) -> Result<()> {
    let database = Database::fresh("latency").await?;
    let limit = plain(&database).await?;
    report.duration(
        "enqueue to start, worker in another process",
        ours(&database, false).await?,
        Some(limit),
    );
    report.duration(
        "enqueue to start, worker in the same process",
        ours(&database, true).await?,
        Some(limit),
    );
    Ok(())
}

async fn ours(database: &Database, same_process: bool) -> Result<Duration> {
    let engine = database.engine(4).await?;
    let stop = CancellationToken::new();
    tokio::spawn(announce(engine.clone(), stop.clone()));
    let other = if same_process {
        engine.clone()
    } else {
        database.engine(4).await?
    };
    let (started, mut starts) = mpsc::unbounded_channel();
    let worker = tokio::spawn(worker(
        other,
        database.options.clone(),
        same_process,
        started,
        stop.clone(),
    ));
    let new = NewTask {
        definition: task("noop", &[]),
        inputs: serde_json::json!({}),
    };
    let bench = Principal::system("bench");
    let mut taken = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        // Lets the worker become idle: this is about a worker that has nothing to do.
        tokio::time::sleep(Duration::from_millis(4)).await;
        let from = Instant::now();
        enqueue(&engine, &bench, std::slice::from_ref(&new)).await?;
        let at: Instant = starts.recv().await.unwrap_or_else(Instant::now);
        taken.push(at - from);
    }
    stop.cancel();
    worker.await??;
    Ok(median(&mut taken))
}

async fn worker(
    engine: Engine,
    options: sqlx::postgres::PgConnectOptions,
    same_process: bool,
    started: mpsc::UnboundedSender<Instant>,
    stop: CancellationToken,
) -> Result<()> {
    let worker = WorkerIdentity {
        id: engine.random.uuid(),
        name: "bench".to_owned(),
        labels: Vec::new(),
    };
    let mut listener =
        PgListener::connect_with(&sqlx::PgPool::connect_with(options).await?).await?;
    listener.listen(READY_CHANNEL).await?;
    loop {
        for claimed in claim(&engine, &worker, 8).await? {
            // Committed: from here on a process would be started.
            started.send(Instant::now())?;
            let result = AttemptResult::bare(Outcome::Succeeded);
            finish(
                &engine,
                vec![Finish {
                    lease: claimed.lease,
                    result,
                }],
            )
            .await?;
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = engine.wake.notified(), if same_process => {}
            hint = listener.recv(), if !same_process => { hint?; }
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
    }
}

/// An insert with its NOTIFY, a listener, one durable claim.
async fn plain(database: &Database) -> Result<Duration> {
    let pool = database.pool(4).await?;
    claiming::prepare(&pool).await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen("plain").await?;
    let mut taken = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        tokio::time::sleep(Duration::from_millis(4)).await;
        let from = Instant::now();
        let inserting = sqlx::query(
            "WITH made AS (INSERT INTO plain (state) VALUES ('queued')) SELECT pg_notify('plain', '')",
        )
        .execute(&pool);
        let (inserted, heard) = tokio::join!(inserting, listener.recv());
        inserted?;
        heard?;
        claiming::claim(&pool, 1).await?;
        taken.push(from.elapsed());
    }
    Ok(median(&mut taken))
}
