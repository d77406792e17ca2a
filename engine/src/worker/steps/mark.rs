//! The unguessable mark that every process of an attempt inherits in its environment.

use std::sync::LazyLock;

use uuid::Uuid;

use process::procfs;

/// The variable that carries the mark.
pub const VARIABLE: &str = "WATCHBILL_MARK";

/// Names an attempt's processes, and the process that started them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mark(String);

impl Mark {
    /// A mark of this process.
    #[must_use]
    pub fn new(random: Uuid) -> Self {
        Self(format!("{}{}", *OWN_PREFIX, random.simple()))
    }

    /// The text, such as `4026531836-812-3321-…`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the process that made this mark, in the same pid namespace, is gone.
/// A mark of another namespace says nothing here.
#[must_use]
pub fn is_orphaned(mark: &str) -> bool {
    let mut parts = mark.split('-');
    let (Some(namespace), Some(pid), Some(started)) = (
        parts.next(),
        parts.next().and_then(|it| it.parse().ok()),
        parts.next().and_then(|it| it.parse::<u64>().ok()),
    ) else {
        return false;
    };
    namespace == procfs::pid_namespace()
        && procfs::read(pid).is_none_or(|process| process.is_zombie || process.started != started)
}

/// Kills what a worker left running that was itself killed, so that nothing of the
/// old attempt works beside the new one. Returns how many processes there were.
pub fn kill_orphans() -> usize {
    let mut killed = 0;
    for process in procfs::all() {
        let Some(entry) = procfs::environment_entry(process.pid, VARIABLE) else {
            continue;
        };
        let is_orphan = entry
            .split_once('=')
            .is_some_and(|(name, mark)| name == VARIABLE && is_orphaned(mark));
        let pid = nix::unistd::Pid::from_raw(process.pid);
        if is_orphan && nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).is_ok() {
            killed += 1;
        }
    }
    killed
}

/// Does not change while the process lives.
static OWN_PREFIX: LazyLock<String> = LazyLock::new(|| {
    let pid = std::process::id();
    let started = i32::try_from(pid)
        .ok()
        .and_then(procfs::read)
        .map_or(0, |process| process.started);
    format!("{}-{pid}-{started}-", procfs::pid_namespace())
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_lives_as_long_as_its_process() {
        let mark = Mark::new(Uuid::nil());
        assert!(!is_orphaned(mark.as_str()));
        let parts: Vec<&str> = mark.as_str().split('-').collect();
        let earlier = format!("{}-{}-1-{}", parts[0], parts[1], parts[3]);
        assert!(
            is_orphaned(&earlier),
            "the pid belongs to another process by now"
        );
        assert!(
            !is_orphaned(&format!("1-{}-1-x", parts[1])),
            "another namespace"
        );
        assert!(!is_orphaned("nonsense"));
    }
}
