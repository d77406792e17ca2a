//! Messages as files, where no mail server is configured.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::Context as _;

/// Writes `name` into the folder, whole or not at all, for its owner's eyes only.
pub(super) fn write(folder: &Path, name: &str, mail: &[u8]) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let unfinished = folder.join(format!(".{name}.part"));
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)
        .with_context(|| format!("cannot write {}", unfinished.display()))?;
    file.write_all(mail)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {}", unfinished.display()))?;
    let whole = folder.join(name);
    fs::rename(&unfinished, &whole).with_context(|| format!("cannot write {}", whole.display()))
}
