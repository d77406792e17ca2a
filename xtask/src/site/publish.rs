//! The site's folder: hashed names, the manifest and the static files.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};

use super::script::NAME;
use crate::paths;

/// Lays out `site` from the bound module, the style sheet and `public/`.
pub fn publish(bound: &Path, sheet: &str, site: &Path) -> Result<()> {
    let public = paths::root().join("public");
    if public.exists() {
        copy(&public, site)?;
    }
    let package = site.join("pkg");
    fs::create_dir_all(&package)?;
    let snippets = bound.join("snippets");
    if snippets.exists() {
        // The glue imports these by relative path, and their folders carry a hash already.
        copy(&snippets, &package.join("snippets"))?;
    }
    let js = hashed(&package, "js", &fs::read(bound.join(format!("{NAME}.js")))?)?;
    let wasm = hashed(
        &package,
        "wasm",
        &fs::read(bound.join(format!("{NAME}_bg.wasm")))?,
    )?;
    let css = hashed(&package, "css", sheet.as_bytes())?;
    let manifest = format!("{{\"js\":\"{js}\",\"wasm\":\"{wasm}\",\"css\":\"{css}\"}}\n");
    fs::write(site.join("manifest.json"), manifest).context("cannot write the manifest")
}

/// Puts the new site where the old one was. Files that did not change keep their time, so that a
/// server which embeds them is not compiled again for nothing.
pub fn replace(new: &Path, site: &Path) -> Result<()> {
    if same(new, site)? {
        return Ok(());
    }
    if site.exists() {
        fs::remove_dir_all(site).with_context(|| format!("cannot remove {}", site.display()))?;
    }
    fs::rename(new, site).with_context(|| format!("cannot make {}", site.display()))
}

/// Writes `watchbill.<hash>.<extension>` and returns its address.
fn hashed(package: &Path, extension: &str, content: &[u8]) -> Result<String> {
    let digest = Sha256::digest(content);
    let short = crate::files::hex(&digest[..8]);
    let name = format!("{NAME}.{short}.{extension}");
    fs::write(package.join(&name), content).with_context(|| format!("cannot write {name}"))?;
    Ok(format!("/pkg/{name}"))
}

fn copy(from: &Path, into: &Path) -> Result<()> {
    fs::create_dir_all(into)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = into.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            ensure!(
                entry.file_name() != "manifest.json",
                "public/manifest.json would hide the site's own"
            );
            fs::copy(entry.path(), &target)
                .with_context(|| format!("cannot copy {}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// Whether both folders hold the same files with the same content.
fn same(left: &Path, right: &Path) -> Result<bool> {
    Ok(right.exists() && files(left, Path::new(""))? == files(right, Path::new(""))?)
}

fn files(root: &Path, under: &Path) -> Result<Vec<(std::path::PathBuf, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join(under))? {
        let path = under.join(entry?.file_name());
        let full = root.join(&path);
        if full.is_dir() {
            found.extend(files(root, &path)?);
        } else {
            found.push((path, fs::read(full)?));
        }
    }
    found.sort();
    Ok(found)
}
