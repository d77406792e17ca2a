//! Draining tasks that do nothing: claim, start and finish in slices, full history kept.

use std::time::Instant;

use anyhow::Result;
use engine::Engine;
use engine::lifecycle::{claim, finish_and_claim};
use engine::tasks::{AttemptResult, Finish, NewTask, WorkerIdentity, enqueue};
use model::identity::Principal;
use model::task::Outcome;

use crate::claiming;
use crate::database::{Database, task};
use crate::report::Report;

const TASKS: usize = 100_000;
const SLICE: u32 = 1_000;
const WORKERS: usize = 3;

pub async fn measure(report: &mut Report) -> Result<()> {
    let database = Database::fresh("drain").await?;
    let engine = database.engine(8).await?;
    let definition = task("noop", &[]);
    let bench = Principal::system("bench");
    let started = Instant::now();
    for _ in 0..TASKS / SLICE as usize {
        let tasks: Vec<NewTask> = (0..SLICE)
            .map(|_| NewTask {
                definition: definition.clone(),
                inputs: serde_json::json!({}),
            })
            .collect();
        enqueue(&engine, &bench, &tasks).await?;
    }
    report.rate("enqueue, slices of 1,000", per_second(started), None);
    sqlx::raw_sql("VACUUM ANALYZE")
        .execute(&engine.pool)
        .await?;

    let started = Instant::now();
    let drains = (0..WORKERS).map(|_| tokio::spawn(drain(engine.clone())));
    for drained in futures::future::join_all(drains).await {
        drained??;
    }
    let ours = per_second(started);

    let pool = database.pool(8).await?;
    claiming::prepare(&pool).await?;
    claiming::fill(&pool, i64::try_from(TASKS)?).await?;
    let started = Instant::now();
    let drains = (0..WORKERS).map(|_| {
        let pool = pool.clone();
        tokio::spawn(async move {
            while claiming::claim_and_finish(&pool, i64::from(SLICE)).await? > 0 {}
            anyhow::Ok(())
        })
    });
    for drained in futures::future::join_all(drains).await {
        drained??;
    }
    report.rate(
        "drain no-op tasks, full history kept",
        ours,
        Some(per_second(started)),
    );
    Ok(())
}

async fn drain(engine: Engine) -> Result<()> {
    let worker = WorkerIdentity {
        id: engine.random.uuid(),
        name: "bench".to_owned(),
        labels: Vec::new(),
    };
    let mut claimed = claim(&engine, &worker, SLICE).await?;
    while !claimed.is_empty() {
        let finishes = claimed
            .into_iter()
            .map(|claimed| Finish {
                lease: claimed.lease,
                result: AttemptResult::bare(Outcome::Succeeded),
            })
            .collect();
        (_, claimed) = finish_and_claim(&engine, finishes, &worker, SLICE).await?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a hundred thousand fits")]
fn per_second(started: Instant) -> f64 {
    TASKS as f64 / started.elapsed().as_secs_f64()
}
