//! Processes of attempts on Linux: started apart, walled in, ended to the last one.
//!
//! A [`Launcher`] is a small process of one thread that the worker asks for an *init* for each
//! attempt. The init is the first process of the attempt: it builds its walls, starts the command,
//! ends everyone, and says so over its *line*, a socket between it and the worker. It ends, with
//! all of its attempt, when nobody holds the worker's end of the line any more: a worker that is
//! killed leaves nothing running.
//!
//! All `unsafe` code of Watchbill is in [`kernel`](self), below this crate's other files.

mod attempt;
mod init;
mod kernel;
mod launcher;
pub mod procfs;
mod program;
mod tree;
mod view;
mod walls;
mod wire;

/// Closes this process's memory, environment and descriptors to others of its user: no debugger
/// looks in and no core is left, either. Steps start open again.
///
/// # Errors
/// The kernel's reason not to.
pub fn close_to_others() -> std::io::Result<()> {
    let closed = rustix::process::DumpableBehavior::NotDumpable;
    Ok(rustix::process::set_dumpable_behavior(closed)?)
}

pub use attempt::{Attempt, Cell, Ended, NotStarted, StepCommand};
pub use launcher::{Launcher, enter_if_asked};
pub use tree::remove_tree;
pub use walls::{Found, Refusal};
pub use wire::{Network, Usage, View, Walls};
