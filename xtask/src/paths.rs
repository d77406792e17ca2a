//! Where things are: the repository and the target folder.

use std::path::PathBuf;

/// The root of the repository, wherever the task was started from.
pub fn root() -> PathBuf {
    // As cargo says when it runs this: checkouts share a target folder, and the one that
    // compiled it may be another, or gone.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().unwrap_or(&manifest).to_path_buf()
}

/// The folder that holds every build product: `CARGO_TARGET_DIR`, else `target`.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// The site as the server serves or embeds it.
pub fn site() -> PathBuf {
    target().join("site")
}

/// A program that `npm ci` put into the repository, if it did.
pub fn npm_program(name: &str) -> Option<PathBuf> {
    let path = root().join("node_modules/.bin").join(name);
    path.exists().then_some(path)
}
