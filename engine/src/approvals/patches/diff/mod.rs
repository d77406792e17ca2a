//! What diffs touch, as git would apply them; it reads no database.

mod grammar;
mod hunk;
mod paths;
mod reader;

#[cfg(test)]
mod against_git;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use grammar::Patch;
use reader::{Result, understood};

/// More files than this are not told one by one.
const MOST_PATHS: usize = 10_000;

/// Files and lines that git's diffs touch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Every file that applying them can change, both where one is renamed or copied.
    pub paths: Vec<String>,
    /// Lines that were added.
    pub added: u64,
    /// Lines that were removed.
    pub removed: u64,
    seen: HashSet<String>,
}

impl Touched {
    /// Lines that were added or removed. A renamed file and a changed mode count as one of
    /// both, a copy, an empty new file and an empty removed one as one line.
    pub const fn lines(&self) -> u64 {
        self.added + self.removed
    }

    /// Counts one patch. An empty one changes nothing.
    ///
    /// # Errors
    /// Where it is not understood to its end, or touches too many files.
    pub fn add(&mut self, text: &[u8]) -> Result<()> {
        if text.trim_ascii().is_empty() {
            return Ok(());
        }
        let mut patch = Patch::new(text);
        while !patch.is_at_end() {
            let file = patch.file()?;
            self.added += file.lines.added;
            self.removed += file.lines.removed;
            for path in file.paths {
                if self.seen.insert(path.clone()) {
                    self.paths.push(path);
                }
            }
            understood(self.paths.len() <= MOST_PATHS)?;
        }
        Ok(())
    }
}
