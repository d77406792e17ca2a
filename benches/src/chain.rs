//! Forty times `true`: one after the other, and eight at once.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use engine::lifecycle::{NewRun, materialise};
use engine::settings::WantedWalls;
use engine::worker::{WorkerOptions, run};
use engine::{Engine, Settings};
use model::id::{PlanId, PlanVersionId};
use model::plan::{Plan, PlanTask};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::claiming;
use crate::database::{Database, task};
use crate::report::{Report, median};
use crate::start::Starter;

const STEPS: usize = 40;
const ROUNDS: usize = 7;

pub async fn measure(report: &mut Report) -> Result<()> {
    for (walls, how, plain) in [
        (WantedWalls::None, "", Starter::Library),
        (
            WantedWalls::Auto,
            ", behind walls",
            Starter::walled().await?,
        ),
    ] {
        measure_with(report, walls, how, &plain).await?;
    }
    Ok(())
}

async fn measure_with(
    report: &mut Report,
    walls: WantedWalls,
    how: &str,
    plain: &Starter,
) -> Result<()> {
    let database = Database::fresh("chain").await?;
    let pool = database.pool(10).await?;
    claiming::prepare(&pool).await?;
    let mut settings = Settings {
        slots: 8,
        ..Settings::default()
    };
    settings.steps.walls = walls;
    let engine = Engine::new(pool.clone(), settings);
    let stop = CancellationToken::new();
    let worker = tokio::spawn(run(engine.clone(), WorkerOptions::default(), stop.clone()));

    let names: Vec<String> = (0..STEPS).map(|step| format!("step{step}")).collect();
    let chain: Vec<PlanTask> = (0..STEPS)
        .map(|step| match step.checked_sub(1) {
            Some(before) => task(&names[step], &[&names[before]]),
            None => task(&names[step], &[]),
        })
        .collect();
    let ours = rounds(&engine, "chain", chain).await?;
    let limit = plain_chain(&pool, plain).await?;
    report.duration(&format!("chain of 40 × true{how}"), ours, Some(limit));

    let wide: Vec<PlanTask> = names.iter().map(|name| task(name, &[])).collect();
    let ours = rounds(&engine, "wide", wide).await?;
    let limit = plain_wide(&pool, plain).await?;
    report.duration(&format!("40 × true, 8 at once{how}"), ours, Some(limit));
    stop.cancel();
    worker.await??;
    Ok(())
}

async fn rounds(engine: &Engine, name: &str, tasks: Vec<PlanTask>) -> Result<Duration> {
    let plan = Plan {
        name: name.to_owned(),
        description: String::new(),
        timezone: "UTC".to_owned(),
        run_id: "{date}".to_owned(),
        inputs: Vec::new(),
        triggers: Vec::new(),
        tasks,
    };
    let (plan_id, version_id): (i64, i64) = sqlx::query_as(
        "WITH p AS (INSERT INTO plans (name, current_version, source) VALUES ($1, 1, 'api') RETURNING id)
         INSERT INTO plan_versions (plan_id, version, content_hash, source_text, definition, created_by)
         SELECT id, 1, '', '', $2, 'bench' FROM p RETURNING plan_id, id",
    )
    .bind(name)
    .bind(serde_json::to_value(&plan)?)
    .fetch_one(&engine.pool)
    .await?;
    let mut taken = Vec::new();
    for _ in 0..ROUNDS {
        let from = Instant::now();
        let mut transaction = engine.pool.begin().await?;
        let (run, _) = materialise(
            engine,
            &mut transaction,
            &NewRun {
                plan_id: PlanId(plan_id),
                plan_version_id: PlanVersionId(version_id),
                plan: &plan,
                trigger: None,
                due_at: engine.clock.now(),
                started_by: "bench",
                requester: None,
                inputs: serde_json::json!({}),
                waits_for: None,
            },
        )
        .await?;
        transaction.commit().await?;
        engine.hint_ready();
        loop {
            let done: bool =
                sqlx::query_scalar("SELECT finished_at IS NOT NULL FROM runs WHERE id = $1")
                    .bind(run.0)
                    .fetch_one(&engine.pool)
                    .await?;
            if done {
                break;
            }
            // Asking more often would take a noticeable part of a core.
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
        taken.push(from.elapsed());
    }
    Ok(median(&mut taken))
}

/// Spawn `true`, with one durable commit before it and one after.
async fn plain_chain(pool: &PgPool, starter: &Starter) -> Result<Duration> {
    let mut taken = Vec::new();
    for _ in 0..ROUNDS {
        claiming::fill(pool, i64::try_from(STEPS)?).await?;
        let from = Instant::now();
        for _ in 0..STEPS {
            step(pool, starter).await?;
        }
        taken.push(from.elapsed());
    }
    Ok(median(&mut taken))
}

async fn plain_wide(pool: &PgPool, starter: &Starter) -> Result<Duration> {
    let mut taken = Vec::new();
    for _ in 0..ROUNDS {
        claiming::fill(pool, i64::try_from(STEPS)?).await?;
        let from = Instant::now();
        let lanes = (0..8).map(|_| {
            let (pool, starter) = (pool.clone(), starter.clone());
            tokio::spawn(async move {
                for _ in 0..STEPS / 8 {
                    step(&pool, &starter).await?;
                }
                anyhow::Ok(())
            })
        });
        for lane in futures::future::join_all(lanes).await {
            lane??;
        }
        taken.push(from.elapsed());
    }
    Ok(median(&mut taken))
}

async fn step(pool: &PgPool, starter: &Starter) -> Result<()> {
    let ids = claiming::claim(pool, 1).await?;
    starter.run().await?;
    sqlx::query("UPDATE plain SET state = 'done' WHERE id = $1 AND state = 'running'")
        .bind(ids.first().context("a row was ready")?)
        .execute(pool)
        .await?;
    Ok(())
}
