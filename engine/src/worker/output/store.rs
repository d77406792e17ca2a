//! Where the log goes: chunks of an attempt, written only while its lease is live.

use crate::tasks::LeaseRef;
use crate::{Engine, Result};

/// The largest chunk.
const CHUNK_BYTES: usize = 64 * 1024;

/// Appends `content` to the attempt's log. Returns the number of the next chunk.
///
/// Where an answer was lost the same numbers come again, with at least the same content.
pub async fn append_log(
    engine: &Engine,
    lease: LeaseRef,
    next: i64,
    content: &[u8],
) -> Result<i64> {
    let mut next = next;
    // One statement of at most 1 MiB, whatever there is to store.
    for slice in content.chunks(16 * CHUNK_BYTES) {
        let chunks: Vec<&[u8]> = slice.chunks(CHUNK_BYTES).collect();
        let count = i64::try_from(chunks.len()).unwrap_or(i64::MAX);
        let numbers: Vec<i64> = (next..next + count).collect();
        sqlx::query!(
            r#"
            INSERT INTO log_chunks (task_id, attempt, seq, content)
            SELECT $1, $2, chunk.seq, chunk.content
            FROM unnest($3::bigint[], $4::bytea[]) AS chunk (seq, content)
            WHERE EXISTS (SELECT 1 FROM leases WHERE task_id = $1 AND token = $5)
            ON CONFLICT (task_id, attempt, seq) DO UPDATE SET content = excluded.content
            "#,
            lease.task.0,
            lease.attempt.0,
            &numbers,
            &chunks as &[&[u8]],
            lease.token,
        )
        .execute(&engine.pool)
        .await?;
        next += count;
    }
    Ok(next)
}

/// Tells how much a running attempt has written so far.
pub async fn record_progress(
    engine: &Engine,
    lease: LeaseRef,
    output_bytes: u64,
    omitted_bytes: u64,
) -> Result<()> {
    sqlx::query!(
        "UPDATE leases SET output_bytes = $4, omitted_bytes = $5
         WHERE task_id = $1 AND attempt = $2 AND token = $3",
        lease.task.0,
        lease.attempt.0,
        lease.token,
        i64::try_from(output_bytes).unwrap_or(i64::MAX),
        i64::try_from(omitted_bytes).unwrap_or(i64::MAX),
    )
    .execute(&engine.pool)
    .await?;
    Ok(())
}
