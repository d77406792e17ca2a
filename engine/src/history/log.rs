use futures::stream;
use model::id::{AttemptNumber, TaskId};
use model::identity::{Permission, Principal};
use model::view::LogSlice;

use super::{ByteStream, plain_text};
use crate::{Engine, Error, Result, authorise};

/// How many chunks one query reads.
const BATCH: i64 = 16;

/// The largest slice that is given at once.
const LARGEST_SLICE: usize = 1024 * 1024;

/// A part of an attempt's output as text, from after `after_seq` on (-1 is the beginning).
///
/// A character or control sequence that the slice would split is given with the next one.
///
/// # Errors
/// [`Error::NotFound`] where there is no such attempt.
pub async fn log(
    engine: &Engine,
    principal: &Principal,
    task: TaskId,
    attempt: AttemptNumber,
    after_seq: i64,
    max_bytes: usize,
) -> Result<LogSlice> {
    authorise(principal, Permission::Read)?;
    // Whether it has finished is read first: what was written before that is then all there is.
    let end = end(engine, task, attempt).await?;
    let max_bytes = max_bytes.clamp(1, LARGEST_SLICE);

    let mut bytes = held_back(engine, task, attempt, after_seq).await?;
    // What was held back does not count, or it alone could fill the slice and nothing would go on.
    let enough = bytes.len() + max_bytes;
    let mut next_seq = after_seq;
    let mut more = true;
    while more && bytes.len() < enough {
        let chunks = chunks(engine, task, attempt, next_seq).await?;
        more = !chunks.is_empty();
        for (seq, content) in chunks {
            if bytes.len() >= enough {
                more = true;
                break;
            }
            bytes.extend(content);
            next_seq = seq;
        }
    }
    let complete = end.finished && !more;
    if !complete {
        let keep = bytes.len() - plain_text::unfinished(&bytes);
        bytes.truncate(keep);
    }
    Ok(LogSlice {
        text: plain_text::whole(&bytes),
        next_seq,
        complete,
        omitted_bytes: end.omitted_bytes,
    })
}

/// An attempt's output as it was kept, byte for byte.
///
/// # Errors
/// [`Error::NotFound`] where there is no such attempt.
pub async fn raw_log(
    engine: &Engine,
    principal: &Principal,
    task: TaskId,
    attempt: AttemptNumber,
) -> Result<ByteStream> {
    authorise(principal, Permission::Read)?;
    end(engine, task, attempt).await?;
    Ok(Box::pin(stream::try_unfold(
        (engine.clone(), -1_i64),
        move |(engine, after)| async move {
            let chunks = chunks(&engine, task, attempt, after).await?;
            let Some(last) = chunks.last().map(|(seq, _)| *seq) else {
                return Ok(None);
            };
            let bytes = chunks
                .into_iter()
                .flat_map(|(_, content)| content)
                .collect();
            Ok(Some((bytes, (engine, last))))
        },
    )))
}

struct End {
    finished: bool,
    omitted_bytes: i64,
}

async fn end(engine: &Engine, task: TaskId, attempt: AttemptNumber) -> Result<End> {
    let row = sqlx::query!(
        r#"SELECT finished_at IS NOT NULL AS "finished!", omitted_bytes AS "omitted_bytes!"
           FROM attempts_and_open WHERE task_id = $1 AND number = $2"#,
        task.0,
        attempt.0
    )
    .fetch_optional(&engine.pool)
    .await?
    .ok_or_else(|| Error::NotFound(format!("task {task} has no attempt {attempt}")))?;
    Ok(End {
        finished: row.finished,
        omitted_bytes: row.omitted_bytes,
    })
}

/// What the slice before this one kept back of its last chunk.
async fn held_back(
    engine: &Engine,
    task: TaskId,
    attempt: AttemptNumber,
    seq: i64,
) -> Result<Vec<u8>> {
    let mut chunks = sqlx::query_scalar!(
        "SELECT content FROM log_chunks WHERE task_id = $1 AND attempt = $2 AND seq <= $3 ORDER BY seq DESC LIMIT 2",
        task.0,
        attempt.0,
        seq
    )
    .fetch_all(&engine.pool)
    .await?;
    chunks.reverse();
    let before = chunks.concat();
    let from = before.len() - plain_text::unfinished(&before);
    Ok(before[from..].to_vec())
}

async fn chunks(
    engine: &Engine,
    task: TaskId,
    attempt: AttemptNumber,
    after: i64,
) -> Result<Vec<(i64, Vec<u8>)>> {
    let rows = sqlx::query!(
        "SELECT seq, content FROM log_chunks WHERE task_id = $1 AND attempt = $2 AND seq > $3 ORDER BY seq LIMIT $4",
        task.0,
        attempt.0,
        after,
        BATCH
    )
    .fetch_all(&engine.pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.seq, row.content)).collect())
}
