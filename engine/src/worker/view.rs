//! What of the file system a step finds behind its walls.

use std::path::{Path, PathBuf};

use process::{View, Walls};

use super::prepare::Surroundings;
use crate::Settings;

/// Where services and people have what is theirs, sockets among it, which a read-only mount does
/// not close: for an ordinary user. As root, steps run as somebody of no group.
const OTHERS: [&str; 6] = [
    "/run",
    "/var/spool/cron",
    "/var/spool/at",
    "/var/mail",
    "/var/snap/lxd",
    "/var/lib/incus",
];

/// What of it programs need: how names are looked up, and where some systems keep programs.
const NEEDED: [&str; 7] = [
    "/run/systemd/resolve",
    "/run/NetworkManager",
    "/run/resolvconf",
    "/run/nscd",
    "/run/current-system",
    "/run/wrappers",
    "/run/opengl-driver",
];

/// The folder of a home that the steps of all nights share: what they remember.
pub const STATE: &str = ".local/state";

/// What a step finds.
pub fn of(around: &Surroundings<'_>) -> View {
    if around.walls == Walls::None {
        return View::default();
    }
    let (settings, workspace) = (around.settings, around.workspace);
    let own_home = home(around);
    let mut view = View {
        own: vec![
            (workspace.tmp(), "/tmp".into()),
            (workspace.tmp(), "/var/tmp".into()),
        ],
        writable: vec![workspace.folder()],
        ..View::default()
    };
    // Its folder below it is reached by path: what a step has put there leads no wall astray.
    if !is_home_by_chance(&settings.steps_folder, own_home.as_deref()) {
        // Who lays it out stands somewhere else.
        view.writable.push(steps_folder(settings));
    }
    view.visible.extend(around.uses.map(Path::to_owned));
    if let Some(home) = own_home {
        view.writable.push(home.join(STATE));
        view.own.push((workspace.home(), home));
    }
    view.writable.extend(settings.steps.shared.iter().cloned());
    view.visible.extend(settings.steps.visible.iter().cloned());
    // Programs that were installed for this user alone.
    view.visible
        .extend(around.path.split(':').map(PathBuf::from));
    if around.user.is_none() {
        view.hidden.extend(OTHERS.map(PathBuf::from));
        view.visible.extend(NEEDED.map(PathBuf::from));
        view.hidden.extend(settings.steps.hidden.iter().cloned());
    }
    // All else is there anyway.
    let covers: Vec<PathBuf> = view.own.iter().map(|(_, place)| place.clone()).collect();
    let is_covered = |path: &PathBuf| {
        let mut covers = covers.iter().chain(&view.hidden).chain(&view.writable);
        covers.any(|cover| path.starts_with(cover))
    };
    view.visible = std::mem::take(&mut view.visible)
        .into_iter()
        .filter(is_covered)
        .collect();
    view
}

/// Where steps start, by a path that leads there from anywhere.
pub fn steps_folder(settings: &Settings) -> PathBuf {
    let folder = &settings.steps_folder;
    let found = folder
        .canonicalize()
        .or_else(|_| std::path::absolute(folder));
    found.unwrap_or_else(|_| folder.clone())
}

/// Nobody has said that steps start in a home; it is where the server was started.
fn is_home_by_chance(steps_folder: &Path, home: Option<&Path>) -> bool {
    steps_folder == Path::new(".")
        && home.is_some_and(|home| std::env::current_dir().is_ok_and(|folder| folder == home))
}

/// The home of who runs the step, where there is one that can be covered.
pub fn home(around: &Surroundings<'_>) -> Option<PathBuf> {
    let home = match around.user {
        Some(user) => Some(user.home.clone()),
        None => std::env::home_dir(),
    };
    home.filter(|home| home.is_dir() && home != Path::new("/"))
}
