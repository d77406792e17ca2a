//! What the worker, the launcher and an attempt's init tell one another: one JSON text a record.
//!
//! The sockets keep records apart (`SOCK_SEQPACKET`), so nobody has to find where one ends. What
//! may be long, such as an environment, travels in a sealed file whose descriptor is sent along.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The longest record; what may be longer is a file.
const LONGEST: usize = 4096;

/// The most descriptors that one record brings.
const MOST_DESCRIPTORS: usize = 4;

/// Asks the launcher for an init of one attempt; its line comes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ask {
    pub walls: Walls,
    pub network: Network,
}

/// What stands between an attempt and everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Walls {
    /// PID, mount and IPC namespaces of its own; the worker is root.
    Namespaces,
    /// The same in a user namespace; the worker is an ordinary user.
    UserNamespaces,
    /// None: the attempt's processes are known by their descent alone.
    None,
}

/// What a step reaches of the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// What this machine reaches.
    #[default]
    Host,
    /// A loopback of its own, and nothing else.
    None,
}

/// What the worker tells an init.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Start the command: a file with its [`Run`] and the writing end of its output come along.
    Run,
    /// Send TERM, and CONT for those that are stopped, to everyone.
    Terminate,
    /// Kill everyone.
    Kill,
}

/// A command, and what it finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub argv: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub folder: PathBuf,
    /// User and group; the worker's own where there is none.
    pub user: Option<(u32, u32)>,
    /// The most files that it may have open: now, and at most.
    pub descriptors: Option<(Option<u64>, Option<u64>)>,
    pub view: View,
}

/// What of the file system is there, and what of it may be written. Only walls hold it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Folders of the attempt's own, each with the place in which it stands, such as `/tmp`.
    pub own: Vec<(PathBuf, PathBuf)>,
    /// Files and folders that may be written, where the step's user may.
    pub writable: Vec<PathBuf>,
    /// Files and folders that may be read though they stand below something else that is named here.
    pub visible: Vec<PathBuf>,
    /// Files and folders that look empty. Of what is named here the deeper counts.
    pub hidden: Vec<PathBuf>,
}

/// What an init tells the worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Told {
    /// The launcher has forked it: a descriptor of the process comes along.
    Process,
    /// Its walls stand; it waits for a command.
    Ready,
    /// They do not: what was refused, and why.
    Refused { what: String, errno: i32 },
    /// The command was executed.
    Started,
    /// It was not.
    NotStarted { what: Step, errno: i32 },
    /// The command has ended; the status is that of wait(2).
    Ended { status: i32, usage: Usage },
    /// So many heard that they are to end.
    Reached(u32),
    /// Nobody is left, and the init ends.
    Empty,
}

/// Which part of a start failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Step {
    /// The file system could not be laid out; where, is in the log of the init.
    View,
    /// Entering its folder.
    Folder,
    /// Executing the program.
    Program,
    /// Anything else that comes before that.
    Settings,
}

/// What a command and those that it waited for have used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Microseconds of processor time of their own code.
    pub user_us: i64,
    /// Microseconds of processor time in the kernel.
    pub system_us: i64,
    /// The most memory that one of them had, in KiB.
    pub most_memory_kib: i64,
}

/// Two ends of a socket that keeps records apart; both close when a program is executed.
///
/// # Errors
/// The kernel's reason not to make it.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC;
    Ok(rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        flags,
        None,
    )?)
}

/// Sends one record with these descriptors.
///
/// # Errors
/// The kernel's reason, such as that nobody reads any more.
pub(crate) fn send<T: Serialize>(
    socket: impl AsFd,
    record: &T,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let text = serde_json::to_vec(record)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("too many descriptors for one record"));
    }
    let flags = SendFlags::NOSIGNAL;
    rustix::io::retry_on_intr(|| {
        rustix::net::sendmsg(&socket, &[IoSlice::new(&text)], &mut ancillary, flags)
    })?;
    Ok(())
}

/// Receives one record with its descriptors; `None` where the other end is closed.
///
/// # Errors
/// The kernel's reason, [`io::ErrorKind::WouldBlock`] among them, or a record that is none.
pub(crate) fn receive<T: DeserializeOwned>(
    socket: impl AsFd,
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut bytes = [0; LONGEST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::io::retry_on_intr(|| {
        let into = &mut [IoSliceMut::new(&mut bytes)];
        rustix::net::recvmsg(&socket, into, &mut ancillary, RecvFlags::CMSG_CLOEXEC)
    });
    let length = match received {
        Ok(received) => received.bytes,
        // The other end was closed with something unread in it.
        Err(rustix::io::Errno::CONNRESET) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            descriptors.extend(received);
        }
    }
    if length == 0 {
        return Ok(None);
    }
    let record = serde_json::from_slice(&bytes[..length])?;
    Ok(Some((record, descriptors)))
}

/// Puts a record that may be long into a file that nobody can change any more.
///
/// # Errors
/// The kernel's reason not to.
pub(crate) fn sealed<T: Serialize>(record: &T) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = rustix::fs::memfd_create("watchbill", flags)?;
    let mut file = std::fs::File::from(file);
    file.write_all(&serde_json::to_vec(record)?)?;
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&file, seals)?;
    Ok(OwnedFd::from(file))
}

/// Reads what [`sealed`] wrote.
///
/// # Errors
/// Where it cannot be read, or is no such record.
pub(crate) fn unsealed<T: DeserializeOwned>(file: OwnedFd) -> io::Result<T> {
    let mut file = std::fs::File::from(file);
    let mut text = Vec::new();
    io::Seek::rewind(&mut file)?;
    file.read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
