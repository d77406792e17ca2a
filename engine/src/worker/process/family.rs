//! All processes of one attempt: its group, its session and whoever left them.
//!
//! A process is of the family when it is in the leader's group or session, when it
//! descends from one that is, or when it carries the attempt's mark. The worker is a
//! subreaper, so that a descendant whose parent has ended becomes the worker's child
//! and cannot hide behind process 1.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getsid};
use tokio::time::Instant;

use super::mark::Mark;
use super::procfs::{self, Process};

/// How long a killed process may take to vanish before a person must look.
const KILL_PATIENCE: Duration = Duration::from_secs(10);

/// What this process has started and not yet buried.
#[derive(Default)]
pub struct Living {
    /// Leaders that are not reaped yet: their exit status is not for us to take.
    leaders: HashSet<i32>,
    marks: HashSet<String>,
}

static LIVING: LazyLock<Mutex<Living>> = LazyLock::new(Mutex::default);

/// Held while a leader is started, so that nobody takes it for a stray in between.
pub fn living() -> MutexGuard<'static, Living> {
    LIVING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The processes of one attempt. Dropped before it was ended, it kills what it can.
#[derive(Debug)]
pub struct Family {
    leader: i32,
    started: u64,
    mark: Mark,
    /// The user that only steps run as.
    own_user: Option<u32>,
    /// Nothing of it lived when somebody last looked, and nothing can come any more.
    was_empty: AtomicBool,
}

impl Family {
    /// The family of a leader that was just started, while `living` is held.
    #[must_use]
    pub fn found(living: &mut Living, leader: i32, mark: Mark, own_user: Option<u32>) -> Self {
        living.leaders.insert(leader);
        living.marks.insert(mark.as_str().to_owned());
        Self {
            leader,
            started: procfs::read(leader).map_or(0, |process| process.started),
            mark,
            own_user,
            was_empty: AtomicBool::new(false),
        }
    }

    /// To be called once the leader's exit status was taken.
    pub fn leader_is_reaped(&self) {
        living().leaders.remove(&self.leader);
    }

    /// Whether nothing of it lives; cheap where that is so. The leader must be reaped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let no_adopted = match adopted() {
            Some(adopted) => adopted.is_empty(),
            None => false,
        };
        let group = Pid::from_raw(self.leader);
        let is_empty =
            (no_adopted && killpg(group, None) == Err(Errno::ESRCH)) || self.members().is_empty();
        self.was_empty.store(is_empty, Ordering::Relaxed);
        is_empty
    }

    /// Everyone who lives.
    #[must_use]
    pub fn members(&self) -> Vec<i32> {
        let own = own_pid();
        let adopted = adopted();
        let (leaders, is_alone) = {
            let living = living();
            (living.leaders.clone(), living.marks.len() == 1)
        };
        let processes: Vec<Process> = procfs::all()
            .into_iter()
            .filter(|process| !process.is_zombie && process.pid != own)
            .collect();
        let entry = self.mark.entry();
        let is_member = |process: &Process| {
            if process.pid == self.leader
                || process.group == self.leader
                || process.session == self.leader
            {
                return true;
            }
            if process.started < self.started || leaders.contains(&process.pid) {
                return false;
            }
            if procfs::environment_entry(process.pid, &entry).is_some() {
                return true;
            }
            // It wiped its environment and left its parents; nobody else can have started it.
            let is_stray = process.parent == own
                && adopted
                    .as_ref()
                    .is_none_or(|adopted| adopted.contains(&process.pid));
            is_alone
                && is_stray
                && self.own_user.is_some()
                && procfs::owner(process.pid) == self.own_user
        };
        let mut members: HashSet<i32> = processes
            .iter()
            .filter(|process| is_member(process))
            .map(|process| process.pid)
            .collect();
        let parents: HashMap<i32, i32> = processes
            .iter()
            .map(|process| (process.pid, process.parent))
            .collect();
        loop {
            let before = members.len();
            members.extend(
                parents
                    .iter()
                    .filter(|(pid, parent)| members.contains(parent) && !leaders.contains(pid))
                    .map(|(pid, _)| *pid)
                    .collect::<Vec<_>>(),
            );
            if members.len() == before {
                return members.into_iter().collect();
            }
        }
    }

    /// Ends everyone: TERM, then KILL after `grace`, until nobody is left.
    ///
    /// # Errors
    /// The pids that not even KILL removed.
    pub async fn end(&self, grace: Duration) -> Result<(), Vec<i32>> {
        let kill_at = Instant::now() + grace;
        let give_up_at = kill_at + KILL_PATIENCE;
        if !grace.is_zero() {
            self.signal(Signal::SIGTERM);
            // A stopped process hears TERM only once it goes on.
            self.signal(Signal::SIGCONT);
        }
        let mut pause = Duration::from_millis(2);
        loop {
            let members = self.members();
            if members.is_empty() {
                return Ok(());
            }
            let now = Instant::now();
            if now >= give_up_at {
                return Err(members);
            }
            if now >= kill_at {
                self.signal_all(&members, Signal::SIGKILL);
            }
            let next = if now < kill_at {
                (now + pause).min(kill_at)
            } else {
                now + pause
            };
            tokio::time::sleep_until(next).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    fn signal(&self, signal: Signal) {
        self.signal_all(&self.members(), signal);
    }

    fn signal_all(&self, members: &[i32], signal: Signal) {
        // The whole group at once first: between one kill and the next it could fork.
        let _ = killpg(Pid::from_raw(self.leader), signal);
        for &pid in members {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        if !self.was_empty.load(Ordering::Relaxed) && !self.is_empty() {
            self.signal(Signal::SIGKILL);
        }
        let mut living = living();
        living.leaders.remove(&self.leader);
        living.marks.remove(self.mark.as_str());
    }
}

/// Makes this process the parent of every orphan among its descendants.
pub fn become_subreaper() {
    if let Err(error) = nix::sys::prctl::set_child_subreaper(true) {
        tracing::warn!("orphaned processes of steps may go unnoticed: {error}");
    }
}

/// Living children that this process did not start; those that have ended are reaped.
/// `None` where the kernel cannot tell.
fn adopted() -> Option<Vec<i32>> {
    if !nix::sys::prctl::get_child_subreaper().unwrap_or(false) && own_pid() != 1 {
        return None;
    }
    let own_session = getsid(None).ok()?.as_raw();
    let living = living();
    let children = procfs::own_children()?;
    let mut adopted = Vec::new();
    for pid in children {
        if living.leaders.contains(&pid) {
            continue;
        }
        match procfs::read(pid) {
            // Children in our own session are other parts' of this program.
            Some(process) if process.session == own_session || process.parent != own_pid() => {}
            Some(process) if process.is_zombie => {
                let _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
            }
            Some(_) => adopted.push(pid),
            None => {}
        }
    }
    Some(adopted)
}

fn own_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap_or(i32::MAX)
}
