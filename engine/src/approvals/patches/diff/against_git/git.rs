//! A scratch repository, and what git says of a patch to it.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

pub struct Git {
    folder: TempDir,
}

/// Files and lines, as git counts them.
pub struct Files {
    pub paths: Vec<Vec<u8>>,
    pub lines: u64,
}

#[derive(Debug)]
pub struct Change {
    pub path: Vec<u8>,
    /// It is a link or a submodule that leads where none of the repository did.
    pub leads_elsewhere: bool,
}

impl Git {
    /// A repository without files; `None` if there is no git.
    pub fn find() -> Option<Self> {
        match Command::new("git").arg("--version").output() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                println!("skipped: there is no git");
                return None;
            }
            found => println!("{}", String::from_utf8_lossy(&found.unwrap().stdout)),
        }
        let git = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        git.must(&["init", "--quiet", "--initial-branch=base"], b"");
        Some(git)
    }

    /// Git's answer; the error is why it refuses.
    fn ask(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
        let mut child = Command::new("git")
            .args(arguments)
            .current_dir(self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CEILING_DIRECTORIES", self.folder.path())
            .env("HOME", self.folder.path())
            .env_remove("GIT_DIR")
            .env_remove("GIT_INDEX_FILE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            // Git may end without reading all of it.
            scope.spawn(move || drop(stdin.write_all(input)));
            child.wait_with_output().unwrap()
        });
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// Git's answer.
    pub fn must(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        self.ask(arguments, input)
            .unwrap_or_else(|problem| panic!("git {arguments:?}: {problem}"))
    }

    /// Makes the index that patches are tried on.
    pub fn stand_at(&self, commit: &str) {
        self.must(&["read-tree", commit], b"");
        self.must(&["update-ref", "HEAD", commit], b"");
        std::fs::copy(self.index(), self.kept()).unwrap();
    }

    /// Applies the patch to the index; `None` if git refuses it.
    pub fn apply(&self, patch: &[u8]) -> Option<Files> {
        self.numbers(
            patch,
            &[
                "--apply",
                "--cached",
                "--unidiff-zero",
                "--whitespace=nowarn",
            ],
        )
    }

    /// Files that git would change; `None` if it does not understand the patch.
    pub fn numbers(&self, patch: &[u8], more: &[&str]) -> Option<Files> {
        let answer = self
            .ask(&[&["apply", "--numstat", "-z"], more].concat(), patch)
            .ok()?;
        let mut files = Files {
            paths: Vec::new(),
            lines: 0,
        };
        for file in answer
            .split(|&byte| byte == 0)
            .filter(|file| !file.is_empty())
        {
            let mut parts = file.splitn(3, |&byte| byte == b'\t');
            for _ in 0..2 {
                let number = std::str::from_utf8(parts.next().unwrap()).unwrap();
                // A binary file has `-`: more lines than any reader tells.
                files.lines += number.parse().unwrap_or(1_000_000);
            }
            files.paths.push(parts.next().unwrap().to_vec());
        }
        Some(files)
    }

    /// Files that the index has otherwise than the commit, and takes them back.
    pub fn changes(&self) -> Vec<Change> {
        let raw = [
            "diff-index",
            "--cached",
            "--raw",
            "-z",
            "--no-renames",
            "--no-abbrev",
            "HEAD",
        ];
        let answer = self.must(&raw, b"");
        std::fs::copy(self.kept(), self.index()).unwrap();
        let mut parts = answer.split(|&byte| byte == 0);
        let mut changes = Vec::new();
        while let (Some(head), Some(path)) = (parts.next(), parts.next()) {
            let fields: Vec<&str> = std::str::from_utf8(head).unwrap().split(' ').collect();
            let is_known = fields[3] == super::made::LINK_NAME;
            changes.push(Change {
                path: path.to_vec(),
                leads_elsewhere: !is_known && !["000000", "100644", "100755"].contains(&fields[1]),
            });
        }
        changes
    }

    fn index(&self) -> std::path::PathBuf {
        self.folder.path().join(Path::new(".git/index"))
    }

    fn kept(&self) -> std::path::PathBuf {
        self.folder.path().join("kept-index")
    }
}
