//! The demonstration: the nightly plan of the checkout, on real input, once at the first start.

use std::path::{Path, PathBuf};

use engine::Engine;

/// Where the demonstration's steps run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// A copy of the checkout that the steps' user can read and write: `Settings::steps_folder`.
    pub steps_folder: PathBuf,
    /// The plans of the checkout, for `engine::plans::sync_folder`.
    pub plans_folder: PathBuf,
}

/// Makes or refreshes the workspace. Call it before the engine is built: its answer is where steps run.
///
/// `checkout` is the folder of a clone of this repository, if there is one.
/// The error's text is a sentence for the terminal and the dashboard's notices.
///
/// # Errors
/// [`Absent`] where there is nothing to show, with the reason.
pub fn prepare(
    checkout: Option<&Path>,
    data_folder: &Path,
    steps_user: Option<&str>,
) -> Result<Workspace, Absent> {
    let _ = (checkout, data_folder, steps_user);
    Err(Absent("the demonstration is not there: this is a binary without a checkout".to_owned()))
}

/// Starts the nightly plan if it never ran; call it once plans are synchronised.
///
/// # Errors
/// Those of `engine::runs::start`.
pub async fn first_run(engine: &Engine) -> engine::Result<Option<String>> {
    let _ = engine;
    Ok(None)
}

/// Why there is no demonstration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Absent(pub String);
