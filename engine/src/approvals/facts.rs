//! What a gate's conditions may know of a result.

use std::collections::HashSet;

use model::id::{AttemptNumber, TaskId};
use model::plan::Gate;
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::Result;
use crate::plans::condition::{ConditionContext, GateContext};
use crate::tasks::AttemptResult;

/// How much of an attempt's patches is read; a larger one has an unknown size, and so stops.
const PATCH_BYTES: i64 = 8 * 1024 * 1024;
/// More files than this are not told one by one, and so stop.
const MOST_PATHS: usize = 10_000;

/// The context of a gate after a result. What no condition names is not looked up.
pub(crate) async fn after_result(
    connection: &mut PgConnection,
    condition: ConditionContext,
    gate: &Gate,
    task: TaskId,
    attempt: AttemptNumber,
    result: &AttemptResult,
) -> Result<GateContext> {
    let telemetry = |name: &str| {
        let report = result.report.as_ref()?;
        let found = report.get("telemetry").and_then(|it| it.get(name));
        found.or_else(|| report.get(name)).cloned()
    };
    let patches = if names(gate, "changed_paths") || names(gate, "diff_size") {
        patches(connection, task, attempt).await?
    } else {
        None
    };
    let duration = if names(gate, "duration") {
        duration(connection, task, attempt).await?
    } else {
        None
    };
    Ok(GateContext {
        condition,
        exit_code: result.exit_code,
        outputs: Some(result.outputs.clone().unwrap_or_else(|| json!({}))),
        outputs_uri: Some(result.outputs_uri.clone().unwrap_or_default()),
        tokens: telemetry("tokens").filter(Value::is_number),
        cost: telemetry("cost").filter(Value::is_number),
        diff_size: patches.as_ref().map(|patches| patches.lines),
        changed_paths: patches.map(|patches| patches.paths),
        duration,
    })
}

/// Whether any condition of the gate could look at this variable.
fn names(gate: &Gate, variable: &str) -> bool {
    let rules = gate.risk.iter().filter_map(|rule| rule.when.as_ref());
    gate.when
        .iter()
        .chain(rules)
        .any(|condition| condition.contains(variable))
}

async fn duration(
    connection: &mut PgConnection,
    task: TaskId,
    attempt: AttemptNumber,
) -> Result<Option<f64>> {
    let seconds = sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM coalesce(finished_at, watchbill_now()) - started_at)::float8 AS "seconds!"
           FROM attempts WHERE task_id = $1 AND number = $2"#,
        task.0,
        attempt.0
    )
    .fetch_optional(connection)
    .await?;
    Ok(seconds)
}

/// The patches that the attempt left: all of its files that end in `.diff` or `.patch`.
///
/// None where it left none: what was not told is not taken for nothing. Nor are patches
/// that are too large, or not understood.
async fn patches(
    connection: &mut PgConnection,
    task: TaskId,
    attempt: AttemptNumber,
) -> Result<Option<Patches>> {
    let kept = sqlx::query!(
        r#"SELECT count(*) AS "files!", coalesce(sum(bytes), 0)::bigint AS "bytes!" FROM artifacts
           WHERE task_id = $1 AND attempt = $2 AND path ~* '\.(diff|patch)$'"#,
        task.0,
        attempt.0
    )
    .fetch_one(&mut *connection)
    .await?;
    if kept.files == 0 || kept.bytes > PATCH_BYTES {
        return Ok(None);
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
    let mut patches = Patches::default();
    for content in contents {
        if patches.add(&String::from_utf8_lossy(&content)).is_none() {
            return Ok(None);
        }
    }
    Ok(Some(patches))
}

/// What unified diffs touch.
#[derive(Debug, Default, PartialEq, Eq)]
struct Patches {
    paths: Vec<String>,
    seen: HashSet<String>,
    lines: u64,
}

impl Patches {
    /// Counts one patch; none where it is not understood to its end. An empty one changes
    /// nothing.
    fn add(&mut self, text: &str) -> Option<()> {
        // Lines of a hunk are counted off, so that a removed line `-- a` is no header.
        let (mut old, mut new) = (0_u64, 0_u64);
        let named_before = self.seen.len();
        let mut names_files = false;
        for line in text.lines() {
            if old + new > 0 {
                match line.as_bytes().first() {
                    Some(b'+') => {
                        new = new.checked_sub(1)?;
                        self.lines += 1;
                    }
                    Some(b'-') => {
                        old = old.checked_sub(1)?;
                        self.lines += 1;
                    }
                    Some(b'\\') => {}
                    Some(_) | None => {
                        old = old.checked_sub(1)?;
                        new = new.checked_sub(1)?;
                    }
                }
            } else if let Some(hunk) = line.strip_prefix("@@ ") {
                (old, new) = extent(hunk)?;
            } else if is_uncountable(line) {
                return None;
            } else if let Some(path) = line.strip_prefix("+++ ").or(line.strip_prefix("--- ")) {
                self.path(path)?;
                names_files = true;
            } else if let Some(path) = line
                .strip_prefix("rename from ")
                .or(line.strip_prefix("rename to "))
            {
                self.path(path)?;
                names_files = true;
            } else if let Some(both) = line.strip_prefix("diff --git ") {
                // A file that only changes its mode has no other line.
                if let Some((old, new)) = both.split_once(" b/") {
                    self.path(old)?;
                    self.path(&format!("b/{new}"))?;
                }
                names_files = true;
            }
        }
        let understood = names_files || self.seen.len() > named_before || text.trim().is_empty();
        (old + new == 0 && understood).then_some(())
    }

    /// None where there are too many.
    fn path(&mut self, written: &str) -> Option<()> {
        let path = written.split('\t').next().unwrap_or_default().trim();
        let path = path.trim_matches('"');
        let path = path
            .strip_prefix("a/")
            .or(path.strip_prefix("b/"))
            .unwrap_or(path);
        if path != "/dev/null" && !path.is_empty() && self.seen.insert(path.to_owned()) {
            self.paths.push(path.to_owned());
        }
        (self.paths.len() <= MOST_PATHS).then_some(())
    }
}

/// What a merge, or a file that is no text, changes cannot be told in lines.
fn is_uncountable(line: &str) -> bool {
    ["@@@", "GIT binary patch", "Binary files "]
        .iter()
        .any(|beginning| line.starts_with(beginning))
}

/// `-1,3 +1,4 @@` says three old lines and four new ones.
fn extent(hunk: &str) -> Option<(u64, u64)> {
    let mut sides = hunk.split(' ');
    let count = |side: &str| match side.split_once(',') {
        Some((_, count)) => count.parse().ok(),
        None => Some(1),
    };
    let old = count(sides.next()?.strip_prefix('-')?)?;
    let new = count(sides.next()?.strip_prefix('+')?)?;
    Some((old, new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_says_what_it_touches() {
        let mut patches = Patches::default();
        let read = patches.add(
            "diff --git a/src/a.rs b/src/a.rs\n--- a/src/a.rs\n+++ b/src/a.rs\n@@ -1,2 +1,2 @@\n context\n--- removed, no header\n+added\n\
             diff --git a/old.md b/new.md\nrename from old.md\nrename to new.md\n\
             diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n\
             --- /dev/null\n+++ b/made.txt\t2026-01-01\n@@ -0,0 +1 @@\n+one\n\\ No newline at end of file\n",
        );
        assert_eq!(read, Some(()));
        assert_eq!(
            patches.paths,
            ["src/a.rs", "old.md", "new.md", "run.sh", "made.txt"]
        );
        assert_eq!(patches.lines, 3);
    }

    #[test]
    fn what_is_not_understood_is_not_taken_for_nothing() {
        for text in [
            "+ a list\n- of things\n",
            "@@ nonsense\n",
            "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n one\n-two\n+three\n",
            "--- a/x\n+++ b/x\n@@@ -1,2 -1,2 +1,3 @@@\n  one\n++two\n",
            "diff --git a/x.png b/x.png\nBinary files a/x.png and b/x.png differ\n",
            "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-one\n-two\n+three\n",
        ] {
            assert_eq!(Patches::default().add(text), None, "{text}");
        }
        let many: Vec<String> = (0..=MOST_PATHS).map(|n| format!("+++ b/{n}")).collect();
        assert_eq!(Patches::default().add(&many.join("\n")), None);
        let mut empty = Patches::default();
        assert_eq!(empty.add(""), Some(()));
        assert_eq!(empty, Patches::default());
    }
}
