use futures::stream;
use model::id::{ArtifactId, AttemptNumber, TaskId};
use model::identity::{Permission, Principal};
use model::view::ArtifactRow;
use sqlx::PgPool;

use super::ByteStream;
use crate::tasks::records::hexadecimal;
use crate::{Engine, Error, Result, authorise};

/// How many chunks of a file are in memory at once.
const BATCH: i64 = 8;

/// A file that a step left, ready to be sent.
pub struct Artifact {
    pub row: ArtifactRow,
    pub content: ByteStream,
}

/// A file of a task: the task's id is part of the look-up, so that no id alone opens another's file.
///
/// # Errors
/// [`Error::NotFound`] where that task has no such file.
pub async fn artifact(
    engine: &Engine,
    principal: &Principal,
    task: TaskId,
    id: ArtifactId,
) -> Result<Artifact> {
    authorise(principal, Permission::Read)?;
    let row = sqlx::query!(
        "SELECT id, attempt, path, bytes, sha256 FROM artifacts WHERE id = $1 AND task_id = $2",
        id.0,
        task.0
    )
    .fetch_optional(&engine.pool)
    .await?
    .ok_or_else(|| Error::NotFound(format!("task {task} has no artifact {id}")))?;
    Ok(Artifact {
        row: ArtifactRow {
            id: ArtifactId(row.id),
            attempt: AttemptNumber(row.attempt),
            path: row.path,
            bytes: row.bytes,
            sha256: hexadecimal(&row.sha256),
        },
        content: content(engine.pool.clone(), id),
    })
}

fn content(pool: PgPool, id: ArtifactId) -> ByteStream {
    Box::pin(stream::try_unfold(
        (pool, -1_i32),
        move |(pool, after)| async move {
            let chunks = sqlx::query!(
                "SELECT seq, content FROM artifact_chunks WHERE artifact_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
                id.0,
                after,
                BATCH
            )
            .fetch_all(&pool)
            .await?;
            let Some(last) = chunks.last().map(|chunk| chunk.seq) else {
                return Ok(None);
            };
            let bytes = chunks.into_iter().flat_map(|chunk| chunk.content).collect();
            Ok(Some((bytes, (pool, last))))
        },
    ))
}

/// The beginning of a file: at most so many bytes of it.
pub(super) async fn beginning(engine: &Engine, id: ArtifactId, most: usize) -> Result<Vec<u8>> {
    use futures::TryStreamExt as _;

    let mut stream = content(engine.pool.clone(), id);
    let mut bytes = Vec::new();
    while bytes.len() < most {
        match stream.try_next().await? {
            Some(more) => bytes.extend(more),
            None => break,
        }
    }
    bytes.truncate(most);
    Ok(bytes)
}
