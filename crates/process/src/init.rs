//! The first process of one attempt: it starts the command, ends everyone, and says so.
//!
//! It is process 1 of the attempt's PID namespace, or, without walls, the one to whom every
//! orphan of the attempt falls. When nobody holds the other end of its line any more, it kills all.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{DumpableBehavior, Resource, Rlimit};

use crate::kernel::{self, Forked};
use crate::procfs;
use crate::program::Program;
use crate::view;
use crate::wire::{self, Ask, Order, Run, Step, Told, Walls};

/// How long it waits, while everyone is to die, until it kills again: without walls somebody may
/// have been born meanwhile.
const KILL_AGAIN: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 10_000_000,
};

/// The life of an init; returns its exit status.
pub(crate) fn live(line: &OwnedFd, ask: Ask, user: (u32, u32)) -> i32 {
    match set_up(ask, user) {
        Ok(children) => Init {
            line,
            walls: ask.walls,
            children,
            command: Command::Awaited,
            kills: false,
        }
        .serve(),
        Err(view::Refused { what, error }) => {
            let errno = error.raw_os_error().unwrap_or_default();
            let _ = wire::send(line, &Told::Refused { what, errno }, &[]);
            1
        }
    }
}

fn set_up(ask: Ask, user: (u32, u32)) -> Result<SignalFd, view::Refused> {
    let refused = |what: &str| {
        let what = what.to_owned();
        move |error: io::Error| view::Refused { what, error }
    };
    rustix::process::setsid().map_err(|error| refused("beginning a session")(error.into()))?;
    match ask.walls {
        Walls::Namespaces => view::enclose(ask.network)?,
        Walls::UserNamespaces => {
            map_own_user(user).map_err(refused("mapping its user"))?;
            view::enclose(ask.network)?;
        }
        Walls::None => nix::sys::prctl::set_child_subreaper(true)
            .map_err(|error| refused("taking in orphans")(error.into()))?,
    }
    // What it can see of the worker's memory is nobody's business, nor are its descriptors.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| refused("hiding its memory")(error.into()))?;
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGCHLD);
    SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .map_err(|error| refused("hearing of its children")(error.into()))
}

/// Maps the worker's user and group to themselves. Only who is dumpable may.
fn map_own_user((uid, gid): (u32, u32)) -> io::Result<()> {
    rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{uid} {uid} 1\n"))?;
    fs::write("/proc/self/gid_map", format!("{gid} {gid} 1\n"))
}

/// Where the command is.
enum Command {
    Awaited,
    /// Forked; the pipe closes when it has executed its program.
    Starting {
        pid: i32,
        refusal: File,
    },
    Running {
        pid: i32,
    },
    Ended,
}

struct Init<'a> {
    line: &'a OwnedFd,
    walls: Walls,
    children: SignalFd,
    command: Command,
    /// Everyone is to die.
    kills: bool,
}

/// What the loop does next.
enum Next {
    Go,
    End(i32),
}

impl Init<'_> {
    fn serve(mut self) -> i32 {
        if self.tell(&Told::Ready).is_err() {
            return 0;
        }
        loop {
            let hears = self.wait();
            // In the order in which things happened: executed, ended, told to end.
            if hears.refusal {
                self.hear_of_start();
            }
            if let Next::End(status) = self.reap() {
                return status;
            }
            if hears.line
                && let Next::End(status) = self.obey()
            {
                return status;
            }
            if self.kills {
                self.signal(Signal::SIGKILL);
            }
        }
    }

    /// Waits for something to do.
    fn wait(&self) -> Hears {
        let refusal = match &self.command {
            Command::Starting { refusal, .. } => Some(refusal),
            Command::Awaited | Command::Running { .. } | Command::Ended => None,
        };
        let mut polled = vec![PollFd::new(&self.children, PollFlags::IN)];
        // A line that nobody holds any more is always ready, and has nothing more to say.
        if !self.kills {
            polled.push(PollFd::new(self.line, PollFlags::IN));
        }
        if let Some(refusal) = refusal {
            polled.push(PollFd::new(refusal, PollFlags::IN));
        }
        let patience = self.kills.then_some(&KILL_AGAIN);
        // Interrupted or not: what is ready is seen below.
        let _ = rustix::event::poll(&mut polled, patience);
        let is_ready = |polled: &PollFd<'_>| !polled.revents().is_empty();
        Hears {
            refusal: refusal.is_some() && polled.last().is_some_and(is_ready),
            line: !self.kills && polled.get(1).is_some_and(is_ready),
        }
    }

    fn tell(&self, told: &Told) -> io::Result<()> {
        wire::send(self.line, told, &[])
    }

    /// Whether the program was executed, or why not.
    fn hear_of_start(&mut self) {
        let Command::Starting { pid, mut refusal } =
            std::mem::replace(&mut self.command, Command::Ended)
        else {
            return;
        };
        self.command = Command::Running { pid };
        let mut said = Vec::new();
        let read = refusal.read_to_end(&mut said);
        let told = match serde_json::from_slice(&said) {
            Ok(not_started) if read.is_ok() => {
                // It ends by itself, and its status says nothing.
                self.command = Command::Ended;
                not_started
            }
            Ok(_) | Err(_) => Told::Started,
        };
        let _ = self.tell(&told);
    }

    /// Buries who has ended. The end of the last ends the init.
    fn reap(&mut self) -> Next {
        while let Ok(Some(_)) = self.children.read_signal() {}
        loop {
            match kernel::reap() {
                Ok(Some(reaped)) => {
                    if matches!(self.command, Command::Starting { pid, .. } if pid == reaped.pid) {
                        self.hear_of_start();
                    }
                    if matches!(self.command, Command::Running { pid } if pid == reaped.pid) {
                        self.command = Command::Ended;
                        let (status, usage) = (reaped.status, reaped.usage);
                        let _ = self.tell(&Told::Ended { status, usage });
                    }
                }
                Ok(None) => return Next::Go,
                Err(_) => break,
            }
        }
        // Nobody is left.
        match self.command {
            Command::Awaited if !self.kills => Next::Go,
            Command::Awaited
            | Command::Starting { .. }
            | Command::Running { .. }
            | Command::Ended => {
                let _ = self.tell(&Told::Empty);
                Next::End(0)
            }
        }
    }

    /// Does what the worker asks.
    fn obey(&mut self) -> Next {
        match wire::receive(self.line) {
            Ok(Some((Order::Run, descriptors))) => {
                if let Err((what, errno)) = self.start(descriptors) {
                    self.command = Command::Ended;
                    let errno = errno as i32;
                    let _ = self.tell(&Told::NotStarted { what, errno });
                    let _ = self.tell(&Told::Empty);
                    return Next::End(0);
                }
            }
            Ok(Some((Order::Terminate, _))) => {
                let reached = descendants();
                self.signal(Signal::SIGTERM);
                // Who is stopped hears TERM only once it goes on.
                self.signal(Signal::SIGCONT);
                let _ = self.tell(&Told::Reached(reached));
            }
            Ok(Some((Order::Kill, _))) => {
                self.signal(Signal::SIGKILL);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // Nothing that is not understood can be a reason to live on.
            Ok(None) | Err(_) => self.kills = true,
        }
        if self.kills && matches!(self.command, Command::Awaited) {
            return Next::End(0);
        }
        Next::Go
    }

    fn start(&mut self, descriptors: Vec<OwnedFd>) -> Result<(), (Step, Errno)> {
        let settings = |error: io::Error| (Step::Settings, errno_of(&error));
        let mut descriptors = descriptors.into_iter();
        let (Some(payload), Some(output)) = (descriptors.next(), descriptors.next()) else {
            return Err((Step::Settings, Errno::EBADF));
        };
        let run: Run = wire::unsealed(payload).map_err(settings)?;
        if self.walls != Walls::None {
            view::lay_out(&run.view, run.user).map_err(|refused| {
                let _ = self.tell(&Told::Refused {
                    what: refused.what,
                    errno: refused.error.raw_os_error().unwrap_or_default(),
                });
                (Step::View, errno_of(&refused.error))
            })?;
        }
        let program = Program::new(&run.argv, &run.environment).map_err(settings)?;
        let (refusal, says) = io::pipe().map_err(settings)?;
        match kernel::fork(0).map_err(settings)? {
            Forked::Child => {
                let (what, errno) = become_command(&run, &program, &output, self.walls);
                let errno = errno as i32;
                let told = serde_json::to_vec(&Told::NotStarted { what, errno });
                let mut says = says;
                let _ = says.write_all(&told.unwrap_or_default());
                kernel::exit(127)
            }
            Forked::Parent(pid) => {
                self.command = Command::Starting {
                    pid: pid.as_raw_pid(),
                    refusal: File::from(OwnedFd::from(refusal)),
                };
                Ok(())
            }
        }
    }

    /// Sends a signal to everyone but this process.
    fn signal(&self, signal: Signal) {
        match self.walls {
            // Process 1 reaches all of its namespace at once, and never itself.
            Walls::Namespaces | Walls::UserNamespaces => {
                let _ = kill(Pid::from_raw(-1), signal);
            }
            Walls::None => {
                for pid in procfs::descendants(own_pid()) {
                    let _ = kill(Pid::from_raw(pid), signal);
                }
            }
        }
    }
}

/// How many live besides this process.
fn descendants() -> u32 {
    let count = procfs::descendants(own_pid()).len();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// What [`Init::wait`] has heard.
struct Hears {
    refusal: bool,
    line: bool,
}

/// Turns this child into the command; returns why it could not.
fn become_command(run: &Run, program: &Program, output: &OwnedFd, walls: Walls) -> (Step, Errno) {
    let settle = || -> Result<(), rustix::io::Errno> {
        rustix::process::setsid()?;
        let nothing = rustix::fs::open(
            "/dev/null",
            rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )?;
        rustix::stdio::dup2_stdin(nothing.as_fd())?;
        rustix::stdio::dup2_stdout(output.as_fd())?;
        rustix::stdio::dup2_stderr(output.as_fd())?;
        kernel::leave_keyring();
        // Of 1 the kernel makes neither a file nor a call of the machine's program for cores,
        // which with 0 it would hand the memory of a step to.
        limit(Resource::Core, Some(1), Some(1))?;
        // A machine without memory ends steps before the server and its database.
        let _ = fs::write("/proc/self/oom_score_adj", "500");
        if let Some((current, maximum)) = run.descriptors {
            limit(Resource::Nofile, current, maximum)?;
        }
        if walls != Walls::None || run.user.is_some() {
            rustix::thread::set_no_new_privs(true)?;
        }
        if let Some((uid, gid)) = run.user {
            let (uid, gid) = (
                rustix::process::Uid::from_raw(uid),
                rustix::process::Gid::from_raw(gid),
            );
            rustix::thread::set_thread_groups(&[])?;
            rustix::thread::set_thread_res_gid(gid, gid, gid)?;
            rustix::thread::set_thread_res_uid(uid, uid, uid)?;
            // All steps of a user have this one: what another has put there is not for this one.
            kernel::clear_user_keyrings();
        }
        // After the change of user, which clears it: without walls an init can be killed.
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
    };
    if let Err(error) = settle() {
        return (Step::Settings, Errno::from_raw(error.raw_os_error()));
    }
    if let Err(error) = enter(&run.folder) {
        return (Step::Folder, errno_of(&error));
    }
    kernel::close_from(3);
    kernel::reset_signals();
    (Step::Program, program.execute())
}

fn enter(folder: &Path) -> io::Result<()> {
    rustix::process::chdir(folder).map_err(io::Error::from)
}

fn limit(
    of: Resource,
    current: Option<u64>,
    maximum: Option<u64>,
) -> Result<(), rustix::io::Errno> {
    rustix::process::setrlimit(of, Rlimit { current, maximum })
}

fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

fn own_pid() -> i32 {
    i32::try_from(process::id()).unwrap_or(i32::MAX)
}
