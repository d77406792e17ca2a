//! A reader that searches a patch for headers and passes over what it does not know. It stands
//! here to be caught: git reads more than it does.

use super::Told;

#[derive(Default)]
struct Found {
    paths: Vec<String>,
    lines: u64,
}

pub fn read(patch: &[u8]) -> Option<Told> {
    let mut found = Found::default();
    found.add(&String::from_utf8_lossy(patch))?;
    Some((found.paths, found.lines))
}

impl Found {
    fn add(&mut self, text: &str) -> Option<()> {
        let (mut old, mut new) = (0_u64, 0_u64);
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
            } else if line.starts_with("GIT binary patch") || line.starts_with("Binary files ") {
                return None;
            } else if let Some(both) = line.strip_prefix("diff --git a/") {
                // Twice the path, and ` b/` between; else lines below say it.
                let (path, rest) = both.split_at_checked(both.len().saturating_sub(3) / 2)?;
                if rest.strip_prefix(" b/") == Some(path) {
                    self.paths.push(path.to_owned());
                }
            } else if let Some((written, prefix)) = written_path(line) {
                let path = written.split('\t').next()?;
                if path.starts_with('"') {
                    return None;
                }
                let path = path.strip_prefix(prefix).unwrap_or(path);
                self.paths.push(path.to_owned());
            }
        }
        (old + new == 0).then_some(())
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
