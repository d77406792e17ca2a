//! The style sheet.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::Profile;
use crate::{paths, tool};

/// Compiles `style/main.scss` and returns the sheet.
pub fn compile(profile: Profile) -> Result<String> {
    let program = paths::npm_program("sass").context("sass is not here: run `npm ci`")?;
    let style = match profile {
        Profile::Dev => "expanded",
        Profile::Release => "compressed",
    };
    tool::output(
        Command::new(program)
            .args(["--no-source-map", "--style", style])
            .arg(paths::root().join("style/main.scss")),
    )
}
