//! Brotli and gzip files beside the originals, made by Node's zlib: npm's tools need Node anyway.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::{paths, tool};

/// Writes `<file>.br` and `<file>.gz` beside each file that gets smaller.
pub fn beside(site: &Path) -> Result<()> {
    tool::run(
        Command::new("node")
            .arg(paths::root().join("xtask/compress.mjs"))
            .arg(site),
    )
}
