//! The plainest durable queue: one table, batched updates, nothing kept beside it.

use anyhow::Result;
use sqlx::PgPool;

/// Makes the plain table.
pub async fn prepare(pool: &PgPool) -> Result<()> {
    sqlx::raw_sql(
        "CREATE TABLE plain (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, state text NOT NULL);
         CREATE INDEX plain_ready ON plain (id) WHERE state = 'queued'",
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Adds ready rows.
pub async fn fill(pool: &PgPool, count: i64) -> Result<()> {
    sqlx::query("INSERT INTO plain (state) SELECT 'queued' FROM generate_series(1, $1)")
        .bind(count)
        .execute(pool)
        .await?;
    Ok(())
}

/// Claims up to `limit` rows, commits, finishes them; returns how many.
pub async fn claim_and_finish(pool: &PgPool, limit: i64) -> Result<usize> {
    let ids = claim(pool, limit).await?;
    sqlx::query("UPDATE plain SET state = 'done' WHERE id = ANY($1) AND state = 'running'")
        .bind(&ids)
        .execute(pool)
        .await?;
    Ok(ids.len())
}

/// Claims up to `limit` rows in a transaction of their own.
pub async fn claim(pool: &PgPool, limit: i64) -> Result<Vec<i64>> {
    Ok(sqlx::query_scalar(
        "UPDATE plain SET state = 'running' WHERE id = ANY(ARRAY(
             SELECT id FROM plain WHERE state = 'queued' ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED))
         RETURNING id",
    )
    .bind(limit)
    .fetch_all(pool)
    .await?)
}
