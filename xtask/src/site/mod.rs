//! Builds what the browser loads: the hydration module, its glue, the style sheet and the static files.
//!
//! Files under `pkg/` carry a hash of their content in their name, so that they can be cached for
//! ever; `manifest.json` tells the server the present names.

mod compress;
mod publish;
mod script;
mod style;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::paths;
use crate::tool::step;

/// How much work the site is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Quick to build; large and slow in the browser.
    Dev,
    /// Small: optimised, shrunk by `wasm-opt` where it is found, compressed beforehand.
    Release,
}

/// Builds the site into the target folder; a site that is complete replaces the former one at once.
pub fn build(profile: Profile) -> Result<()> {
    let work = paths::target().join("site-work");
    let _ = fs::remove_dir_all(&work);
    let bound = work.join("bound");
    let site = work.join("site");
    for folder in [&bound, &site] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }

    let module = step("compile the browser's half", || script::compile(profile))?;
    let stamp = paths::target().join("site.stamp");
    let state = fingerprint(&module, profile)?;
    if paths::site().exists() && fs::read_to_string(&stamp).is_ok_and(|built| built == state) {
        eprintln!("  the site is as it was: {}", paths::site().display());
        return Ok(());
    }
    step("bind it for the browser", || {
        script::bind(&module, &bound, profile)
    })?;
    if profile == Profile::Release {
        step("shrink it", || script::shrink(&bound))?;
    }
    let sheet = step("compile the style sheet", || style::compile(profile))?;
    step("gather the site", || {
        publish::publish(&bound, &sheet, &site)
    })?;
    if profile == Profile::Release {
        step("compress it beforehand", || compress::beside(&site))?;
    }
    publish::replace(&site, &paths::site())?;
    fs::write(&stamp, state).context("cannot note what the site was built from")?;
    fs::remove_dir_all(&work).context("cannot remove the site's work folder")?;
    eprintln!("  site: {}", paths::site().display());
    Ok(())
}

/// A hash of all that the site is made from, this builder included.
fn fingerprint(module: &Path, profile: Profile) -> Result<String> {
    let mut hash = Sha256::new();
    let release = profile == Profile::Release;
    hash.update([
        u8::from(release),
        u8::from(paths::npm_program("wasm-opt").is_some()),
    ]);
    let root = paths::root();
    let builder = std::env::current_exe().context("cannot find this program")?;
    let places = [
        builder,
        module.to_path_buf(),
        root.join("style"),
        root.join("public"),
    ];
    for place in places.iter().chain([
        &root.join("xtask/compress.mjs"),
        &root.join("package-lock.json"),
    ]) {
        crate::files::add(&mut hash, place)?;
    }
    Ok(crate::files::hex(&hash.finalize()))
}
