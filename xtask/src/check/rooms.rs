//! The arrows between the rooms of `engine`: each may name those above it in the list, and no other.

use std::path::Path;

use anyhow::Result;

use super::{Source, sources};

/// The folders of `engine/src`, from the lowest. What lies beside them (`audit`, `pool`, …) all may name.
const ROOMS: [&str; 13] = [
    "identity",
    "schedule",
    "plans",
    "tasks",
    "approvals",
    "notify",
    "lifecycle",
    "reported",
    "slack",
    "worker",
    "upkeep",
    "scheduler",
    "history",
];

/// Names each file that uses a room above its own, and folders that the list does not know.
///
/// # Errors
/// Where the sources cannot be listed.
pub fn check() -> Result<Vec<String>> {
    Ok(sources("rs", &["engine/src"])?
        .iter()
        .flat_map(upward)
        .collect())
}

fn upward(source: &Source) -> Vec<String> {
    let path = source.path.display();
    let Ok(inside) = source.path.strip_prefix("engine/src") else {
        return Vec::new();
    };
    let Some(room) = room_of(inside) else {
        return Vec::new();
    };
    let Some(own) = floor(room) else {
        return vec![format!(
            "{path}: the room {room} has no place in xtask/src/check/rooms.rs"
        )];
    };
    let mut findings = Vec::new();
    for (number, name) in named(&source.text) {
        if floor(name).is_some_and(|other| other > own) {
            findings.push(format!(
                "{path}:{number}: {room} must not name engine/src/{name}, which stands above it"
            ));
        }
    }
    findings
}

/// The folder that a file is in; `None` for what lies beside the folders.
fn room_of(inside: &Path) -> Option<&str> {
    let mut parts = inside.iter();
    let first = parts.next()?.to_str()?;
    parts.next().map(|_| first)
}

fn floor(room: &str) -> Option<usize> {
    ROOMS.iter().position(|known| *known == room)
}

/// What a file names of its crate, with the line of each: `crate::name` and `crate::{one, two::…}`.
fn named(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices("crate::") {
        let line = text[..start].matches('\n').count() + 1;
        let rest = &text[start + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => found.extend(word(rest).map(|name| (line, name))),
            Some(list) => found.extend(members(list).into_iter().map(|name| (line, name))),
        }
    }
    found
}

/// The first name of each entry of a list in braces, whose opening brace is gone.
fn members(list: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut begins = true;
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            _ if begins && depth == 0 && !character.is_whitespace() => {
                found.extend(word(&list[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    found
}

fn word(text: &str) -> Option<&str> {
    let end = text
        .find(|character: char| !character.is_alphanumeric() && character != '_')
        .unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source {
            path: path.into(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_planted_arrow_upwards_is_named_with_both_ends() {
        for text in [
            "use crate::lifecycle::settle;",
            "\nuse crate::{Engine, Result, lifecycle};",
            "fn f() { crate::lifecycle::claim() }",
            "use crate::{\n    Engine,\n    lifecycle::{claim, finish},\n};",
        ] {
            let findings = upward(&source("engine/src/tasks/stored.rs", text));
            assert_eq!(findings.len(), 1, "{text}: {findings:?}");
            assert!(
                findings[0].starts_with("engine/src/tasks/stored.rs:"),
                "{findings:?}"
            );
            assert!(findings[0].contains("engine/src/lifecycle"), "{findings:?}");
        }
    }

    #[test]
    fn arrows_downwards_and_the_ground_are_free() {
        for text in [
            "use crate::tasks::{Move, lock_task};\nuse crate::{Engine, Error, audit, plans};",
            "use crate::lifecycle::settle;",
            "use crate::tasks::{lifecycle, history};",
        ] {
            assert_eq!(
                upward(&source("engine/src/lifecycle/hold.rs", text)),
                [""; 0],
                "{text}"
            );
        }
        assert_eq!(
            upward(&source("engine/src/lib.rs", "use crate::history;")),
            [""; 0]
        );
    }

    #[test]
    fn a_folder_without_a_place_is_a_finding() {
        let findings = upward(&source("engine/src/cellar/wine.rs", ""));
        assert!(
            findings.iter().any(|finding| finding.contains("cellar")),
            "{findings:?}"
        );
    }
}
