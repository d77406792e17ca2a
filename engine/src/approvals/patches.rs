//! What the patches that an attempt left touch: read strictly, since gates rule by it.

use std::collections::HashSet;

use model::id::{AttemptNumber, TaskId};
use sqlx::PgConnection;

use crate::Result;

/// How much of an attempt's patches is read; what a larger one touches is not known.
pub(super) const PATCH_BYTES: i64 = 8 * 1024 * 1024;
/// More files than this are not told one by one.
const MOST_PATHS: usize = 10_000;

/// All of an attempt's files that end in `.diff` or `.patch`.
#[derive(Debug, Default)]
pub(crate) struct Patches {
    /// How many there are.
    pub files: i64,
    /// None where there are none: what was not told is not taken for nothing. Nor is
    /// anything known of patches that are too large, or not understood.
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
            r#"SELECT count(*) AS "files!", coalesce(sum(bytes), 0)::bigint AS "bytes!" FROM artifacts
               WHERE task_id = $1 AND attempt = $2 AND path ~* '\.(diff|patch)$'"#,
            task.0,
            attempt.0
        )
        .fetch_one(&mut *connection)
        .await?;
        let unknown = Self {
            files: kept.files,
            touched: None,
        };
        if kept.files == 0 || kept.bytes > PATCH_BYTES {
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
            if touched.add(&String::from_utf8_lossy(&content)).is_none() {
                return Ok(unknown);
            }
        }
        Ok(Self {
            touched: Some(touched),
            ..unknown
        })
    }
}

/// What unified diffs touch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    pub paths: Vec<String>,
    /// Lines that were added.
    pub added: u64,
    /// Lines that were removed.
    pub removed: u64,
    seen: HashSet<String>,
}

impl Touched {
    /// Lines that were added or removed.
    pub const fn lines(&self) -> u64 {
        self.added + self.removed
    }

    /// Counts one patch; none where it is not understood to its end. An empty one changes
    /// nothing.
    fn add(&mut self, text: &str) -> Option<()> {
        // Lines of a hunk are counted off, so that a removed line `-- a` is no header.
        let (mut old, mut new) = (0_u64, 0_u64);
        let mut names_files = false;
        // A header that has not said yet which file it is about.
        let mut unnamed = false;
        for line in text.lines() {
            if old + new > 0 {
                match line.as_bytes().first() {
                    Some(b'+') => {
                        new = new.checked_sub(1)?;
                        self.added += 1;
                    }
                    Some(b'-') => {
                        old = old.checked_sub(1)?;
                        self.removed += 1;
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
            } else if let Some(both) = line.strip_prefix("diff --git ") {
                if unnamed {
                    return None;
                }
                names_files = true;
                unnamed = match Header::read(both) {
                    Header::Same(path) => {
                        self.path(path)?;
                        false
                    }
                    Header::Below => true,
                    Header::Unreadable => return None,
                };
            } else if let Some((written, prefix)) = written_path(line) {
                let path = unquoted(written)?;
                self.path(path.strip_prefix(prefix).unwrap_or(&path))?;
                names_files = true;
                unnamed = false;
            }
        }
        let understood = names_files || text.trim().is_empty();
        (old + new == 0 && !unnamed && understood).then_some(())
    }

    /// None where there are too many.
    fn path(&mut self, path: &str) -> Option<()> {
        if path != "/dev/null" && self.seen.insert(path.to_owned()) {
            self.paths.push(path.to_owned());
        }
        (!path.is_empty() && self.paths.len() <= MOST_PATHS).then_some(())
    }
}

/// What `diff --git` says of its file.
enum Header<'a> {
    /// Its path, where both sides are the same: it may be all that is said of an empty file,
    /// or of one that only changes its mode.
    Same(&'a str),
    /// Lines below must say it.
    Below,
    /// The sides do not have git's own prefixes, so that no path can be told.
    Unreadable,
}

impl<'a> Header<'a> {
    fn read(both: &'a str) -> Self {
        let Some(sides) = both.strip_prefix("a/") else {
            return if both.starts_with("\"a/") {
                Self::Below
            } else {
                Self::Unreadable
            };
        };
        // Twice the path, and ` b/` between.
        let half = sides.len().saturating_sub(" b/".len()) / 2;
        match sides.split_at_checked(half) {
            Some((old, rest)) if rest.strip_prefix(" b/") == Some(old) => Self::Same(old),
            Some(_) | None => Self::Below,
        }
    }
}

/// The path in a line above the hunks, as it is written, and the prefix of its side.
fn written_path(line: &str) -> Option<(&str, &str)> {
    [
        ("--- ", "a/"),
        ("+++ ", "b/"),
        ("rename from ", ""),
        ("rename to ", ""),
        ("copy from ", ""),
        ("copy to ", ""),
    ]
    .iter()
    .find_map(|(beginning, prefix)| Some((line.strip_prefix(beginning)?, *prefix)))
}

/// A path as git writes it: between quotation marks, with the escapes of C, where it has
/// letters that are not ASCII's; else up to a tab, behind which other programs write a time.
fn unquoted(written: &str) -> Option<String> {
    let Some(inner) = written.strip_prefix('"') else {
        return written.split('\t').next().map(str::to_owned);
    };
    let mut bytes = Vec::new();
    let mut rest = inner.bytes();
    loop {
        let byte = match rest.next()? {
            b'"' => return String::from_utf8(bytes).ok(),
            b'\\' => match rest.next()? {
                b'a' => 7,
                b'b' => 8,
                b't' => b'\t',
                b'n' => b'\n',
                b'v' => 11,
                b'f' => 12,
                b'r' => b'\r',
                plain @ (b'"' | b'\\') => plain,
                first @ b'0'..=b'3' => {
                    let mut value = first - b'0';
                    for _ in 0..2 {
                        let digit = rest.next().filter(|digit| (b'0'..=b'7').contains(digit))?;
                        value = value * 8 + (digit - b'0');
                    }
                    value
                }
                _ => return None,
            },
            plain => plain,
        };
        bytes.push(byte);
    }
}

/// What a merge, a submodule, or a file that is no text changes cannot be told in lines.
fn is_uncountable(line: &str) -> bool {
    [
        "@@@",
        "diff --cc ",
        "diff --combined ",
        "GIT binary patch",
        "Binary files ",
        "Files ",
        "Only in ",
        "Submodule ",
    ]
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

    fn paths(text: &str) -> Option<Vec<String>> {
        let mut touched = Touched::default();
        touched.add(text).map(|()| touched.paths)
    }

    #[test]
    fn a_patch_says_what_it_touches() {
        let mut touched = Touched::default();
        let read = touched.add(
            "diff --git a/src/a.rs b/src/a.rs\n--- a/src/a.rs\n+++ b/src/a.rs\n@@ -1,2 +1,2 @@\n context\n--- removed, no header\n+added\n\
             diff --git a/old.md b/new.md\nsimilarity index 100%\nrename from old.md\nrename to new.md\n\
             diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n\
             --- /dev/null\n+++ b/made.txt\t2026-01-01\n@@ -0,0 +1 @@\n+one\n\\ No newline at end of file\n",
        );
        assert_eq!(read, Some(()));
        assert_eq!(
            touched.paths,
            ["src/a.rs", "old.md", "new.md", "run.sh", "made.txt"]
        );
        assert_eq!((touched.added, touched.removed), (2, 1));
        assert_eq!(touched.lines(), 3);
    }

    #[test]
    fn every_path_that_git_writes_is_read_or_the_patch_is_not_understood() {
        let told = [
            (
                "diff --git a/two words b/two words\nnew file mode 100644\n",
                "two words",
            ),
            (
                "--- /dev/null\n+++ \"b/docs/\\303\\251t\\303\\251 \\\"1\\\".md\"\n@@ -0,0 +1 @@\n+x\n",
                "docs/été \"1\".md",
            ),
            (
                "--- /dev/null\n+++ b/ends in a blank \t\n",
                "ends in a blank ",
            ),
            // The prefix of its own side alone is one.
            ("--- b/x\n+++ b/b/x\n", "b/x"),
        ];
        for (text, path) in told {
            assert_eq!(paths(text), Some(vec![path.to_owned()]), "{text}");
        }
        let copied = "diff --git \"a/\\303\\251\" \"b/\\303\\250\"\ncopy from \"\\303\\251\"\ncopy to \"\\303\\250\"\n";
        assert_eq!(paths(copied), Some(vec!["é".to_owned(), "è".to_owned()]));
        // An empty new file, and a changed mode: nothing but the header names them.
        for text in [
            "diff --git \"a/\\303\\251.sh\" \"b/\\303\\251.sh\"\nnew file mode 100755\n",
            "diff --git \"a/\\303\\251\" \"b/\\303\\251\"\nold mode 100644\nnew mode 100755\n\
             diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-1\n+2\n",
            "diff --git x.sh x.sh\nnew file mode 100644\n",
            "diff --git i/x w/x\n--- i/x\n+++ w/x\n@@ -1 +1 @@\n-1\n+2\n",
            "--- /dev/null\n+++ \"b/\\9\"\n",
            "--- /dev/null\n+++ \"b/\\377\"\n",
            "--- /dev/null\n+++ \"b/open\n",
        ] {
            assert_eq!(paths(text), None, "{text}");
        }
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
            "diff --cc x\nindex 1,2..3\n",
            "Only in new: secret.sh\n--- a/x\n+++ b/x\n",
        ] {
            assert_eq!(paths(text), None, "{text}");
        }
        let many: Vec<String> = (0..=MOST_PATHS).map(|n| format!("+++ b/{n}")).collect();
        assert_eq!(paths(&many.join("\n")), None);
        assert_eq!(paths(""), Some(Vec::new()));
    }
}
