//! Tells the server where `cargo xtask site` put what the browser loads.

use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-env-changed=CARGO_TARGET_DIR");
    let workspace =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace.join("target"), |folder| workspace.join(folder));
    let site = target.join("site");
    let manifest = site.join("manifest.json");
    let release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    // A release build embeds these files: a new manifest means new names. A development build
    // reads them when it runs, and to cargo a file that is not there has always changed.
    if release {
        println!("cargo:rerun-if-changed={}", manifest.display());
    }
    if release && !manifest.exists() {
        println!(
            "cargo:warning=this release will have no site: run `cargo xtask site --release` first"
        );
    }
    println!("cargo:rustc-env=WATCHBILL_SITE={}", site.display());
}
