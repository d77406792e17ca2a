//! The passwords of the private database's three roles: random, in a 0600 file.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use engine::Random;
use secrecy::{ExposeSecret, SecretString};

/// One password for each role.
#[derive(Clone, Debug)]
pub struct Passwords {
    /// Makes the other two.
    pub superuser: SecretString,
    /// Owns the tables and migrates.
    pub owner: SecretString,
    /// The running application: no DDL.
    pub application: SecretString,
}

impl Passwords {
    /// Reads the file, or writes a new one.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn read_or_make(path: &Path, random: &dyn Random) -> anyhow::Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::read(&text)
                .with_context(|| format!("{} does not hold the three passwords", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let made = Self {
                    superuser: make(random),
                    owner: make(random),
                    application: make(random),
                };
                made.write(path)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                Ok(made)
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn read(text: &str) -> Option<Self> {
        let table: toml::Table = text.parse().ok()?;
        let one = |name: &str| Some(SecretString::from(table.get(name)?.as_str()?.to_owned()));
        Some(Self {
            superuser: one("superuser")?,
            owner: one("owner")?,
            application: one("application")?,
        })
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        let text = format!(
            "# Made by watchbill; keep it with the database in postgres/.\n\
             superuser = \"{}\"\nowner = \"{}\"\napplication = \"{}\"\n",
            self.superuser.expose_secret(),
            self.owner.expose_secret(),
            self.application.expose_secret(),
        );
        write_private(path, &text)
    }
}

/// Writes a 0600 file whole or not at all.
///
/// # Errors
/// When the folder does not allow it.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    let removed = std::fs::remove_file(&beside);
    if let Err(error) = removed
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

fn make(random: &dyn Random) -> SecretString {
    let mut bytes = [0; 24];
    random.fill(&mut bytes);
    let text = bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    SecretString::from(text)
}
