//! The small process that forks inits, and the worker's way to ask it.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use nix::libc;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags};
use rustix::process::{DumpableBehavior, PidfdFlags};

use crate::kernel::{self, Forked};
use crate::wire::{self, Ask, Network, Walls};
use crate::{init, procfs};

/// The argument by which a program of ours knows that it is to be the launcher.
const ARGUMENT: &str = "launcher";

/// What tells the number of its socket; with the argument, since people may write that.
const VARIABLE: &str = "WATCHBILL_LAUNCHER_SOCKET";

/// The worker's side: starts the process, and again where it has ended.
pub struct Launcher {
    running: Mutex<Running>,
    /// The most open files of what it starts, where it is not what this process has.
    descriptors: Option<rustix::process::Rlimit>,
}

struct Running {
    socket: OwnedFd,
    process: Child,
}

impl Launcher {
    /// Starts the process: the program that is running now, which must call
    /// [`enter_if_asked`] before anything else.
    ///
    /// # Errors
    /// The operating system's reason not to start it.
    pub fn start(descriptors: Option<rustix::process::Rlimit>) -> io::Result<Self> {
        Ok(Self {
            running: Mutex::new(start(descriptors)?),
            descriptors,
        })
    }

    /// Has an init be made; returns the worker's end of its line.
    ///
    /// # Errors
    /// Where the launcher can be started no more.
    pub(crate) fn line(&self, walls: Walls, network: Network) -> io::Result<OwnedFd> {
        let (line, theirs) = wire::pair()?;
        rustix::io::ioctl_fionbio(&line, true)?;
        let ask = Ask { walls, network };
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if wire::send(&running.socket, &ask, &[theirs.as_fd()]).is_err() {
            tracing::warn!("the process that starts steps had ended and is started again");
            let gone = std::mem::replace(&mut *running, start(self.descriptors)?);
            bury(gone);
            wire::send(&running.socket, &ask, &[theirs.as_fd()])?;
        }
        Ok(line)
    }

    /// The launcher's pid, for who looks after processes.
    #[must_use]
    pub fn pid(&self) -> u32 {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.process.id()
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        let running = self
            .running
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        // It ends by itself once its socket is closed and the last attempt has ended; whoever
        // waited here for that could be who holds one.
        let _ = rustix::net::shutdown(&running.socket, rustix::net::Shutdown::Both);
        let _ = running.process.try_wait();
    }
}

fn bury(mut running: Running) {
    let _ = running.process.kill();
    let _ = running.process.wait();
}

fn start(descriptors: Option<rustix::process::Rlimit>) -> io::Result<Running> {
    let (ours, theirs) = wire::pair()?;
    // What is duplicated stays open when the program is executed.
    let theirs = rustix::io::fcntl_dupfd_cloexec(&theirs, 3)?;
    rustix::io::fcntl_setfd(&theirs, rustix::io::FdFlags::empty())?;
    let process = Command::new("/proc/self/exe")
        .arg0("watchbill-steps")
        .arg(ARGUMENT)
        .env_clear()
        .env(VARIABLE, theirs.as_raw_fd().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    drop(theirs);
    if let Some(limit) = descriptors {
        let pid = i32::try_from(process.id()).ok();
        let pid = pid.and_then(rustix::process::Pid::from_raw);
        rustix::process::prlimit(pid, rustix::process::Resource::Nofile, limit)?;
    }
    Ok(Running {
        socket: ours,
        process,
    })
}

/// Becomes the launcher, and ends as it, where this program was started to be one.
///
/// To be called first of all, while there is one thread.
pub fn enter_if_asked() {
    if std::env::args().nth(1).as_deref() != Some(ARGUMENT) {
        return;
    }
    let socket = std::env::var(VARIABLE)
        .ok()
        .and_then(|number| number.parse().ok());
    if let Some(number) = socket {
        std::process::exit(
            match kernel::inherited(number).and_then(|socket| serve(&socket)) {
                Ok(()) => 0,
                Err(error) => {
                    eprintln!("watchbill: the process that starts steps cannot go on: {error}");
                    1
                }
            },
        );
    }
}

/// Forks inits until nobody asks any more; then ends what is left.
fn serve(socket: &OwnedFd) -> io::Result<()> {
    // A group and a session of its own: what a terminal sends to the worker's is not for it.
    let _ = rustix::process::setsid();
    rustix::process::chdir("/")?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    nix::sys::prctl::set_child_subreaper(true)?;
    let mut heard = SigSet::empty();
    heard.add(Signal::SIGCHLD);
    let mut held = heard;
    // Its life is its socket's; a service manager's TERM is for the worker, which ends it.
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        held.add(signal);
    }
    held.thread_block()?;
    let children = SignalFd::with_flags(&heard, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    let user = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    let mut inits = Inits::default();
    loop {
        let mut polled = [
            PollFd::new(socket, PollFlags::IN),
            PollFd::new(&children, PollFlags::IN),
        ];
        let _ = rustix::event::poll(&mut polled, None);
        let asks = !polled[0].revents().is_empty();
        while let Ok(Some(_)) = children.read_signal() {}
        inits.bury();
        if !asks {
            continue;
        }
        match wire::receive::<Ask>(socket)? {
            Some((ask, lines)) => {
                if let Some(line) = lines.into_iter().next() {
                    inits.fork(socket, &children, &line, ask, user);
                }
            }
            None => break,
        }
    }
    inits.end();
    Ok(())
}

/// The inits that live, by their pids.
#[derive(Default)]
struct Inits(HashMap<i32, OwnedFd>);

impl Inits {
    fn fork(
        &mut self,
        socket: &OwnedFd,
        children: &SignalFd,
        line: &OwnedFd,
        ask: Ask,
        user: (u32, u32),
    ) {
        let mut namespaces = match ask.walls {
            Walls::Namespaces => WALLS,
            Walls::UserNamespaces => WALLS | libc::CLONE_NEWUSER,
            Walls::None => 0,
        };
        if ask.walls != Walls::None && ask.network == Network::None {
            namespaces |= libc::CLONE_NEWNET;
        }
        match kernel::fork(namespaces) {
            Ok(Forked::Child) => {
                // All that is the launcher's is left behind.
                close(socket.as_raw_fd());
                close(children.as_raw_fd());
                for init in self.0.values() {
                    close(init.as_raw_fd());
                }
                let status = init::live(line, ask, user);
                kernel::exit(status)
            }
            Ok(Forked::Parent(pid)) => {
                match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
                    Ok(pidfd) => {
                        let _ = wire::send(line, &wire::Told::Process, &[pidfd.as_fd()]);
                        self.0.insert(pid.as_raw_pid(), pidfd);
                    }
                    // Without it nobody could tell its end.
                    Err(_) => drop(rustix::process::kill_process(
                        pid,
                        rustix::process::Signal::KILL,
                    )),
                }
            }
            // The line closes: the worker sees that there is no init.
            Err(error) => {
                let told = wire::Told::Refused {
                    what: "starting its first process".to_owned(),
                    errno: error.raw_os_error().unwrap_or_default(),
                };
                let _ = wire::send(line, &told, &[]);
            }
        }
    }

    /// Buries who has ended, and ends those who have lost their init.
    fn bury(&mut self) {
        while let Ok(Some(reaped)) = kernel::reap() {
            self.0.remove(&reaped.pid);
            self.kill_strays();
        }
    }

    /// Kills every child that is no init: its own has ended before it, which only a step that
    /// shares our user can bring about.
    fn kill_strays(&self) {
        let own = i32::try_from(std::process::id()).unwrap_or(i32::MAX);
        let children = procfs::own_children().unwrap_or_default();
        for pid in children.into_iter().filter(|pid| !self.0.contains_key(pid)) {
            if procfs::read(pid).is_some_and(|process| process.parent == own) {
                for pid in procfs::descendants(pid).into_iter().chain([pid]) {
                    let pid = nix::unistd::Pid::from_raw(pid);
                    let _ = nix::sys::signal::kill(pid, Signal::SIGKILL);
                }
            }
        }
    }

    /// Waits for all; each ends by itself, since the worker's end of its line is closed.
    fn end(mut self) {
        while !self.0.is_empty() {
            let mut polled: Vec<PollFd<'_>> = self
                .0
                .values()
                .map(|init| PollFd::new(init, PollFlags::IN))
                .collect();
            let _ = rustix::event::poll(&mut polled, None);
            self.bury();
        }
    }
}

/// Namespaces that are quick to make and to end.
const WALLS: libc::c_int = libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWIPC;

fn close(descriptor: i32) {
    // The copy of the child's own: the parent's stays.
    let _ = nix::unistd::close(descriptor);
}
