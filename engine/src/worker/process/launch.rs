//! Starting a program without copying this process first.
//!
//! `fork` copies the page tables of a server that holds plans, pools and pages, and `exec`
//! throws the copy away again: together half as long as a small step takes. As with
//! `posix_spawn`, which cannot change the user, the child borrows this memory until it
//! executes its program, and the thread that starts it stands still meanwhile.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

use nix::libc;
use nix::sched::CloneFlags;
use rustix::io::Errno;
use rustix::process::{Gid, Pid, Resource, Rlimit, Signal, Uid, WaitOptions};

/// Enough for the handful of system calls between the start and the program.
const STACK_BYTES: usize = 64 * 1024;

/// Signals are numbered from 1 to 64 on Linux.
const SIGNALS: std::ops::RangeInclusive<c_int> = 1..=64;

/// What a script without `#!` is read by, as `execvp` does.
const SHELL: &CStr = c"/bin/sh";

/// A program in the form in which the kernel takes it: made before the start, since the
/// child may not allocate.
pub(super) struct Program {
    /// Where it may be, in the order of the search.
    places: Vec<CString>,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    folder: CString,
}

/// Who it runs as and what it is connected to.
pub(super) struct Ties<'a> {
    /// User and group; this process's own where there is none.
    pub user: Option<(u32, u32)>,
    pub input: BorrowedFd<'a>,
    /// Standard output and standard error.
    pub output: BorrowedFd<'a>,
    /// How many descriptors it may have, where that is not what this process may.
    pub descriptors: Option<Rlimit>,
}

impl Program {
    /// Prepares `argv`, which is searched in the environment's own `PATH`.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] where there is no command, or a part holds a NUL byte.
    pub fn new(
        argv: &[String],
        environment: &[(String, String)],
        folder: &Path,
    ) -> io::Result<Self> {
        let Some(name) = argv.first() else {
            return Err(invalid("it names no command"));
        };
        // Of a name that is given twice the last counts.
        let environment: BTreeMap<_, _> = environment.iter().cloned().collect();
        let places = if name.contains('/') {
            vec![text(name.as_str())?]
        } else {
            environment
                .get("PATH")
                .map_or("/bin:/usr/bin", String::as_str)
                .split(':')
                // An empty entry is the working folder, as in a shell.
                .map(|folder| if folder.is_empty() { "." } else { folder })
                .map(|folder| text(format!("{folder}/{name}")))
                .collect::<io::Result<_>>()?
        };
        Ok(Self {
            places,
            arguments: argv
                .iter()
                .map(String::as_str)
                .map(text)
                .collect::<io::Result<_>>()?,
            environment: environment
                .iter()
                .map(|(name, value)| text(format!("{name}={value}")))
                .collect::<io::Result<_>>()?,
            folder: text(folder.as_os_str().as_bytes())?,
        })
    }
}

fn text(bytes: impl Into<Vec<u8>>) -> io::Result<CString> {
    CString::new(bytes).map_err(|_| invalid("its arguments or its environment hold a NUL byte"))
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// A null-terminated array of pointers into `strings`.
fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    let ends = std::iter::once(ptr::null());
    strings
        .iter()
        .map(|text| text.as_ptr())
        .chain(ends)
        .collect()
}

/// Starts the program in a session of its own; it is killed when the calling thread ends.
///
/// # Errors
/// The kernel's reason not to start it; nothing is then left of it.
#[expect(
    unsafe_code,
    reason = "a child that borrows its parent's memory cannot be started otherwise"
)]
pub(super) fn launch(program: &Program, ties: &Ties<'_>) -> io::Result<Pid> {
    let arguments = pointers(&program.arguments);
    let environment = pointers(&program.environment);
    // `sh place arguments…`; the place is written in when it is known.
    let mut script = vec![SHELL.as_ptr(), ptr::null()];
    script.extend(&arguments[1..]);
    let parent = rustix::process::getpid();
    let failure = AtomicI32::new(0);
    let mut stack = vec![0; STACK_BYTES];

    let blocked = SignalsBlocked::new()?;
    let run = Box::new(|| {
        let error = match settle(program, ties, parent) {
            // SAFETY: the arrays are null-terminated and point to strings that live on.
            Ok(()) => unsafe { execute(&program.places, &arguments, &mut script, &environment) },
            Err(error) => error,
        };
        failure.store(error.raw_os_error(), Ordering::Relaxed);
        127
    });
    // SAFETY: the parent's thread stands still until the child has executed its program or
    // ended; the child has a stack of its own, makes system calls only, allocates nothing,
    // takes no lock, and gets no signal while it shares this memory: all are blocked, and
    // those with a handler here are set back before they are let through.
    let started = unsafe {
        nix::sched::clone(
            run,
            &mut stack,
            CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK,
            Some(libc::SIGCHLD),
        )
    };
    drop(blocked);
    let child = Pid::from_raw(started?.as_raw()).ok_or_else(|| io::Error::other("no pid"))?;
    match failure.load(Ordering::Relaxed) {
        0 => Ok(child),
        error => {
            rustix::process::waitpid(Some(child), WaitOptions::empty())?;
            Err(io::Error::from_raw_os_error(error))
        }
    }
}

/// All that the child sets for itself. The calls of `rustix` for users and groups are the
/// kernel's own: those of the C library would change every thread of the parent.
///
/// With its user the kernel takes from the child, and from the memory that it shares, the
/// mark that lets others of that user trace it: another step cannot look in (ptrace(2),
/// `fs.suid_dumpable` 0 or 2).
fn settle(program: &Program, ties: &Ties<'_>, parent: Pid) -> Result<(), Errno> {
    rustix::process::setsid()?;
    rustix::stdio::dup2_stdin(ties.input)?;
    rustix::stdio::dup2_stdout(ties.output)?;
    rustix::stdio::dup2_stderr(ties.output)?;
    if let Some(limit) = &ties.descriptors {
        // The kernel's own call: it changes the child's limit alone, whose `signal_struct` is not shared.
        rustix::process::setrlimit(Resource::Nofile, *limit)?;
    }
    if let Some((uid, gid)) = ties.user {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        rustix::thread::set_thread_groups(&[])?;
        rustix::thread::set_thread_res_gid(gid, gid, gid)?;
        rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    }
    rustix::process::chdir(program.folder.as_c_str())?;
    // After the change of user, which clears it. The worker may have ended before.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if rustix::process::getppid() != Some(parent) {
        return Err(Errno::SRCH);
    }
    close_inherited();
    reset_signals();
    Ok(())
}

/// Closes what the program that started this one left open: ours close by themselves. The
/// child's table of files is its own. Before Linux 5.9 nothing happens.
#[expect(unsafe_code, reason = "nobody owns the descriptors that are closed")]
fn close_inherited() {
    // SAFETY: a plain system call; what this process owns is closed by `exec` anyway.
    unsafe {
        libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0);
    }
}

/// Has every signal that this process handles do again what it usually does, then lets
/// them through. The child's table of handlers is its own.
#[expect(unsafe_code, reason = "the standard library cannot set handlers back")]
fn reset_signals() {
    for signal in SIGNALS {
        // SAFETY: plain system calls on a structure of this stack frame.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(signal, ptr::null(), &raw mut action) != 0 {
                continue;
            }
            // The standard library has this process ignore SIGPIPE, which programs do not expect.
            let stays = action.sa_sigaction == libc::SIG_IGN && signal != libc::SIGPIPE;
            if action.sa_sigaction != libc::SIG_DFL && !stays {
                action = std::mem::zeroed();
                action.sa_sigaction = libc::SIG_DFL;
                libc::sigaction(signal, &raw const action, ptr::null_mut());
            }
        }
    }
    set_signal_mask(0, None);
}

/// Executes the first of `places` that can be; returns why none could.
///
/// # Safety
/// The arrays must be null-terminated and point to live C strings; `script` has room for
/// the place at its second element.
#[expect(unsafe_code, reason = "exec takes arrays of pointers")]
unsafe fn execute(
    places: &[CString],
    arguments: &[*const c_char],
    script: &mut [*const c_char],
    environment: &[*const c_char],
) -> Errno {
    let mut refused = Errno::NOENT;
    for place in places {
        // SAFETY: the caller's promise.
        let error = unsafe {
            libc::execve(place.as_ptr(), arguments.as_ptr(), environment.as_ptr());
            if last_error() == Errno::NOEXEC {
                script[1] = place.as_ptr();
                libc::execve(SHELL.as_ptr(), script.as_ptr(), environment.as_ptr());
            }
            last_error()
        };
        match error {
            Errno::NOENT | Errno::NOTDIR => {}
            // There may be one further on that this user may execute.
            Errno::ACCESS => refused = error,
            error => return error,
        }
    }
    refused
}

fn last_error() -> Errno {
    Errno::from_raw_os_error(nix::errno::Errno::last_raw())
}

/// No signal reaches this thread while it exists.
struct SignalsBlocked {
    before: u64,
}

impl SignalsBlocked {
    fn new() -> io::Result<Self> {
        let mut before = 0;
        if set_signal_mask(u64::MAX, Some(&mut before)) {
            Ok(Self { before })
        } else {
            Err(io::Error::last_os_error())
        }
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        set_signal_mask(self.before, None);
    }
}

/// The kernel's own call: that of the C library leaves out the signals it uses itself.
#[expect(
    unsafe_code,
    reason = "the C library's function does not block its own signals"
)]
fn set_signal_mask(mask: u64, before: Option<&mut u64>) -> bool {
    let before = before.map_or(ptr::null_mut(), ptr::from_mut);
    // SAFETY: both sets are of the size that is named.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const mask,
            before,
            size_of::<u64>(),
        ) == 0
    }
}
