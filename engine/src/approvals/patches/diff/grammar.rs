//! The diffs that `git diff` prints, read line by line: each line is one that git's grammar has
//! at its place, and git applies nothing that is not read here.
//!
//! ```text
//! patch = file*
//! file  = "diff --git A B" kind? index? (sides hunk+)?
//! kind  = "new file mode M" | "deleted file mode M" | modes? (move | "dissimilarity index P%")?
//! modes = "old mode M" "new mode M"
//! move  = ("similarity index P%")? ("rename from A" "rename to B" | "copy from A" "copy to B")
//! index = "index H..H" | "index H..H M"
//! sides = "--- A" "+++ B"
//! hunk  = "@@ -a,b +c,d @@ …", then b old lines and d new ones
//! ```

use super::hunk::{Lines, count, extent, hunk};
use super::paths::{self, Side};
use super::reader::{NotUnderstood, Reader, Result, understood};

/// Names of the empty file, by SHA-1 and by SHA-256.
const EMPTY: [&str; 2] = [
    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
];

/// A patch that is read from its beginning.
pub struct Patch<'a> {
    reader: Reader<'a>,
}

/// One file's part of a patch.
#[derive(Debug)]
pub struct FileChange {
    /// Its path; both where it is renamed or copied.
    pub paths: Vec<String>,
    pub lines: Lines,
}

enum Kind {
    Changed,
    Made,
    Removed,
    Moved { from: String, to: String },
    Copied { from: String, to: String },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Plain,
    Executable,
}

struct Index<'a> {
    old: &'a str,
    new: &'a str,
    mode: Option<Mode>,
}

impl<'a> Patch<'a> {
    #[must_use]
    pub const fn new(text: &'a [u8]) -> Self {
        Self {
            reader: Reader::new(text),
        }
    }

    #[must_use]
    pub const fn is_at_end(&self) -> bool {
        self.reader.is_at_end()
    }

    /// Reads the next file's part.
    ///
    /// # Errors
    /// At a line that the grammar does not have at its place.
    pub fn file(&mut self) -> Result<FileChange> {
        let both = self.reader.after("diff --git ")?;
        let modes_change = self.modes()?;
        let kind = self.kind(modes_change)?;
        let index = self.reader.optional("index ", index)?;
        let (old, new) = match &kind {
            Kind::Changed | Kind::Made | Kind::Removed => {
                let path = paths::same_on_both_sides(both)?;
                (path.clone(), path)
            }
            Kind::Moved { from, to } | Kind::Copied { from, to } => {
                understood(from != to && paths::are(both, from, to)?)?;
                (from.clone(), to.clone())
            }
        };
        let hunks = self.sides(&kind, &old, &new)?;
        let index_mode = index.as_ref().and_then(|index| index.mode);
        let states_mode = modes_change || matches!(kind, Kind::Made | Kind::Removed);
        understood(!(states_mode && index_mode.is_some()))?;
        let lines = match (&kind, hunks) {
            // Without its mode the file may be a link, and its line the place it leads to.
            (_, Some(lines)) => {
                understood(states_mode || index_mode.is_some())?;
                lines
            }
            (Kind::Made | Kind::Removed, None) => {
                understood(index.as_ref().is_none_or(|index| index.is_of_empty(&kind)))?;
                Lines::default()
            }
            (Kind::Changed, None) => {
                understood(modes_change && index.is_none())?;
                Lines::default()
            }
            (Kind::Moved { .. } | Kind::Copied { .. }, None) => {
                understood(index.is_none())?;
                Lines::default()
            }
        };
        Ok(FileChange {
            lines: with_headers(lines, &kind, modes_change),
            paths: if old == new {
                vec![old]
            } else {
                vec![old, new]
            },
        })
    }

    /// True where the file becomes executable, or is no longer.
    fn modes(&mut self) -> Result<bool> {
        match self.reader.optional("old mode ", mode)? {
            Some(old) => {
                let new = mode(self.reader.after("new mode ")?)?;
                understood(old != new).map(|()| true)
            }
            None => Ok(false),
        }
    }

    fn kind(&mut self, modes_change: bool) -> Result<Kind> {
        if !modes_change {
            if self.reader.optional("new file mode ", mode)?.is_some() {
                return Ok(Kind::Made);
            }
            if self.reader.optional("deleted file mode ", mode)?.is_some() {
                return Ok(Kind::Removed);
            }
        }
        let is_similar = self
            .reader
            .optional("similarity index ", percentage)?
            .is_some();
        if let Some(from) = self.reader.optional("rename from ", paths::whole)? {
            let to = paths::whole(self.reader.after("rename to ")?)?;
            return Ok(Kind::Moved { from, to });
        }
        if let Some(from) = self.reader.optional("copy from ", paths::whole)? {
            let to = paths::whole(self.reader.after("copy to ")?)?;
            return Ok(Kind::Copied { from, to });
        }
        understood(!is_similar)?;
        self.reader.optional("dissimilarity index ", percentage)?;
        Ok(Kind::Changed)
    }

    /// Lines that the hunks change; `None` if there are none.
    fn sides(&mut self, kind: &Kind, old: &str, new: &str) -> Result<Option<Lines>> {
        let Some(old_side) = self
            .reader
            .optional("--- ", |text| paths::side(text, "a/"))?
        else {
            return Ok(None);
        };
        let new_side = paths::side(self.reader.after("+++ ")?, "b/")?;
        let old_is = |side: &Side| matches!(side, Side::File(path) if path == old);
        let new_is = |side: &Side| matches!(side, Side::File(path) if path == new);
        understood(match kind {
            Kind::Made => old_side == Side::Nothing && new_is(&new_side),
            Kind::Removed => old_is(&old_side) && new_side == Side::Nothing,
            Kind::Changed | Kind::Moved { .. } | Kind::Copied { .. } => {
                old_is(&old_side) && new_is(&new_side)
            }
        })?;
        let mut lines = Lines::default();
        loop {
            let extent = extent(self.reader.bytes_after("@@ -")?)?;
            understood(match kind {
                Kind::Made => extent.old == 0,
                Kind::Removed => extent.new == 0,
                Kind::Changed | Kind::Moved { .. } | Kind::Copied { .. } => true,
            })?;
            let hunk = hunk(&mut self.reader, extent)?;
            lines.added += hunk.added;
            lines.removed += hunk.removed;
            if !self.reader.goes_on("@@ -") {
                return Ok(Some(lines));
            }
            // What is made, or removed, is so in one hunk.
            understood(!matches!(kind, Kind::Made | Kind::Removed))?;
        }
    }
}

impl Index<'_> {
    fn is_of_empty(&self, kind: &Kind) -> bool {
        let name = match kind {
            Kind::Removed => self.old,
            Kind::Changed | Kind::Made | Kind::Moved { .. } | Kind::Copied { .. } => self.new,
        };
        EMPTY.iter().any(|empty| empty.starts_with(name))
    }
}

/// Adds what no hunk has: a size of zero is for patches that change nothing.
fn with_headers(lines: Lines, kind: &Kind, modes_change: bool) -> Lines {
    let is_empty = lines == Lines::default();
    let (added, removed) = match kind {
        Kind::Changed => (false, false),
        Kind::Made => (is_empty, false),
        Kind::Removed => (false, is_empty),
        Kind::Moved { .. } => (true, true),
        Kind::Copied { .. } => (true, false),
    };
    let modes = u64::from(modes_change);
    Lines {
        added: lines.added + u64::from(added) + modes,
        removed: lines.removed + u64::from(removed) + modes,
    }
}

/// Links (120000) and submodules (160000) are none of these.
fn mode(text: &str) -> Result<Mode> {
    match text {
        "100644" => Ok(Mode::Plain),
        "100755" => Ok(Mode::Executable),
        _ => Err(NotUnderstood),
    }
}

fn percentage(text: &str) -> Result<()> {
    let number = text.strip_suffix('%').ok_or(NotUnderstood)?;
    understood(count(number)? <= 100)
}

fn index(text: &str) -> Result<Index<'_>> {
    let (names, mode) = match text.split_once(' ') {
        Some((names, text)) => (names, Some(mode(text)?)),
        None => (text, None),
    };
    let (old, new) = names.split_once("..").ok_or(NotUnderstood)?;
    for name in [old, new] {
        let is_hex = name
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        understood(is_hex && (4..=64).contains(&name.len()))?;
    }
    Ok(Index { old, new, mode })
}
