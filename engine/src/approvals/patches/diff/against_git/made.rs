//! Patches that git makes of one commit's files and of many others that come after it.

use std::collections::BTreeMap;

use super::chance::Chance;
use super::git::Git;

/// Git's name for the only link there is, which leads to `docs/a.md`.
pub const LINK_NAME: &str = "21b2998c147e54e1d6287d4e3b74c638cf0da2ef";

const COMMITS: usize = 120;

pub struct Made {
    pub patch: Vec<u8>,
    /// Nothing is in it that cannot be told in paths and lines.
    pub is_plain: bool,
}

type Tree = BTreeMap<Vec<u8>, (&'static str, Vec<u8>)>;

const NAMES: [&[u8]; 12] = [
    b"a.txt",
    b"docs/a.md",
    b"docs/deep/b.md",
    b"src/main.rs",
    b"run.sh",
    b"two words.txt",
    b"docs/two words b/two words",
    "docs/\u{e9}t\u{e9}.md".as_bytes(),
    b"qu\"ote.txt",
    b"b/x",
    b"x b/x",
    b"ends in a blank ",
];
const ODD_NAMES: [&[u8]; 4] = [b"latin-\xe9", b"tab\there", b"back\\slash", b"new\nline"];
const NEW_NAMES: [&[u8]; 6] = [
    b"new.txt",
    b"docs/new one.md",
    b"evil.sh",
    b"b/b/y",
    "neuf/\u{eb}.md".as_bytes(),
    b".github/workflows/x.yml",
];

/// All that several ways to ask git for a diff give.
pub fn all(git: &Git, seed: u64) -> Vec<Made> {
    let mut chance = Chance::new(seed);
    let base = base(&mut chance);
    let mut commits = Vec::new();
    commit(&mut commits, "base", &Tree::new(), &base);
    let mut is_plain = Vec::new();
    for number in 0..COMMITS {
        let mut tree = base.clone();
        let is_odd = chance.is(35);
        for _ in 0..=chance.below(4) {
            change(&mut tree, is_odd, &mut chance);
        }
        commit(&mut commits, &format!("c{number}"), &base, &tree);
        is_plain.push(!is_odd);
    }
    git.must(&["fast-import", "--quiet", "--force"], &commits);
    let list = git.must(
        &["for-each-ref", "--format=%(objectname) %(refname:lstrip=2)"],
        b"",
    );
    let names: BTreeMap<String, String> = String::from_utf8(list)
        .unwrap()
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(commit, name)| (name.to_owned(), commit.to_owned()))
        .collect();
    git.stand_at(&names["base"]);
    let commits: Vec<&str> = (0..COMMITS)
        .map(|number| names[&format!("c{number}")].as_str())
        .collect();
    let ways: [(&[&str], bool); 8] = [
        (&[], true),
        (&["-M", "-C", "--find-copies-harder", "--full-index"], true),
        (&["-M30%", "-B", "-U0"], true),
        (&["--no-renames", "--binary", "-U1"], true),
        (&["-M", "--function-context", "--patience"], true),
        (&["-R"], false),
        (&["--no-prefix"], false),
        (&["-D", "--src-prefix=i/", "--dst-prefix=w/"], false),
    ];
    let mut made = Vec::new();
    for (number, (way, is_usual)) in ways.iter().enumerate() {
        let quoted = format!("core.quotePath={}", number % 2 == 0);
        let blank = format!("diff.suppressBlankEmpty={}", number % 3 == 0);
        let first = [
            "-c",
            &quoted,
            "-c",
            &blank,
            "diff-tree",
            "--stdin",
            "--always",
            "-r",
            "-p",
        ];
        let input = commits.join("\n") + "\n";
        let output = git.must(&[&first, *way].concat(), input.as_bytes());
        for (patch, is_plain) in parted(&output, &commits).into_iter().zip(&is_plain) {
            let is_plain = *is_plain && *is_usual;
            made.push(Made { patch, is_plain });
        }
    }
    made.retain(|made| !made.patch.is_empty());
    made
}

/// The patch below each commit's name.
fn parted(output: &[u8], commits: &[&str]) -> Vec<Vec<u8>> {
    let mut patches: Vec<Vec<u8>> = Vec::new();
    for line in output.split_inclusive(|&byte| byte == b'\n') {
        let next = commits.get(patches.len());
        if next.is_some_and(|commit| line.strip_suffix(b"\n") == Some(commit.as_bytes())) {
            patches.push(Vec::new());
        } else {
            patches.last_mut().unwrap().extend_from_slice(line);
        }
    }
    assert_eq!(patches.len(), commits.len(), "git leaves commits out");
    patches
}

fn base(chance: &mut Chance) -> Tree {
    let mut tree: Tree = [&NAMES[..], &ODD_NAMES]
        .concat()
        .into_iter()
        .map(|name| (name.to_vec(), ("100644", text(chance))))
        .collect();
    tree.insert(b"run.sh".to_vec(), ("100755", text(chance)));
    tree.insert(b"empty".to_vec(), ("100644", Vec::new()));
    tree.insert(b"link".to_vec(), ("120000", b"docs/a.md".to_vec()));
    tree.insert(b"binary".to_vec(), ("100644", b"\0\x01\x02".repeat(50)));
    tree
}

/// Lines of several kinds, so that hunks have all that a file may have.
fn text(chance: &mut Chance) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..4 + chance.below(25) {
        line(&mut text, chance);
    }
    if chance.is(25) {
        text.truncate(text.len() - 1);
    }
    text
}

fn line(text: &mut Vec<u8>, chance: &mut Chance) {
    let lines: [&[u8]; 10] = [
        b"-- a line like a header",
        b"++ b/evil.sh",
        b"fn function() {",
        b"",
        b"carriage return\r",
        b"two\rparts",
        b"caf\xe9",
        b"rename from x",
        b"@@ -1 +1 @@",
        b"diff --git a/evil.sh b/evil.sh",
    ];
    if chance.is(60) {
        text.extend_from_slice(format!("line {}", chance.below(10_000)).as_bytes());
    } else {
        text.extend_from_slice(chance.one_of(&lines));
    }
    text.push(b'\n');
}

fn change(tree: &mut Tree, is_odd: bool, chance: &mut Chance) {
    let name = chance.one_of(&NAMES).to_vec();
    let new = chance.one_of(&NEW_NAMES).to_vec();
    let other = if is_odd { 13 } else { 9 };
    match (chance.below(other), tree.get(&name).cloned()) {
        (0, _) => drop(tree.remove(&name)),
        (1, _) => drop(tree.insert(new, ("100644", text(chance)))),
        (2, _) => drop(tree.insert(new, ("100755", Vec::new()))),
        (3, Some(file)) => {
            tree.remove(&name);
            tree.insert(new, file);
        }
        (4, Some((mode, content))) => {
            tree.remove(&name);
            tree.insert(new, (mode, edited(&content, chance)));
        }
        (5, Some((mode, content))) => {
            tree.insert(new, (mode, edited(&content, chance)));
        }
        (6, Some((mode, content))) => {
            let mode = if mode == "100644" { "100755" } else { "100644" };
            let content = if chance.is(50) {
                edited(&content, chance)
            } else {
                content
            };
            tree.insert(name, (mode, content));
        }
        (7, _) => drop(tree.remove(&b"empty"[..])),
        (9, _) => drop(tree.insert(b"binary".to_vec(), ("100644", b"\0\x02".repeat(40)))),
        (10, _) => drop(tree.insert(new, ("120000", b"/etc/passwd".to_vec()))),
        (11, _) => drop(tree.insert(b"link".to_vec(), ("120000", b"/etc".to_vec()))),
        (12, _) => {
            let name = chance.one_of(&ODD_NAMES).to_vec();
            tree.insert(name, ("100644", text(chance)));
        }
        (_, Some((mode, content))) => drop(tree.insert(name, (mode, edited(&content, chance)))),
        (_, None) => {}
    }
}

fn edited(content: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut edited = Vec::new();
    for old in content.split_inclusive(|&byte| byte == b'\n') {
        match chance.below(12) {
            0 => {}
            1 => line(&mut edited, chance),
            2 => {
                edited.extend_from_slice(old);
                if old.ends_with(b"\n") {
                    line(&mut edited, chance);
                }
            }
            _ => edited.extend_from_slice(old),
        }
    }
    edited
}

/// Writes a commit for `git fast-import`.
fn commit(out: &mut Vec<u8>, name: &str, before: &Tree, after: &Tree) {
    let from = if before.is_empty() {
        ""
    } else {
        "from refs/heads/base\n"
    };
    let head = format!("commit refs/heads/{name}\ncommitter t <t@e.org> 0 +0000\ndata 0\n\n{from}");
    out.extend_from_slice(head.as_bytes());
    let quoted = |path: &[u8]| -> String {
        let escaped: Vec<String> = path.iter().map(|byte| format!("\\{byte:03o}")).collect();
        format!("\"{}\"", escaped.concat())
    };
    for path in before.keys().filter(|path| !after.contains_key(*path)) {
        out.extend_from_slice(format!("D {}\n", quoted(path)).as_bytes());
    }
    for (path, file @ (mode, content)) in after {
        if before.get(path) != Some(file) {
            let head = format!("M {mode} inline {}\ndata {}\n", quoted(path), content.len());
            out.extend_from_slice(head.as_bytes());
            out.extend_from_slice(content);
            out.push(b'\n');
        }
    }
}
