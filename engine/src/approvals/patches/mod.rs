//! What the patches that an attempt left touch: read strictly, since gates rule by it.

mod diff;

use model::id::{AttemptNumber, TaskId};
use sqlx::PgConnection;

pub(crate) use self::diff::Touched;
use crate::Result;

/// How much of an attempt's patches is read; what a larger one touches is not known.
pub(super) const PATCH_BYTES: i64 = 8 * 1024 * 1024;

/// All of an attempt's files that end in `.diff` or `.patch`.
#[derive(Debug, Default)]
pub(crate) struct Patches {
    /// None where there are none: what was not told is not taken for nothing. Nor is
    /// anything known of patches that are too large, or not understood, nor where files were
    /// left that are not kept, since one of them may be a patch.
    pub touched: Option<Touched>,
}

impl Patches {
    /// Reads those of an attempt.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn read(
        connection: &mut PgConnection,
        task: TaskId,
        attempt: AttemptNumber,
    ) -> Result<Self> {
        let kept = sqlx::query!(
            r#"SELECT count(*) AS "files!", coalesce(sum(bytes), 0)::bigint AS "bytes!",
                      EXISTS (SELECT FROM unkept_files WHERE task_id = $1 AND attempt = $2) AS "unkept!"
               FROM artifacts WHERE task_id = $1 AND attempt = $2 AND path ~* '\.(diff|patch)$'"#,
            task.0,
            attempt.0
        )
        .fetch_one(&mut *connection)
        .await?;
        let unknown = Self { touched: None };
        if kept.files == 0 || kept.unkept || kept.bytes > PATCH_BYTES {
            return Ok(unknown);
        }
        let contents = sqlx::query_scalar!(
            r#"SELECT string_agg(c.content, ''::bytea ORDER BY c.seq) AS "content!"
               FROM artifacts a JOIN artifact_chunks c ON c.artifact_id = a.id
               WHERE a.task_id = $1 AND a.attempt = $2 AND a.path ~* '\.(diff|patch)$'
               GROUP BY a.id ORDER BY a.id"#,
            task.0,
            attempt.0
        )
        .fetch_all(connection)
        .await?;
        let mut touched = Touched::default();
        for content in contents {
            if touched.add(&content).is_err() {
                return Ok(unknown);
            }
        }
        Ok(Self {
            touched: Some(touched),
        })
    }
}
