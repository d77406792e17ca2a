//! The hydration module: compile, bind, shrink.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use wasm_bindgen_cli_support::Bindgen;

use super::Profile;
use crate::{paths, tool};

/// The name under which leptos and the browser know the module.
pub const NAME: &str = "watchbill";

const TARGET: &str = "wasm32-unknown-unknown";

/// What rustc's wasm32 uses since 1.82 and wasm-bindgen's output needs; `wasm-opt` must be told,
/// since wasm-bindgen's output no longer says so.
const FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Compiles `frontend` and says where the module is.
pub fn compile(profile: Profile) -> Result<PathBuf> {
    let (name, folder) = match profile {
        Profile::Dev => ("dev", "debug"),
        Profile::Release => ("wasm-release", "wasm-release"),
    };
    tool::run(tool::cargo().args([
        "build",
        "--package",
        "frontend",
        "--lib",
        "--target",
        TARGET,
        "--profile",
        name,
    ]))?;
    Ok(paths::target()
        .join(TARGET)
        .join(folder)
        .join("frontend.wasm"))
}

/// Writes the module and its JavaScript glue, as `wasm-bindgen --target web` does.
///
/// The names of functions stay in for [`shrink`], which sorts by them and drops them.
pub fn bind(module: &Path, into: &Path, profile: Profile) -> Result<()> {
    Bindgen::new()
        .input_path(module)
        .out_name(NAME)
        .web(true)?
        .typescript(false)
        .omit_default_module_path(true)
        .remove_name_section(profile == Profile::Release && wasm_opt().is_none())
        .remove_producers_section(true)
        .generate(into)
}

/// Runs binaryen's optimiser where npm installed it; without it the site is larger and as right.
pub fn shrink(bound: &Path) -> Result<()> {
    let Some(program) = wasm_opt() else {
        eprintln!("    wasm-opt is not here (npm ci brings it): the module stays larger");
        return Ok(());
    };
    let module = bound.join(format!("{NAME}_bg.wasm"));
    let smaller = bound.join("smaller.wasm");
    let before = size(&module)?;
    tool::run(
        Command::new(program)
            .args(["-Oz", "--converge"])
            // What is compiled from one generic function lies together, and compresses better.
            .arg("--reorder-functions-by-name")
            .args(FEATURES)
            .arg(&module)
            .arg("-o")
            .arg(&smaller),
    )?;
    fs::rename(&smaller, &module).context("cannot put the smaller module in its place")?;
    eprintln!("    {} kB → {} kB", before / 1024, size(&module)? / 1024);
    Ok(())
}

fn wasm_opt() -> Option<PathBuf> {
    paths::npm_program("wasm-opt")
}

fn size(file: &Path) -> Result<u64> {
    Ok(fs::metadata(file)
        .with_context(|| format!("no {}", file.display()))?
        .len())
}
