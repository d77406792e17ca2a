//! The result that a request shows: outputs, files, and the texts of its patches.

use model::id::{AttemptNumber, TaskId};
use model::view::{ArtifactRow, DiffExtent, InvisibleCharacters, PatchText};
use model::visible::{FileText, count_in_json};
use serde_json::Value;

use super::artifact::beginning;
use super::task::artifacts;
use crate::approvals::{Patches, invisible_in_attempt, is_patch};
use crate::{Engine, Result};

/// How much text of a result's patches is shown in all. What is left out is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    bytes: usize,
    lines: usize,
}

impl Room {
    /// For patches that steps left.
    pub const OF_A_RESULT: Self = Self {
        bytes: 1024 * 1024,
        lines: 20_000,
    };
    /// For the difference of a plan, which has a bound of its own.
    pub const WHOLE: Self = Self {
        bytes: usize::MAX,
        lines: usize::MAX,
    };

    const NONE: Self = Self { bytes: 0, lines: 0 };

    /// Takes from the room what a file needs whose beginning this is. Returns how many of its
    /// bytes have a place: all, or whole lines, or the beginning of a line that is longer than
    /// the room.
    ///
    /// Behind a gap there is no room for anything: it would pass for what follows.
    fn take(&mut self, content: &[u8], whole: bool) -> usize {
        if self.lines == 0 || self.bytes == 0 {
            return 0;
        }
        let fits = &content[..content.len().min(self.bytes)];
        let mut ends = fits.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let end = match ends.nth(self.lines - 1) {
            Some((last, _)) => last + 1,
            None if whole && fits.len() == content.len() => fits.len(),
            None => match fits.iter().rposition(|byte| *byte == b'\n') {
                Some(last) => last + 1,
                None => FileText::whole_part(fits).len(),
            },
        };
        if whole && end == content.len() {
            let lines = memchr::memchr_iter(b'\n', content).count();
            self.bytes -= end;
            // A file takes a line, whatever is in it.
            self.lines -= lines.clamp(1, self.lines);
        } else {
            *self = Self::NONE;
        }
        end
    }
}

/// What stands there of a result.
#[derive(Default)]
pub(super) struct Shown {
    pub outputs: Option<Value>,
    pub outputs_uri: Option<String>,
    pub log_excerpt: Option<String>,
    pub artifacts: Vec<ArtifactRow>,
    pub patches: Vec<PatchText>,
    pub extent: Option<DiffExtent>,
    pub invisible: InvisibleCharacters,
}

impl Shown {
    /// What an outside orchestrator reported, as it was then.
    pub fn reported(signed: &Value) -> Self {
        let text = |name: &str| signed[name].as_str().map(str::to_owned);
        // The excerpt is counted among what stands beside the result.
        let counted = signed.as_object().into_iter().flatten();
        let found = counted
            .filter(|(name, _)| *name != "log_excerpt")
            .map(|(_, value)| count_in_json(value))
            .sum();
        Self {
            outputs_uri: text("outputs_uri"),
            log_excerpt: text("log_excerpt"),
            invisible: InvisibleCharacters {
                found,
                unsearched: false,
            },
            ..Self::default()
        }
    }

    /// The attempt's own result where there is one.
    pub async fn read(
        engine: &Engine,
        task: TaskId,
        attempt: AttemptNumber,
        room: Room,
    ) -> Result<Self> {
        let row = sqlx::query!(
            r#"SELECT CASE WHEN a.number IS NULL OR t.attempt = a.number THEN t.outputs ELSE a.report -> 'outputs' END
                    AS outputs,
                CASE WHEN a.number IS NULL OR t.attempt = a.number THEN t.outputs_uri ELSE a.outputs_uri END AS outputs_uri,
                CASE WHEN a.number IS NULL OR t.attempt = a.number THEN t.log_excerpt END AS log_excerpt
               FROM tasks t LEFT JOIN attempts a ON a.task_id = t.id AND a.number = $2 WHERE t.id = $1"#,
            task.0,
            attempt.0
        )
        .fetch_optional(&engine.readers)
        .await?;
        let mut shown = row.map_or_else(Self::default, |row| Self {
            outputs: row.outputs,
            outputs_uri: row.outputs_uri,
            log_excerpt: row.log_excerpt,
            ..Self::default()
        });
        shown.artifacts = artifacts(engine, task, Some(attempt)).await?;
        let mut connection = engine.readers.acquire().await?;
        shown.invisible = invisible_in_attempt(
            &mut connection,
            task,
            attempt,
            shown.outputs.as_ref(),
            shown.outputs_uri.as_deref(),
        )
        .await?;
        if shown.artifacts.iter().any(|file| is_patch(&file.path)) {
            let patches = Patches::read(&mut connection, task, attempt).await?;
            shown.extent = patches.touched.map(|touched| DiffExtent {
                files: u32::try_from(touched.paths.len()).unwrap_or(u32::MAX),
                added: touched.added,
                removed: touched.removed,
            });
        }
        drop(connection);
        shown.patches = patches(engine, &shown.artifacts, room).await?;
        Ok(shown)
    }
}

/// The texts of all that are patches, as far as there is room.
async fn patches(
    engine: &Engine,
    artifacts: &[ArtifactRow],
    mut room: Room,
) -> Result<Vec<PatchText>> {
    let mut patches = Vec::new();
    for file in artifacts.iter().filter(|file| is_patch(&file.path)) {
        let content = if room.bytes == 0 {
            Vec::new()
        } else {
            beginning(engine, file.id, room.bytes).await?
        };
        let bytes = usize::try_from(file.bytes).unwrap_or(usize::MAX);
        let end = room.take(&content, content.len() >= bytes);
        patches.push(PatchText {
            artifact: file.id,
            path: file.path.clone(),
            text: FileText::of(&content[..end]),
            left_out: u64::try_from(bytes.saturating_sub(end)).unwrap_or(u64::MAX),
        });
    }
    Ok(patches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_cut_at_the_end_of_a_line_and_none_follows_a_gap() {
        let room = |bytes, lines| Room { bytes, lines };
        let take = |mut room: Room, content: &[u8], whole| {
            let end = room.take(content, whole);
            (end, room.bytes, room.lines)
        };
        assert_eq!(take(room(9, 9), b"a\nb\n", true), (4, 5, 7));
        assert_eq!(take(room(9, 2), b"a\nb\n", true), (4, 5, 0));
        assert_eq!(take(room(9, 1), b"a\nb\n", true), (2, 0, 0));
        assert_eq!(take(room(3, 9), b"a\nb\n", true), (2, 0, 0));
        assert_eq!(take(room(4, 9), b"a\nb\n", false), (4, 0, 0));
        assert_eq!(take(room(2, 9), "ab\u{e9}".as_bytes(), true), (2, 0, 0));
        assert_eq!(take(room(3, 9), "ab\u{e9}".as_bytes(), true), (2, 0, 0));
        assert_eq!(take(room(9, 9), b"", true), (0, 9, 8));
        assert_eq!(take(Room::NONE, b"a", true), (0, 0, 0));
        assert_eq!(take(Room::WHOLE, b"a\n", true).0, 2);
    }
}
