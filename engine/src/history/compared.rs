//! How what is to be signed differs from what was signed, or asked about, before.

use std::time::Duration;

use chrono::{DateTime, Utc};
use model::id::ApprovalId;
use model::view::{ApprovalRow, Change, Comparison};
use model::visible::FileText;
use serde_json::Value;
use similar::TextDiff;

use crate::{Engine, Result};

/// Larger files are told apart by their hashes alone.
const LARGEST_FILE: i64 = 256 * 1024;
/// How long all texts of a comparison may take together.
const PATIENCE: Duration = Duration::from_millis(200);
/// Lines of context around a change, as `diff -u` has them.
const CONTEXT: usize = 3;

/// The two times that a request is compared with.
#[derive(Default)]
pub(super) struct Compared {
    /// The newest approved one of the same task of the same plan.
    pub since_approved: Option<Comparison>,
    /// The one about the same task that this one took the place of.
    pub since_asked: Option<Comparison>,
}

struct Earlier {
    id: i64,
    task_id: i64,
    attempt: i32,
    run_id: Option<String>,
    at: Option<DateTime<Utc>>,
    by: Option<String>,
    result: Value,
}

impl Compared {
    pub async fn of(engine: &Engine, row: &ApprovalRow, result: Option<&Value>) -> Result<Self> {
        let Some(result) = result else {
            return Ok(Self::default());
        };
        let approved = sqlx::query_as!(
            Earlier,
            r#"SELECT a.id, a.task_id, a.attempt, a.run_id, a.decided_at AS at, a.result AS "result!",
                   (SELECT d.decided_by FROM decisions d WHERE d.approval_id = a.id ORDER BY d.id DESC LIMIT 1) AS by
               FROM approvals a
               WHERE a.state = 'approved' AND a.id < $1 AND a.task_name = $2
                 AND coalesce(a.plan_name, '') = coalesce($3, '') AND a.phase IS NOT DISTINCT FROM $4 AND a.result IS NOT NULL
               ORDER BY a.id DESC LIMIT 1"#,
            row.id.0,
            row.task,
            row.plan,
            row.phase.map(model::task::GatePhase::as_str),
        )
        .fetch_optional(&engine.readers)
        .await?;
        let asked = sqlx::query_as!(
            Earlier,
            r#"SELECT a.id, a.task_id, a.attempt, a.run_id, a.decided_at AS at, a.result AS "result!",
                   (SELECT d.decided_by FROM decisions d WHERE d.approval_id = a.id ORDER BY d.id DESC LIMIT 1) AS by
               FROM approvals a
               WHERE a.task_id = $2 AND a.id < $1 AND a.phase IS NOT DISTINCT FROM $3 AND a.result IS NOT NULL
               ORDER BY a.id DESC LIMIT 1"#,
            row.id.0,
            row.task_id.0,
            row.phase.map(model::task::GatePhase::as_str),
        )
        .fetch_optional(&engine.readers)
        .await?;
        let mut compared = Self::default();
        for (place, earlier) in [
            (&mut compared.since_approved, approved),
            (&mut compared.since_asked, asked),
        ] {
            if let Some(earlier) = earlier {
                *place = Some(earlier.compared(engine, row, result).await?);
            }
        }
        Ok(compared)
    }
}

impl Earlier {
    async fn compared(
        self,
        engine: &Engine,
        now: &ApprovalRow,
        result: &Value,
    ) -> Result<Comparison> {
        let changes = Comparison::changes(&self.result, result);
        let files = changed_files(
            engine,
            (self.task_id, self.attempt),
            (now.task_id.0, now.attempt.0),
        )
        .await?;
        // No connection is held meanwhile, and no thread of the runtime.
        let changes = tokio::task::spawn_blocking(move || with_lines(changes, &files))
            .await
            .map_err(anyhow::Error::new)?;
        Ok(Comparison {
            changes,
            with: ApprovalId(self.id),
            run_id: self.run_id,
            at: self.at,
            by: self.by,
        })
    }
}

/// The changes, with the lines of those that are texts.
fn with_lines(mut changes: Vec<Change>, files: &[ChangedFile]) -> Vec<Change> {
    let texts = u32::try_from(changes.len()).unwrap_or(u32::MAX).max(1);
    let patience = PATIENCE / texts;
    for change in &mut changes {
        change.lines = match change.field.strip_prefix("artifacts.") {
            Some(path) => files
                .iter()
                .find(|file| file.path == path)
                .and_then(|file| by_line(&text(&file.before)?, &text(&file.after)?, patience)),
            None => whole_lines(change, patience),
        };
    }
    changes
}

/// A file that both attempts left, with another content.
struct ChangedFile {
    path: String,
    before: Vec<u8>,
    after: Vec<u8>,
}

async fn changed_files(
    engine: &Engine,
    (earlier_task, earlier_attempt): (i64, i32),
    (task, attempt): (i64, i32),
) -> Result<Vec<ChangedFile>> {
    Ok(sqlx::query_as!(
        ChangedFile,
        r#"SELECT n.path,
               (SELECT string_agg(c.content, '' ORDER BY c.seq) FROM artifact_chunks c WHERE c.artifact_id = o.id)
                   AS "before!",
               (SELECT string_agg(c.content, '' ORDER BY c.seq) FROM artifact_chunks c WHERE c.artifact_id = n.id)
                   AS "after!"
           FROM artifacts o JOIN artifacts n ON n.path = o.path
           WHERE o.task_id = $1 AND o.attempt = $2 AND n.task_id = $3 AND n.attempt = $4 AND o.sha256 <> n.sha256
             AND o.bytes BETWEEN 1 AND $5 AND n.bytes BETWEEN 1 AND $5
           ORDER BY n.path LIMIT 20"#,
        earlier_task,
        earlier_attempt,
        task,
        attempt,
        LARGEST_FILE,
    )
    .fetch_all(&engine.readers)
    .await?)
}

/// The content as text; none for what is no text.
fn text(content: &[u8]) -> Option<FileText> {
    (!content.contains(&0)).then(|| FileText::of(content))
}

fn whole_lines(change: &Change, patience: Duration) -> Option<FileText> {
    let (before, after) = (change.before.as_ref()?, change.after.as_ref()?);
    (before.contains('\n') && after.contains('\n'))
        .then(|| {
            let text = |side: &str| FileText::of(side.as_bytes());
            by_line(&text(before), &text(after), patience)
        })
        .flatten()
}

/// None where no line differs. Past its patience it is coarser, and as right.
fn by_line(before: &FileText, after: &FileText, patience: Duration) -> Option<FileText> {
    let diff = TextDiff::configure()
        .timeout(patience)
        .diff_lines(before.as_str(), after.as_str());
    let text = diff.unified_diff().context_radius(CONTEXT).to_string();
    (!text.is_empty()).then(|| FileText::from_lines(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_compared_by_line_and_the_rest_is_not() {
        let lines = compare(b"a\nb\nc\n", b"a\nB\nc\n").expect("a line differs");
        assert!(lines.contains("@@ -1,3 +1,3 @@"), "{lines}");
        assert!(lines.contains("\n-b\n+B\n"), "{lines}");
        assert_eq!(compare(b"same\n", b"same\n"), None);
        assert_eq!(text(b"a\0b"), None);
    }

    #[test]
    fn what_nobody_sees_differs_as_well() {
        let before = b"user = admin\nlast\r\n";
        let after = "user = admin\u{202e}\rrm -rf\nlast\n";
        let lines = compare(before, after.as_bytes()).expect("both lines differ");
        assert!(
            lines.ends_with("-user = admin\n-last⟨CR⟩\n+user = admin⟨U+202E⟩⟨CR⟩rm -rf\n+last\n"),
            "{lines}"
        );
        let lines = compare(b"caf\xe9\n", b"caf\xe8\n").expect("a byte differs");
        assert!(lines.ends_with("-caf⟨0xE9⟩\n+caf⟨0xE8⟩\n"), "{lines}");
    }

    fn compare(before: &[u8], after: &[u8]) -> Option<String> {
        by_line(&text(before)?, &text(after)?, PATIENCE).map(|lines| lines.shown())
    }
}
