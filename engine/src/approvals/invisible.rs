//! What of a result no eye sees, counted over all that is signed.

use model::id::{AttemptNumber, TaskId};
use model::view::InvisibleCharacters;
use model::visible::{FileText, count, count_in_json};
use serde_json::Value;
use sqlx::PgConnection;

use crate::Result;

/// How much of an attempt's files is searched.
pub(super) const SEARCHED_BYTES: i64 = 8 * 1024 * 1024;

/// Counts those of a native attempt's result: outputs, link, and files with their paths.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn invisible_in_attempt(
    connection: &mut PgConnection,
    task: TaskId,
    attempt: AttemptNumber,
    outputs: Option<&Value>,
    outputs_uri: Option<&str>,
) -> Result<InvisibleCharacters> {
    let mut all = InvisibleCharacters {
        found: outputs.map_or(0, count_in_json) + outputs_uri.map_or(0, count),
        unsearched: false,
    };
    all.unsearched = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM unkept_files WHERE task_id = $1 AND attempt = $2) AS "unkept!""#,
        task.0,
        attempt.0
    )
    .fetch_one(&mut *connection)
    .await?;
    let files = sqlx::query!(
        "SELECT id, path, bytes FROM artifacts WHERE task_id = $1 AND attempt = $2 ORDER BY id",
        task.0,
        attempt.0
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut room = SEARCHED_BYTES;
    let (mut searched, mut patches) = (Vec::new(), Vec::new());
    for file in files {
        all.found += count(&file.path);
        if file.bytes > room {
            all.unsearched = true;
            continue;
        }
        room -= file.bytes;
        if is_patch(&file.path) {
            patches.push(file.id);
        }
        searched.push(file.id);
    }
    if searched.is_empty() {
        return Ok(all);
    }
    let contents = sqlx::query!(
            r#"SELECT artifact_id, string_agg(content, ''::bytea ORDER BY seq) AS "content!" FROM artifact_chunks
               WHERE artifact_id = ANY($1) GROUP BY artifact_id"#,
            &searched
        )
        .fetch_all(connection)
        .await?;
    // Megabytes are no work for a thread that others wait for.
    tokio::task::spawn_blocking(move || {
        for file in contents {
            // A patch is shown as text, whatever is in it.
            if file.content.contains(&0) && !patches.contains(&file.artifact_id) {
                all.unsearched = true;
            } else {
                all.found += FileText::count_in(&file.content);
            }
        }
        all
    })
    .await
    .map_err(|error| anyhow::Error::new(error).into())
}

/// Whether a file is shown as a patch.
pub(crate) fn is_patch(path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|it| it.eq_ignore_ascii_case("diff") || it.eq_ignore_ascii_case("patch"))
}
