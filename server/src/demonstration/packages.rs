//! The npm packages that the steps need at run time: the manifest's dependencies, and theirs.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

/// Their names, in order; each has a folder in `node_modules`.
///
/// # Errors
/// A sentence that says which one is not installed.
pub fn needed(checkout: &Path) -> anyhow::Result<Vec<String>> {
    let mut waiting: VecDeque<String> = dependencies(&checkout.join("package.json"))?.into();
    let mut needed = BTreeSet::new();
    while let Some(name) = waiting.pop_front() {
        if needed.contains(&name) {
            continue;
        }
        let manifest = checkout
            .join("node_modules")
            .join(&name)
            .join("package.json");
        let further = dependencies(&manifest).with_context(|| {
            format!("the npm package {name} is not installed; run: npm install --omit=dev")
        })?;
        waiting.extend(further);
        needed.insert(name);
    }
    Ok(needed.into_iter().collect())
}

fn dependencies(manifest: &Path) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(manifest)
        .with_context(|| format!("{} cannot be read", manifest.display()))?;
    let manifest: Value = serde_json::from_str(&text)
        .with_context(|| format!("{} is not JSON", manifest.display()))?;
    let named = manifest.get("dependencies").and_then(Value::as_object);
    Ok(named.map_or_else(Vec::new, |names| names.keys().cloned().collect()))
}
