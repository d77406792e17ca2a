//! The history page's query and the CSV, at ten thousand rows and at many.

use std::time::{Duration, Instant};

use anyhow::Result;
use engine::history;
use model::identity::Principal;
use model::reported::Status;
use model::view::TaskFilter;
use sqlx::{AssertSqlSafe, PgPool};

use crate::database::Database;
use crate::report::{Report, median};

const ROUNDS: usize = 200;
const PAGE: u32 = 50;

pub async fn measure(report: &mut Report, many: i64) -> Result<()> {
    let database = Database::fresh("history").await?;
    let engine = database.engine(4).await?;
    let reader = Principal::system("bench");
    let mut have = 0;
    for rows in [10_000, many] {
        fill(&engine.pool, have, rows).await?;
        have = rows;
        let plain = plain(&engine.pool).await?;
        for (name, filter) in filters() {
            let mut taken = Vec::with_capacity(ROUNDS);
            let mut before = None;
            for _ in 0..ROUNDS {
                let from = Instant::now();
                let page = history::tasks(&engine, &reader, &filter, before, PAGE).await?;
                taken.push(from.elapsed());
                before = page.next;
            }
            report.duration(
                &format!("history page of 50, {rows} rows, {name}"),
                median(&mut taken),
                Some(plain),
            );
        }
    }
    Ok(())
}

fn filters() -> Vec<(&'static str, TaskFilter)> {
    let failed = vec![Status::Failed];
    vec![
        ("no filter", TaskFilter::default()),
        (
            "failed",
            TaskFilter {
                statuses: failed.clone(),
                ..TaskFilter::default()
            },
        ),
        (
            "one task, failed",
            TaskFilter {
                statuses: failed,
                tasks: vec!["seo.validate".to_owned()],
                ..TaskFilter::default()
            },
        ),
    ]
}

/// The same columns of the same rows by the index alone, without decoding them into anything.
async fn plain(pool: &PgPool) -> Result<Duration> {
    let mut taken = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let from = Instant::now();
        let rows = sqlx::query(
            "SELECT t.id, t.name, r.run_id, t.state, t.started_at, t.finished_at, t.duration_ms, t.inputs,
                    t.outputs_uri, t.log_excerpt
             FROM tasks t LEFT JOIN runs r ON r.id = t.run ORDER BY t.sort_at DESC, t.id DESC LIMIT 51",
        )
        .fetch_all(pool)
        .await?;
        anyhow::ensure!(rows.len() == 51, "a full page");
        taken.push(from.elapsed());
    }
    Ok(median(&mut taken))
}

/// Adds finished tasks in runs of ten, up to `rows`, over the last 300 days: what is older
/// than the retention would be deleted while it is measured.
pub async fn fill(pool: &PgPool, have: i64, rows: i64) -> Result<()> {
    let statement = format!(
        "INSERT INTO runs (run_id, started_by, created_at, finished_at)
         SELECT 'nightly-' || n, 'bench', now() - (n + 1) * interval '300 days' / ({rows} / 10), now()
         FROM generate_series({have} / 10, {rows} / 10 - 1) n;
         INSERT INTO tasks (run, name, origin, state, started_at, finished_at, duration_ms, sort_at, outputs_uri,
                            log_excerpt, inputs)
         SELECT r.id, (ARRAY['seo.validate', 'code.review', 'dx.integrate', 'publish'])[1 + k % 4], 'reported',
                CASE WHEN (r.id * 10 + k) % 97 = 0 THEN 'failed' ELSE 'succeeded' END,
                r.created_at + k * interval '1 minute', r.created_at + k * interval '1 minute 20 seconds', 20000,
                r.created_at + k * interval '1 minute', 'https://example.org/artifacts/' || r.id,
                repeat('a line of the log' || chr(10), 10), '{{\"flags\": [\"--strict\"]}}'
         FROM runs r, generate_series(0, 9) k
         WHERE NOT EXISTS (SELECT FROM tasks t WHERE t.run = r.id)"
    );
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(pool)
        .await?;
    // As pgbench does after filling: else what is measured shares the machine with
    // autovacuum and with a checkpoint of all these rows.
    for settle in ["VACUUM ANALYZE", "CHECKPOINT"] {
        sqlx::raw_sql(settle).execute(pool).await?;
    }
    Ok(())
}
