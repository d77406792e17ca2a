//! What of the file system an attempt sees: all of it read-only, with its own `/tmp`, `/proc`,
//! and the folders that are named.

use std::ffi::CStr;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::mount::{MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags};

use crate::kernel::{Access, raise_loopback, set_access};
use crate::wire::{Network, View};

/// Something that the kernel refused, for whoever reads the log.
#[derive(Debug)]
pub(crate) struct Refused {
    pub what: String,
    pub error: io::Error,
}

fn refused(what: impl Into<String>) -> impl FnOnce(io::Error) -> Refused {
    move |error| Refused {
        what: what.into(),
        error,
    }
}

/// Builds what is the same for all attempts, in mount and PID namespaces of one's own.
///
/// # Errors
/// The first call that the kernel refused.
pub(crate) fn enclose(network: Network) -> Result<(), Refused> {
    // Nothing that is mounted here is seen outside, and nothing comes in later, writable.
    let propagation = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", propagation)
        .map_err(|error| refused("keeping mounts to itself")(error.into()))?;
    set_access(CWD, c"/", Access::Read).map_err(refused("making all mounts read-only"))?;
    // After that: a step may write to its own processes' files, as sandboxes within it do.
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, None).map_err(refused("mounting /proc"))?;
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    for (place, kind, flags, data) in [
        // Half the memory, the usual size, would be each attempt's.
        (
            "/dev/shm",
            "tmpfs",
            MountFlags::NOSUID | MountFlags::NODEV,
            Some(c"mode=1777,size=512m"),
        ),
        // The terminals of people are not for steps that run as them.
        (
            "/dev/pts",
            "devpts",
            flags,
            Some(c"newinstance,mode=620,ptmxmode=666"),
        ),
        ("/dev/mqueue", "mqueue", flags | MountFlags::NODEV, None),
    ] {
        if is_folder(Path::new(place)) {
            mount(kind, place, kind, flags, data)
                .map_err(refused(at("mounting", Path::new(place))))?;
        }
    }
    let ptmx = Path::new("/dev/ptmx");
    if Path::new("/dev/pts/ptmx").exists() && !ptmx.is_symlink() && ptmx.exists() {
        rustix::mount::mount_bind("/dev/pts/ptmx", ptmx)
            .map_err(|error| refused(at("mounting", ptmx))(error.into()))?;
    }
    match network {
        Network::Host => {}
        Network::None => raise_loopback().map_err(refused("raising the loopback"))?,
    }
    Ok(())
}

/// Lays out what only this attempt sees; what is made for it on the way is `owner`'s.
///
/// # Errors
/// The first call that the kernel refused, with the path.
pub(crate) fn lay_out(view: &View, owner: Option<(u32, u32)>) -> Result<(), Refused> {
    // All are taken before anything covers them.
    let mut places = Vec::new();
    for (source, place) in &view.own {
        if is_folder(place) {
            let tree = Some(tree_of(source, Access::Write)?);
            places.push(Place::new(place, Kind::Own, tree));
        }
    }
    for (paths, access) in [
        (&view.visible, Access::Read),
        (&view.writable, Access::Write),
    ] {
        for path in paths {
            if let Some(path) = found(path)? {
                let tree = Some(tree_of(&path, access)?);
                places.push(Place::new(&path, Kind::Named(access), tree));
            }
        }
    }
    for path in &view.hidden {
        if let Some(path) = found(path)? {
            pin(&path, &mut places)?;
            places.push(Place::new(&path, Kind::Hidden, None));
        }
    }
    // What stands below another is put upon it; of equals what is stricter, the last, counts.
    places.sort_by_key(|place| (place.depth, place.kind));
    places.dedup_by(|later, before| later.path == before.path && later.kind == before.kind);
    let mut covers = Vec::new();
    for place in &places {
        match &place.tree {
            Some(tree) => {
                place.make_room(owner)?;
                put(tree, &place.path)?;
            }
            None => covers.extend(cover(&place.path)?),
        }
    }
    for cover in covers {
        rustix::mount::mount_remount(&cover, MountFlags::BIND | MountFlags::RDONLY | QUIET, c"")
            .map_err(|error| refused(at("sealing", &cover))(error.into()))?;
    }
    Ok(())
}

/// Mounts the folders between something hidden and what may be written above it onto themselves:
/// what is mounted cannot be renamed, and with another name it would be hidden no more.
fn pin(hidden: &Path, places: &mut Vec<Place>) -> Result<(), Refused> {
    let writable = places
        .iter()
        .find(|place| place.kind == Kind::Named(Access::Write) && hidden.starts_with(&place.path));
    let Some(above) = writable.map(|place| place.path.clone()) else {
        return Ok(());
    };
    for folder in hidden.ancestors().skip(1) {
        if folder == above || !folder.starts_with(&above) {
            break;
        }
        let tree = Some(tree_of(folder, Access::Write)?);
        places.push(Place::new(folder, Kind::Named(Access::Write), tree));
    }
    Ok(())
}

const QUIET: MountFlags = MountFlags::NOSUID
    .union(MountFlags::NODEV)
    .union(MountFlags::NOEXEC);

/// What becomes of a path, in the order in which equals are laid out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Own,
    Named(Access),
    Hidden,
}

/// A path, and what stands there from now on.
struct Place {
    path: PathBuf,
    depth: usize,
    kind: Kind,
    is_folder: bool,
    /// Nothing where it is hidden.
    tree: Option<OwnedFd>,
}

impl Place {
    fn new(path: &Path, kind: Kind, tree: Option<OwnedFd>) -> Self {
        Self {
            depth: path.components().count(),
            is_folder: path.is_dir(),
            path: path.to_owned(),
            kind,
            tree,
        }
    }

    /// Makes what it is put upon, where something covers its place.
    fn make_room(&self, owner: Option<(u32, u32)>) -> Result<(), Refused> {
        let make = || -> io::Result<()> {
            let mut missing: Vec<&Path> = self
                .path
                .ancestors()
                .take_while(|folder| !folder.exists())
                .collect();
            missing.reverse();
            for path in missing {
                if self.is_folder || path != self.path {
                    fs::create_dir(path)?;
                } else {
                    fs::File::create_new(path)?;
                }
                if let Some((uid, gid)) = owner {
                    std::os::unix::fs::lchown(path, Some(uid), Some(gid))?;
                }
            }
            Ok(())
        };
        make().map_err(refused(at("making room for", &self.path)))
    }
}

/// Where a path leads; `None` where nothing stands there. `/` is no place to put anything.
fn found(path: &Path) -> Result<Option<PathBuf>, Refused> {
    match fs::canonicalize(path) {
        Ok(found) => Ok(Some(found).filter(|found| found != Path::new("/"))),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::PermissionDenied
                    | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(refused(at("finding", path))(error)),
    }
}

/// Takes a copy of what is mounted at and below `path`.
fn tree_of(path: &Path, access: Access) -> Result<OwnedFd, Refused> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    let tree = rustix::mount::open_tree(CWD, path, flags)
        .map_err(|error| refused(at("taking", path))(error.into()))?;
    set_access(&tree, c"", access).map_err(refused(at("setting access to", path)))?;
    Ok(tree)
}

fn put(tree: &OwnedFd, path: &Path) -> Result<(), Refused> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    rustix::mount::move_mount(tree, c"", CWD, path, flags)
        .map_err(|error| refused(at("mounting", path))(error.into()))
}

/// Covers what stands there with nothing. Returns what is to be sealed when all is put upon it.
fn cover(path: &Path) -> Result<Option<PathBuf>, Refused> {
    let what = || at("hiding", path);
    if path.is_dir() {
        mount("tmpfs", path, "tmpfs", QUIET, Some(c"mode=755,size=1m")).map_err(refused(what()))?;
        return Ok(Some(path.to_owned()));
    }
    // What covers its folder hides it already.
    if path.exists() {
        rustix::mount::mount_bind("/dev/null", path)
            .map_err(|error| refused(what())(error.into()))?;
    }
    Ok(None)
}

fn mount(
    source: &str,
    target: impl AsRef<Path>,
    kind: &str,
    flags: MountFlags,
    data: Option<&CStr>,
) -> io::Result<()> {
    rustix::mount::mount(source, target.as_ref(), kind, flags, data).map_err(io::Error::from)
}

/// A folder itself: what is a link leads to one that is covered already.
fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

fn at(what: &str, path: &Path) -> String {
    format!("{what} {}", path.display())
}
