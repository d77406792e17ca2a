//! Tells the server where `cargo xtask site` put what the browser loads.

use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-env-changed=CARGO_TARGET_DIR");
    let workspace =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace.join("target"), |folder| workspace.join(folder));
    let site = target.join("site");
    // A release build embeds these files: a new manifest means new names.
    println!(
        "cargo:rerun-if-changed={}",
        site.join("manifest.json").display()
    );
    println!("cargo:rustc-env=WATCHBILL_SITE={}", site.display());
}
