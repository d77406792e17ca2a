//! Removing what a step has left, however deep it is.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags};
use rustix::io::Errno;

/// Removes a folder and all below it, or whatever else stands there; nothing is not an error.
///
/// A step may nest folders without end: whoever climbs down one by one runs out of stack or of
/// descriptors, and that would be the server. What is nested is moved up instead, into the
/// folder that is removed, until nothing holds anything.
///
/// # Errors
/// The operating system's reason, for the first thing that could not be removed.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    let top = match open(CWD, path) {
        Ok(top) => top,
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTDIR | Errno::LOOP) => return Ok(rustix::fs::unlink(path)?),
        Err(error) => return Err(error.into()),
    };
    let mut moved = 0_u64;
    loop {
        let names = folders_after_files(&top)?;
        if names.is_empty() {
            break;
        }
        for name in names {
            empty(&top, &name, &mut moved)?;
        }
    }
    match rustix::fs::rmdir(path) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Removes a folder of the top, having moved the folders in it there.
fn empty(top: &OwnedFd, name: &std::ffi::CStr, moved: &mut u64) -> io::Result<()> {
    let folder = open(top, name)?;
    for inner in folders_after_files(&folder)? {
        match rustix::fs::unlinkat(&folder, &inner, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::NOTEMPTY | Errno::EXIST) => {
                // Moving a folder changes it, which its rights may forbid us.
                drop(open(&folder, &inner)?);
                loop {
                    *moved += 1;
                    let place = format!("watchbill-removed-{moved}");
                    let flags = rustix::fs::RenameFlags::NOREPLACE;
                    match rustix::fs::renameat_with(&folder, &inner, top, &place, flags) {
                        Err(Errno::EXIST) => {}
                        moved => break moved?,
                    }
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(rustix::fs::unlinkat(top, name, AtFlags::REMOVEDIR)?)
}

/// Removes what is no folder, and names the folders.
fn folders_after_files(folder: &OwnedFd) -> io::Result<Vec<std::ffi::CString>> {
    let mut folders = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::ISDIR | Errno::PERM) => folders.push(name.to_owned()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(folders)
}

/// Opens a folder, following no link, and gives its owner all rights on it.
fn open(parent: impl AsFd, path: impl rustix::path::Arg + Copy) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = match rustix::fs::openat(&parent, path, flags, Mode::empty()) {
        Err(Errno::ACCESS) => {
            // Not by its name, at which a link may stand by now.
            let held = rustix::fs::openat(
                &parent,
                path,
                OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                Mode::empty(),
            )?;
            allow(&held)?;
            rustix::fs::openat(&parent, path, flags, Mode::empty())?
        }
        opened => opened?,
    };
    // Whose owner is root may do so anyway.
    if !rustix::process::geteuid().is_root() {
        allow(&opened)?;
    }
    Ok(opened)
}

fn allow(folder: &OwnedFd) -> Result<(), Errno> {
    use std::os::fd::AsRawFd as _;
    let path = format!("/proc/self/fd/{}", folder.as_raw_fd());
    rustix::fs::chmod(path, Mode::RWXU)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deeper than any path may be long, or any stack high.
    #[test]
    fn a_tree_without_end_is_removed() {
        let outside = tempfile::tempdir().expect("a folder");
        let kept = outside.path().join("kept");
        std::fs::write(&kept, "x").expect("a file");
        let path = outside.path().join("tree");
        std::fs::create_dir(&path).expect("a folder");
        let mut folder = open(CWD, &path).expect("opened");
        for depth in 0..20_000 {
            if depth % 1_000 == 0 {
                rustix::fs::symlinkat(&kept, &folder, "link").expect("a link");
                rustix::fs::symlinkat(outside.path(), &folder, "up").expect("a link");
                rustix::fs::mkdirat(&folder, "watchbill-removed-1", Mode::RWXU).expect("made");
            }
            rustix::fs::mkdirat(&folder, "d", Mode::RWXU).expect("made");
            folder = open(&folder, c"d").expect("opened");
        }
        remove_tree(&path).expect("removed");
        assert!(!path.exists());
        assert_eq!(std::fs::read_to_string(&kept).expect("kept"), "x");
        remove_tree(&path).expect("nothing is there any more");
        remove_tree(&kept).expect("a file");
        assert!(!kept.exists());
    }

    #[test]
    fn folders_that_are_closed_are_removed() {
        let outside = tempfile::tempdir().expect("a folder");
        let path = outside.path().join("tree");
        std::fs::create_dir_all(path.join("closed/inner/file")).expect("folders");
        std::fs::set_permissions(
            path.join("closed"),
            std::os::unix::fs::PermissionsExt::from_mode(0o000),
        )
        .expect("ours");
        remove_tree(&path).expect("removed");
        assert!(!path.exists());
    }
}
