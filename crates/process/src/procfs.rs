//! What `/proc` says of processes. Everything here may be gone a moment later.

use std::fs;
use std::os::unix::fs::MetadataExt;

/// One process, as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    pub group: i32,
    pub session: i32,
    /// It has ended and only waits to be reaped.
    pub is_zombie: bool,
    /// In clock ticks since boot: with the pid, its identity.
    pub started: u64,
}

/// The process of this pid.
#[must_use]
pub fn read(pid: i32) -> Option<Process> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// All processes that can be seen.
#[must_use]
pub fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(read)
        .collect()
}

/// The pids whose parent is this process; `None` where the kernel does not tell.
#[must_use]
pub fn own_children() -> Option<Vec<i32>> {
    let mut children = Vec::new();
    for thread in fs::read_dir("/proc/self/task").ok()? {
        let path = thread.ok()?.path().join("children");
        match fs::read_to_string(path) {
            Ok(list) => children.extend(
                list.split_ascii_whitespace()
                    .filter_map(|pid| pid.parse::<i32>().ok()),
            ),
            // A thread that has just ended has no children; a kernel without the file never has it.
            Err(_) if fs::exists("/proc/thread-self/children").unwrap_or(false) => {}
            Err(_) => return None,
        }
    }
    Some(children)
}

/// Everyone who descends from this process and has not ended.
#[must_use]
pub fn descendants(of: i32) -> Vec<i32> {
    let mut processes = all();
    processes.retain(|process| !process.is_zombie);
    let mut found = vec![of];
    let mut looked_at = 0;
    while let Some(&parent) = found.get(looked_at) {
        looked_at += 1;
        let children = processes.iter().filter(|process| process.parent == parent);
        found.extend(children.map(|process| process.pid));
    }
    found.split_off(1)
}

/// Whether the environment that the process was started with has this entry, or one
/// that begins with it; false where it may not be read.
#[must_use]
pub fn environment_entry(pid: i32, prefix: &str) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    environment
        .split(|&byte| byte == 0)
        .find(|entry| entry.starts_with(prefix.as_bytes()))
        .map(|entry| String::from_utf8_lossy(entry).into_owned())
}

/// Whose process it is.
#[must_use]
pub fn owner(pid: i32) -> Option<u32> {
    fs::metadata(format!("/proc/{pid}")).ok().map(|it| it.uid())
}

/// The namespace in which pids mean what they mean here.
#[must_use]
pub fn pid_namespace() -> String {
    fs::read_link("/proc/self/ns/pid")
        .map(|link| {
            link.to_string_lossy()
                .chars()
                .filter(char::is_ascii_digit)
                .collect()
        })
        .unwrap_or_default()
}

fn parse(line: &str) -> Option<Process> {
    // The name is in parentheses and may itself contain blanks and parentheses.
    let (start, rest) = line.rsplit_once(')')?;
    let pid = start.split_once(' ')?.0.parse().ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    // Field 22 of the line; field 7 is next.
    let started = fields.nth(15)?.parse().ok()?;
    Some(Process {
        pid,
        parent,
        group,
        session,
        is_zombie: matches!(state, "Z" | "X" | "x"),
        started,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_is_no_obstacle() {
        let stat = "42 (a) b (c) S 1 40 39 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987 1 2";
        let process = parse(stat).unwrap();
        assert_eq!(
            (
                process.pid,
                process.parent,
                process.group,
                process.session,
                process.started
            ),
            (42, 1, 40, 39, 987)
        );
        assert!(!process.is_zombie);
    }

    #[test]
    fn this_process_is_found() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(read(own).unwrap().pid, own);
        assert!(all().iter().any(|process| process.pid == own));
        assert!(environment_entry(own, "PATH=").is_some());
        assert!(environment_entry(own, "WATCHBILL_NO_SUCH=").is_none());
    }
}
