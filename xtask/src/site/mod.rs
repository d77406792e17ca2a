//! Builds what the browser loads: the hydration module, its glue, the style sheet and the static files.
//!
//! Files under `pkg/` carry a hash of their content in their name, so that they can be cached for
//! ever; `manifest.json` tells the server the present names.

mod compress;
mod publish;
mod script;
mod style;

use std::fs;

use anyhow::{Context as _, Result};

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
    fs::remove_dir_all(&work).context("cannot remove the site's work folder")?;
    eprintln!("  site: {}", paths::site().display());
    Ok(())
}
