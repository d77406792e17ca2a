//! The files of a layout on the disk. Every folder is opened from the one above it, following no
//! link, and names are taken for what a step chose.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};

use super::super::artifacts::measure;
use super::super::workspace::{open_folder, open_own_file, opened_path};
use super::shown;
use crate::lifecycle::UsedFile;
use crate::tasks::digest::hex;

const FOLDER_READ_ONLY: u32 = 0o555;
const FILE_READ_ONLY: u32 = 0o444;

/// Makes a folder in another, or takes the one that is there, and opens it.
///
/// # Errors
/// Something else is there, or the operating system does not allow it.
pub fn make_folder(parent: &impl AsFd, name: &str) -> io::Result<OwnedFd> {
    match mkdirat(parent, name, Mode::from_bits_truncate(0o755)) {
        Ok(()) | Err(Errno::EEXIST) => open_folder(parent, name),
        Err(error) => Err(error.into()),
    }
}

/// Makes an empty file below the task's folder, with the folders to it.
///
/// # Errors
/// Its name leads elsewhere, or something is there.
pub fn make_file(layout: &OwnedFd, task: &str, path: &str) -> io::Result<File> {
    let parts: Vec<&str> = path.split('/').collect();
    if !parts.iter().copied().chain([task]).all(is_plain) {
        return Err(io::Error::other("its name leads elsewhere"));
    }
    let (name, folders) = parts.split_last().unwrap_or((&"", &[]));
    let mut folder = make_folder(layout, task)?;
    for part in folders {
        folder = make_folder(&folder, part)?;
    }
    let flags =
        OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let file = File::from(openat(&folder, *name, flags, Mode::S_IRUSR)?);
    file.set_permissions(PermissionsExt::from_mode(FILE_READ_ONLY))?;
    Ok(file)
}

/// Appends to a file; gives it back.
///
/// # Errors
/// The operating system's reason not to: the disk may be full.
pub fn write_on(mut file: File, content: &[u8]) -> io::Result<File> {
    file.write_all(content)?;
    Ok(file)
}

/// Takes the right to write in the folder, and in all below it, from everybody.
///
/// # Errors
/// The operating system's reason not to.
pub fn seal(folder: &OwnedFd) -> io::Result<()> {
    for name in entries(folder)? {
        let Some(name) = name.to_str() else { continue };
        match open_folder(folder, name) {
            Ok(inner) => seal(&inner)?,
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
            Err(error) => return Err(error),
        }
    }
    std::fs::set_permissions(
        opened_path(folder),
        PermissionsExt::from_mode(FOLDER_READ_ONLY),
    )
}

/// Reads all below the folder, and compares it with what was kept.
///
/// # Errors
/// A sentence that names the first file that differs, and both hashes.
pub fn compare(folder: &OwnedFd, files: &[UsedFile]) -> Result<(), String> {
    let mut expected: BTreeMap<String, &UsedFile> = files
        .iter()
        .map(|file| (shown(&file.task, &file.path), file))
        .collect();
    let folders: BTreeSet<String> = expected
        .keys()
        .flat_map(|path| {
            path.match_indices('/')
                .map(|(end, _)| path[..end].to_owned())
        })
        .collect();
    compare_below(folder, "", &folders, &mut expected)?;
    match expected.into_iter().next() {
        None => Ok(()),
        Some((path, file)) => Err(format!(
            "the file {path} that it uses is gone; sha256:{} was kept",
            hex(&file.sha256)
        )),
    }
}

fn compare_below(
    folder: &OwnedFd,
    above: &str,
    folders: &BTreeSet<String>,
    expected: &mut BTreeMap<String, &UsedFile>,
) -> Result<(), String> {
    let unread =
        |path: &str, error: io::Error| format!("what it uses cannot be read at {path}: {error}");
    for name in entries(folder).map_err(|error| unread(above, error))? {
        let path = format!("{above}{}", name.to_string_lossy());
        let plain = name.to_str().unwrap_or_default();
        if folders.contains(&path) {
            let inner = open_folder(folder, plain).map_err(|error| unread(&path, error))?;
            compare_below(&inner, &format!("{path}/"), folders, expected)?;
            continue;
        }
        let Some(file) = expected.remove(&path) else {
            return Err(format!(
                "among the files that it uses is {path}, which no task left"
            ));
        };
        let kept = hex(&file.sha256);
        let measured = open_own_file(folder, plain, None)
            .and_then(|opened| measure(&opened, file.bytes))
            .map_err(|error| unread(&path, error))?;
        let found = match measured {
            Some((_, sha256)) if sha256 == file.sha256 => continue,
            Some((_, sha256)) => format!("sha256:{}", hex(&sha256)),
            None => format!("more than its {} bytes", file.bytes),
        };
        return Err(format!(
            "the file {path} that it uses is not what was kept: it has {found}, and sha256:{kept} was kept"
        ));
    }
    Ok(())
}

/// Removes a folder with all below it, whatever may be written there. None is as good.
///
/// # Errors
/// The operating system's reason not to.
pub fn remove(path: &Path) -> io::Result<()> {
    process::remove_tree(path)
}

fn entries(folder: &OwnedFd) -> io::Result<Vec<OsString>> {
    std::fs::read_dir(opened_path(folder))?
        .map(|entry| Ok(entry?.file_name()))
        .collect()
}

/// Tells if it is a name within one folder.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0'])
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    fn file(path: &str, content: &str) -> UsedFile {
        UsedFile {
            id: 0,
            task: "build".to_owned(),
            path: path.to_owned(),
            bytes: content.len() as u64,
            sha256: Sha256::digest(content).into(),
        }
    }

    fn laid() -> (tempfile::TempDir, OwnedFd, Vec<UsedFile>) {
        let above = tempfile::tempdir().expect("a folder");
        let parent = File::open(above.path()).expect("it opens");
        let folder = make_folder(&parent, "layout").expect("a folder");
        let files = vec![file("a", "one"), file("deep/b", "two")];
        for (file, content) in files.iter().zip(["one", "two"]) {
            let made = make_file(&folder, &file.task, &file.path).expect("a file");
            write_on(made, content.as_bytes()).expect("room");
        }
        seal(&folder).expect("sealed");
        (above, folder, files)
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let (above, folder, _) = laid();
        for (task, path) in [
            ("..", "a"),
            ("build", ".."),
            ("build", "../a"),
            ("build", "/etc/x"),
            ("build", "a//b"),
            ("build", ""),
            ("a/b", "c"),
        ] {
            let refused = make_file(&folder, task, path).expect_err("refused");
            assert!(refused.to_string().contains("elsewhere"), "{task} {path}");
        }
        std::os::unix::fs::symlink("/tmp", above.path().join("link")).expect("a link");
        let parent = File::open(above.path()).expect("it opens");
        assert!(make_folder(&parent, "link").is_err());
        let layout = OwnedFd::from(parent);
        assert!(make_file(&layout, "link", "a").is_err());
        remove(&above.path().join("layout")).expect("removed");
    }

    #[test]
    fn every_difference_is_found_and_all_can_be_removed() {
        type Attack = (fn(&Path), &'static str);
        let write = |path: &Path, text: &str| {
            let _ = std::fs::set_permissions(path, PermissionsExt::from_mode(0o644));
            std::fs::write(path, text).expect("written");
        };
        let attacks: [Attack; 6] = [
            (
                |it| std::fs::remove_file(it.join("build/a")).expect("it was there"),
                "build/a that it uses is gone; sha256:",
            ),
            (
                |it| std::fs::write(it.join("build/deep/c"), "x").expect("room"),
                "build/deep/c, which no task left",
            ),
            (
                |it| std::fs::create_dir(it.join("build/more")).expect("room"),
                "build/more, which no task left",
            ),
            (
                |it| {
                    std::fs::remove_file(it.join("build/a")).expect("it was there");
                    std::os::unix::fs::symlink("deep/b", it.join("build/a")).expect("room");
                },
                "cannot be read at build/a",
            ),
            (
                |it| {
                    std::fs::rename(it.join("build/deep"), it.with_extension("aside"))
                        .expect("moved");
                    std::os::unix::fs::symlink(it.with_extension("aside"), it.join("build/deep"))
                        .expect("room");
                },
                "cannot be read at build/deep",
            ),
            (
                |it| {
                    let mode = PermissionsExt::from_mode(0o000);
                    std::fs::remove_file(it.join("build/a")).expect("it was there");
                    std::fs::set_permissions(it.join("build/deep"), mode).expect("ours");
                },
                "build/",
            ),
        ];
        for (attack, expected) in attacks {
            let (above, folder, files) = laid();
            let path = above.path().join("layout");
            assert_eq!(compare(&folder, &files), Ok(()));
            for inner in ["", "build", "build/deep"] {
                let mode = PermissionsExt::from_mode(0o755);
                std::fs::set_permissions(path.join(inner), mode).expect("ours");
            }
            attack(&path);
            let difference = compare(&folder, &files).expect_err("it differs");
            assert!(difference.contains(expected), "{difference}");
            remove(&path).expect("removed");
            assert!(!path.exists());
            remove(&path).expect("none is as good");
        }
        let (above, folder, files) = laid();
        let path = above.path().join("layout");
        write(&path.join("build/deep/b"), "two!");
        let longer = compare(&folder, &files).expect_err("it differs");
        assert!(longer.contains("more than its 3 bytes"), "{longer}");
        write(&path.join("build/deep/b"), "owt");
        let other = compare(&folder, &files).expect_err("it differs");
        assert_eq!(other.matches("sha256:").count(), 2, "{other}");
        assert!(other.contains("build/deep/b"), "{other}");
        remove(&path).expect("removed");
    }

    #[test]
    fn a_link_at_its_name_is_removed_and_not_what_it_leads_to() {
        let (above, _folder, _) = laid();
        let link = above.path().join("link");
        std::os::unix::fs::symlink(above.path().join("layout"), &link).expect("a link");
        remove(&link).expect("removed");
        assert!(above.path().join("layout/build/a").is_file());
        remove(&above.path().join("layout")).expect("removed");
    }
}
