//! The kernel's calls that no library wraps safely: all `unsafe` code of Watchbill.
//!
//! Everything here runs in the launcher and in what it forks: processes of one thread, in which a
//! child may go on with all that its parent had.

#![expect(
    unsafe_code,
    reason = "forking, and calls without a wrapper, are for this room alone"
)]

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd as _, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use rustix::process::Pid;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::wire::Usage;

/// Signals are numbered from 1 to 64 on Linux.
const SIGNALS: std::ops::RangeInclusive<libc::c_int> = 1..=64;

/// Which process one is after it has been doubled.
pub(crate) enum Forked {
    Child,
    Parent(Pid),
}

/// Doubles this process, of one thread; the child lives in new namespaces of these kinds.
///
/// # Errors
/// The kernel's reason not to.
pub(crate) fn fork(namespaces: libc::c_int) -> io::Result<Forked> {
    let flags = libc::c_long::from(namespaces | libc::SIGCHLD);
    // SAFETY: without CLONE_VM the child has a copy of all memory, its stack included. No other
    // thread can have held a lock, since there is none.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        pid => i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .map(Forked::Parent)
            .ok_or_else(|| io::Error::other("no pid")),
    }
}

/// Takes a descriptor that the program that started this one has left open for it.
///
/// # Errors
/// Where nothing is open under this number.
pub(crate) fn inherited(number: i32) -> io::Result<OwnedFd> {
    // SAFETY: it is only duplicated; whether it is open is the kernel's answer.
    let owned = unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned()?;
    // SAFETY: nothing else in this process owns the number: it has just begun.
    drop(unsafe { OwnedFd::from_raw_fd(number) });
    Ok(owned)
}

/// What a finished child of this process has come to.
pub(crate) struct Reaped {
    pub pid: i32,
    /// As wait(2) has it.
    pub status: i32,
    pub usage: Usage,
}

/// The next child that has ended; `None` where all live.
///
/// # Errors
/// [`Errno::ECHILD`] where there is no child at all.
pub(crate) fn reap() -> Result<Option<Reaped>, Errno> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both places are large enough and live on.
    let pid = Errno::result(unsafe {
        libc::wait4(-1, &raw mut status, libc::WNOHANG, usage.as_mut_ptr())
    })?;
    if pid == 0 {
        return Ok(None);
    }
    // SAFETY: zeroed is a value of this structure of numbers, and the kernel has filled it.
    let usage = unsafe { usage.assume_init() };
    let microseconds = |time: libc::timeval| time.tv_sec * 1_000_000 + time.tv_usec;
    Ok(Some(Reaped {
        pid,
        status,
        usage: Usage {
            user_us: microseconds(usage.ru_utime),
            system_us: microseconds(usage.ru_stime),
            most_memory_kib: usage.ru_maxrss,
        },
    }))
}

/// Closes all descriptors from `first` on once a program is executed. Before Linux 5.11 nothing
/// happens: ours close by themselves.
pub(crate) fn close_from(first: u32) {
    // SAFETY: a flag of descriptors is set; nothing is closed that is in use.
    unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            u32::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        );
    }
}

/// Has every signal do again what it usually does, then lets them all through.
pub(crate) fn reset_signals() {
    for signal in SIGNALS {
        // SAFETY: plain system calls on a structure of this stack frame. What is ignored stays
        // so over `exec`, as programs expect of `nohup`; SIGPIPE is what the standard library
        // ignores, which programs do not expect.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(signal, std::ptr::null(), &raw mut action) != 0 {
                continue;
            }
            let stays = action.sa_sigaction == libc::SIG_IGN && signal != libc::SIGPIPE;
            if action.sa_sigaction != libc::SIG_DFL && !stays {
                action = std::mem::zeroed();
                action.sa_sigaction = libc::SIG_DFL;
                libc::sigaction(signal, &raw const action, std::ptr::null_mut());
            }
        }
    }
    let none: u64 = 0;
    // SAFETY: the set is of the size that is named. The C library's own function would leave
    // the signals that it uses itself.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const none,
            std::ptr::null_mut::<u64>(),
            size_of::<u64>(),
        );
    }
}

/// Leaves the keyring of the session that the server was started in. Kernels without keyrings
/// have none to leave.
pub(crate) fn leave_keyring() {
    // SAFETY: a plain system call; no name asks for a ring of its own.
    unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            libc::KEYCTL_JOIN_SESSION_KEYRING,
            std::ptr::null::<libc::c_char>(),
        );
    }
}

/// Empties the keyrings that belong to this user, whatever the session.
pub(crate) fn clear_user_keyrings() {
    /// Not in the C library's headers that we have (linux/keyctl.h).
    const GET_PERSISTENT: libc::c_int = 22;
    // SAFETY: plain system calls on numbers. Kernels without one of them say so.
    unsafe {
        let persistent = libc::syscall(
            libc::SYS_keyctl,
            GET_PERSISTENT,
            -1,
            libc::KEY_SPEC_PROCESS_KEYRING,
        );
        for keyring in [
            libc::c_long::from(libc::KEY_SPEC_USER_KEYRING),
            libc::c_long::from(libc::KEY_SPEC_USER_SESSION_KEYRING),
            persistent,
        ] {
            libc::syscall(libc::SYS_keyctl, libc::KEYCTL_CLEAR, keyring);
        }
    }
}

/// Whether what is mounted may be written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    Read,
    Write,
}

/// Has the mount at `path` of this folder, and all below it, be read-only, or writable again.
///
/// # Errors
/// The kernel's reason, such as one from before 5.12.
pub(crate) fn set_access(mount: impl AsFd, path: &CStr, access: Access) -> io::Result<()> {
    let read_only = libc::MOUNT_ATTR_RDONLY;
    let attributes = libc::mount_attr {
        attr_set: if access == Access::Read { read_only } else { 0 },
        attr_clr: if access == Access::Write {
            read_only
        } else {
            0
        },
        propagation: 0,
        userns_fd: 0,
    };
    let flags = libc::AT_RECURSIVE
        | if path.is_empty() {
            libc::AT_EMPTY_PATH
        } else {
            0
        };
    // SAFETY: the structure is of the size that is named and lives on.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_fd().as_raw_fd(),
            path.as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if answer == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Has the loopback of this network namespace be up.
///
/// # Errors
/// The kernel's reason not to.
pub(crate) fn raise_loopback() -> io::Result<()> {
    let socket = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::DGRAM,
        None,
    )?;
    // SAFETY: a structure of numbers, for which zeros are a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(c"lo".to_bytes()) {
        *place = libc::c_char::try_from(*byte).unwrap_or_default();
    }
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_UP).unwrap_or_default();
    // SAFETY: the structure is what this request takes, and lives on.
    let answer = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    if answer == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Has the runtime tell when a descriptor becomes readable.
///
/// # Errors
/// Where the runtime cannot watch more.
pub(crate) fn watched(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an owned descriptor is open for as long as what it was moved into.
    Ok(unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }?)
}

/// Ends this process at once: nothing of what its parent had is written or torn down again.
pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: nothing runs after it.
    unsafe { libc::_exit(code) }
}
