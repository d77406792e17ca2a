//! PostgreSQL's own programs: those on PATH, then where Debian puts them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest major version whose features are used.
pub const OLDEST: u32 = 15;

/// A folder with PostgreSQL's programs, all of one major version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    pub folder: PathBuf,
    pub major: u32,
}

impl Binaries {
    /// A command for one of its programs.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        Command::new(self.folder.join(program))
    }

    fn has(&self, program: &str) -> bool {
        self.folder.join(program).is_file()
    }

    fn at(folder: &Path, program: &str) -> Option<Self> {
        // A link on PATH leads to the folder that holds the other programs too.
        let path = folder.join(program).canonicalize().ok()?;
        let folder = path.parent()?.to_owned();
        let output = Command::new(&path).arg("--version").output().ok()?;
        let major = major(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { folder, major })
    }
}

/// Every installation with all the programs that a server needs, in the order to try them.
#[must_use]
pub fn servers() -> Vec<Binaries> {
    let mut found = candidates("pg_ctl");
    found.retain(|one| one.has("postgres") && one.has("initdb"));
    found
}

/// The oldest `pg_dump` that can read a server of this major version.
#[must_use]
pub fn dumper(server_major: u32) -> Option<Binaries> {
    candidates("pg_dump")
        .into_iter()
        .filter(|one| one.major >= server_major && one.has("pg_restore"))
        .min_by_key(|one| one.major)
}

fn candidates(program: &str) -> Vec<Binaries> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut debian: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    // The newest first, by number: 9 comes after 15.
    debian.sort_by_key(|folder| {
        let name = folder.parent().and_then(Path::file_name);
        let number = name.and_then(|name| name.to_str()?.parse::<u32>().ok());
        std::cmp::Reverse(number.unwrap_or_default())
    });
    let mut found: Vec<Binaries> = Vec::new();
    for folder in std::env::split_paths(&path).chain(debian) {
        if let Some(one) = Binaries::at(&folder, program)
            && !found.contains(&one)
        {
            found.push(one);
        }
    }
    found
}

/// `pg_ctl (PostgreSQL) 15.18 (Debian …)` → 15.
fn major(version: &str) -> Option<u32> {
    let after = version.split("(PostgreSQL)").nth(1)?.trim_start();
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(
            major("pg_ctl (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(major("pg_ctl (PostgreSQL) 19beta2"), Some(19));
        assert_eq!(major("usage: …"), None);
    }
}
