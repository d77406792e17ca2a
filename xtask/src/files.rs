//! Hashes of files and folders, to tell whether work has to be done again.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// Adds a file, or every file of a folder, by name and content; what is not there adds nothing.
pub fn add(hash: &mut Sha256, path: &Path) -> Result<()> {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = fs::read_dir(path)?
            .map(|entry| entry.map(|it| it.path()))
            .collect::<Result<_, _>>()?;
        entries.sort();
        for entry in entries {
            add(hash, &entry)?;
        }
    } else if path.is_file() {
        hash.update(path.to_string_lossy().as_bytes());
        hash.update(fs::read(path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    Ok(())
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
