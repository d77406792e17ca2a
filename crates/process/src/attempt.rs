//! One attempt, as the worker sees it.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::ExitStatus;

use rustix::event::{PollFd, PollFlags, Timespec};
use serde::de::DeserializeOwned;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;

use crate::kernel;
use crate::launcher::Launcher;
use crate::walls::Refusal;
use crate::wire::{self, Network, Order, Run, Step, Told, Usage, View, Walls};

/// What is to be started; nothing of it is read by a shell.
#[derive(Clone, Debug)]
pub struct StepCommand {
    /// The program and its arguments: never empty.
    pub argv: Vec<String>,
    pub folder: PathBuf,
    /// The whole environment.
    pub environment: Vec<(String, String)>,
    /// User and group; the worker's own where there is none.
    pub user: Option<(u32, u32)>,
    /// What of the file system is there. Without walls it is all there.
    pub view: View,
    /// The most open files, now and at most, where they are not what the launcher has.
    pub descriptors: Option<(Option<u64>, Option<u64>)>,
}

/// Why a command was not started.
#[derive(Debug)]
pub enum NotStarted {
    /// The program could not be executed.
    Program(io::Error),
    /// Its folder could not be entered.
    Folder(io::Error),
    /// The file system could not be laid out; where.
    View(String, io::Error),
    /// Anything else.
    Other(io::Error),
}

impl fmt::Display for NotStarted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(error) | Self::Other(error) => write!(formatter, "{error}"),
            Self::Folder(error) => write!(formatter, "its folder cannot be entered: {error}"),
            Self::View(what, error) => write!(formatter, "{what}: {error}"),
        }
    }
}

impl std::error::Error for NotStarted {}

/// How the command of an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub status: ExitStatus,
    pub usage: Usage,
}

/// An init with its walls, which waits for a command. Dropped, it ends.
#[derive(Debug)]
pub struct Cell {
    line: AsyncFd<OwnedFd>,
    /// Becomes readable when the init has ended, and with it, behind walls, everyone.
    init: AsyncFd<OwnedFd>,
}

impl Launcher {
    /// Has a cell be built.
    ///
    /// # Errors
    /// Which wall the kernel refused, and why.
    pub async fn cell(&self, walls: Walls, network: Network) -> Result<Cell, Refusal> {
        let failed = |error| Refusal::new("starting its first process", error);
        let line = self.line(walls, network).map_err(failed)?;
        let line = kernel::watched(line).map_err(failed)?;
        let (mut init, mut is_ready) = (None, false);
        loop {
            match hear(&line).await.map_err(failed)? {
                Some((Told::Process, descriptors)) => {
                    let pidfd = descriptors.into_iter().next();
                    let pidfd = pidfd.ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))?;
                    init = Some(kernel::watched(pidfd).map_err(failed)?);
                }
                Some((Told::Ready, _)) => is_ready = true,
                Some((Told::Refused { what, errno }, _)) => {
                    return Err(Refusal::new(what, io::Error::from_raw_os_error(errno)));
                }
                Some(_) | None => return Err(failed(io::ErrorKind::UnexpectedEof.into())),
            }
            if is_ready && let Some(init) = init.take() {
                return Ok(Cell { line, init });
            }
        }
    }
}

impl Cell {
    /// Whether it still waits for a command.
    #[must_use]
    pub fn lives(&self) -> bool {
        let mut ended = [PollFd::new(self.init.get_ref(), PollFlags::IN)];
        let now = Timespec::default();
        rustix::event::poll(&mut ended, Some(&now)).is_ok_and(|ready| ready == 0)
    }

    /// Starts a command in it.
    ///
    /// # Errors
    /// Why it was not started; nothing is left of it then.
    pub async fn run(self, command: StepCommand) -> Result<Attempt, NotStarted> {
        let (reader, writer) = io::pipe().map_err(NotStarted::Other)?;
        let (reader, writer) = (OwnedFd::from(reader), OwnedFd::from(writer));
        if let Some((uid, gid)) = command.user {
            // So that the step may open /dev/stdout and /dev/stderr by name.
            std::os::unix::fs::fchown(&writer, Some(uid), Some(gid)).map_err(NotStarted::Other)?;
        }
        let output = pipe::Receiver::from_owned_fd(reader).map_err(NotStarted::Other)?;
        let StepCommand {
            argv,
            folder,
            environment,
            user,
            view,
            descriptors,
        } = command;
        let run = Run {
            argv,
            environment,
            folder,
            user,
            descriptors,
            view,
        };
        let payload = wire::sealed(&run).map_err(NotStarted::Other)?;
        let sent = [payload.as_fd(), writer.as_fd()];
        wire::send(self.line.get_ref(), &Order::Run, &sent).map_err(NotStarted::Other)?;
        drop(writer);
        let mut why = String::from("laying out what it sees");
        loop {
            match hear(&self.line).await.map_err(NotStarted::Other)? {
                Some((Told::Started, _)) => {
                    return Ok(Attempt {
                        line: self.line,
                        init: self.init,
                        output: Some(output),
                        ended: None,
                        reached: None,
                    });
                }
                Some((Told::Refused { what, .. }, _)) => why = what,
                Some((Told::NotStarted { what, errno }, _)) => {
                    let error = io::Error::from_raw_os_error(errno);
                    return Err(match what {
                        Step::View => NotStarted::View(why, error),
                        Step::Folder => NotStarted::Folder(error),
                        Step::Program => NotStarted::Program(error),
                        Step::Settings => NotStarted::Other(error),
                    });
                }
                Some(_) => {}
                None => {
                    return Err(NotStarted::Other(io::Error::other(
                        "the process that was to start it has ended",
                    )));
                }
            }
        }
    }
}

/// A command that was started. Dropped, everyone of the attempt is killed.
#[derive(Debug)]
pub struct Attempt {
    line: AsyncFd<OwnedFd>,
    init: AsyncFd<OwnedFd>,
    output: Option<pipe::Receiver>,
    ended: Option<Ended>,
    reached: Option<u32>,
}

impl Attempt {
    /// Standard output and error, in the order in which they were written; only once.
    pub const fn output(&mut self) -> Option<pipe::Receiver> {
        self.output.take()
    }

    /// Waits for the end of the command itself. `None`: its init was ended before it, and what
    /// the command came to is not known. May be dropped and called again.
    pub async fn ended(&mut self) -> Option<Ended> {
        while self.ended.is_none() && self.hears_more().await {}
        self.ended
    }

    /// Waits until nobody of the attempt is left. May be dropped and called again.
    pub async fn empty(&mut self) {
        while self.hears_more().await {}
        // Behind walls this is when the kernel has ended the last of them.
        if let Ok(mut ready) = self.init.readable().await {
            ready.retain_ready();
        }
        // Where the launcher has ended meanwhile, the init is our own child, and to be buried.
        let _ = rustix::process::waitid(
            rustix::process::WaitId::PidFd(self.init.get_ref().as_fd()),
            rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOHANG,
        );
    }

    /// Sends TERM to everyone.
    pub fn terminate(&self) {
        self.order(Order::Terminate);
    }

    /// Kills everyone.
    pub fn kill(&self) {
        self.order(Order::Kill);
    }

    /// How many the last TERM has reached, once the init has said so.
    #[must_use]
    pub const fn reached(&self) -> Option<u32> {
        self.reached
    }

    fn order(&self, order: Order) {
        // An init that has ended has nobody left to end.
        let _ = wire::send(self.line.get_ref(), &order, &[]);
    }

    /// Hears one thing more; false where there is nothing more to come.
    async fn hears_more(&mut self) -> bool {
        match hear(&self.line).await {
            Ok(Some((Told::Ended { status, usage }, _))) => {
                let status = ExitStatus::from_raw(status);
                self.ended = Some(Ended { status, usage });
                true
            }
            Ok(Some((Told::Reached(reached), _))) => {
                self.reached = Some(reached);
                true
            }
            Ok(Some(_)) => true,
            Ok(None) | Err(_) => false,
        }
    }
}

/// The next record; `None` where the other end is closed. Nothing is lost where it is dropped.
async fn hear<T: DeserializeOwned>(
    line: &AsyncFd<OwnedFd>,
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    loop {
        let mut ready = line.readable().await?;
        match wire::receive(line.get_ref()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
            received => return received,
        }
    }
}
