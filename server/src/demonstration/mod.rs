//! The demonstration: the nightly plan of the checkout, on real input, once at the first start.
//!
//! Steps run as a user who may be unable to read the checkout (it often lies under a home
//! that is closed to others), so they get a copy of it, the workspace.

mod packages;
mod workspace;

use std::path::{Path, PathBuf};

use engine::Engine;
use model::identity::Principal;

use crate::system_user::SystemUser;

pub use workspace::Place;

/// The plan that the demonstration is.
const PLAN: &str = "nightly";
/// The user that steps run as when Watchbill is root and nothing else is configured.
const STEPS_USER: &str = "watchbill-steps";
/// Where workspaces are when Watchbill is root. Root's own folder and not the steps' home: whoever
/// owns a folder can put something else in the place of what is in it.
const LIBRARY: &str = "/var/lib/watchbill-demonstration";
/// A home for the steps' user, where it has to be made.
const STEPS_HOME: &str = "/var/lib/watchbill-steps";

/// Where the demonstration's steps run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// A copy of the checkout that the steps' user can read and write: `Settings::steps_folder`.
    pub steps_folder: PathBuf,
    /// The plans of the checkout, for `engine::lifecycle::sync_folder`.
    pub plans_folder: PathBuf,
    /// What its steps remember from night to night, which they share.
    pub state_folder: PathBuf,
}

/// Why there is no demonstration: a sentence for the terminal and the dashboard's notices.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The demonstration is not there: {0}")]
pub struct Absent(pub String);

/// The clone of this repository that a folder is, or whose plans it holds.
#[must_use]
pub fn find_checkout(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    [Some(folder.as_path()), folder.parent()]
        .into_iter()
        .flatten()
        .find(|place| {
            place.join("steps/seo-validate.mjs").is_file()
                && place.join("plans/nightly.yaml").is_file()
        })
        .map(Path::to_owned)
}

/// Makes or refreshes the workspace. Call it before the engine is built: its answer is where
/// steps run. It starts git and copies files, so call it where waiting is allowed.
///
/// `checkout` is what [`find_checkout`] found. As root the workspace lies under
/// `/var/lib/watchbill-demonstration` and belongs to `steps_user`, otherwise under the data folder.
///
/// # Errors
/// [`Absent`] where there is nothing to show, with the reason.
pub fn prepare(
    checkout: Option<&Path>,
    data_folder: &Path,
    steps_user: Option<&str>,
) -> Result<Workspace, Absent> {
    let Some(checkout) = checkout else {
        return Err(Absent(
            "this Watchbill was started outside a clone of its repository, which holds the plan, \
             the example site and the steps"
                .to_owned(),
        ));
    };
    let place = place(checkout, data_folder, steps_user)
        .and_then(|place| workspace::refresh(checkout, &place).map(|()| place))
        .map_err(|error| Absent(format!("{error:#}")))?;
    Ok(Workspace {
        steps_folder: place.checkout(),
        plans_folder: checkout.join("plans"),
        state_folder: place.state(),
    })
}

fn place(checkout: &Path, data_folder: &Path, steps_user: Option<&str>) -> anyhow::Result<Place> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(Place {
            folder: data_folder.join("demonstration"),
            owner: None,
        });
    }
    let user = steps_user.unwrap_or(STEPS_USER);
    let owner = SystemUser::find_or_make(user, Path::new(STEPS_HOME))?;
    workspace::make_folder(Path::new(LIBRARY), 0o755)?;
    Ok(Place {
        folder: Path::new(LIBRARY).join(workspace::name_for(checkout, data_folder)),
        owner: Some(owner),
    })
}

/// Starts the nightly plan if it never ran; call it once plans are synchronised. Gives the run's id.
///
/// # Errors
/// Those of [`engine::lifecycle::start_if_never_ran`].
pub async fn first_run(engine: &Engine) -> engine::Result<Option<String>> {
    let system = Principal::system("first start");
    match engine::lifecycle::start_if_never_ran(engine, &system, PLAN).await {
        Ok(started) => Ok(started.map(|(_, run_id)| run_id)),
        // Another plans folder is configured, and it has no such plan.
        Err(engine::Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_checkout() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    #[test]
    fn the_nightly_plan_is_sound_and_stops_at_its_gate() {
        let text = std::fs::read_to_string(own_checkout().join("plans/nightly.yaml")).unwrap();
        let plan = engine::plans::document::parse(&text).unwrap();
        assert_eq!(plan.name, PLAN);
        let names: Vec<&str> = plan.tasks.iter().map(|task| task.name.as_str()).collect();
        assert_eq!(
            names,
            ["seo.validate", "code.review", "dx.integrate", "dx.apply"]
        );
        assert!(plan.task("dx.integrate").unwrap().approval.is_some());
        assert_eq!(plan.task("dx.apply").unwrap().needs, ["dx.integrate"]);
    }

    #[test]
    fn a_checkout_is_found_from_itself_and_from_its_plans() {
        let found = find_checkout(&own_checkout()).unwrap();
        assert_eq!(find_checkout(&own_checkout().join("plans")), Some(found));
        assert_eq!(find_checkout(Path::new("/")), None);
    }

    #[test]
    fn a_binary_alone_says_that_it_is_not_there() {
        let absent = prepare(None, Path::new("/nowhere"), None).unwrap_err();
        let sentence = absent.to_string();
        assert!(
            sentence.starts_with("The demonstration is not there:"),
            "{sentence}"
        );
    }
}
