//! The process that was started itself, apart from those that it starts.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::process::{Pid, PidfdFlags, WaitOptions};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A child of this process whose end is awaited.
#[derive(Debug)]
pub struct Leader {
    pid: Pid,
    /// Becomes readable when the process ends.
    end: AsyncFd<OwnedFd>,
    status: Option<ExitStatus>,
}

impl Leader {
    /// Watches a child that nobody else waits for.
    ///
    /// # Errors
    /// Where the kernel has no descriptors of processes, which came with Linux 5.3.
    #[expect(
        unsafe_code,
        reason = "the runtime cannot know that a descriptor stays open"
    )]
    pub(super) fn watch(pid: Pid) -> io::Result<Self> {
        let end = rustix::process::pidfd_open(pid, PidfdFlags::NONBLOCK)
            .or_else(|_| rustix::process::pidfd_open(pid, PidfdFlags::empty()))?;
        // SAFETY: an owned descriptor is open for as long as what it was moved into.
        let end = unsafe { AsyncFd::register_with_interest(end, Interest::READABLE) }?;
        Ok(Self {
            pid,
            end,
            status: None,
        })
    }

    /// Waits for its end and buries it; the answer is the same ever after.
    ///
    /// # Errors
    /// The operating system's reason, where it cannot be waited for.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.status {
                return Ok(status);
            }
            let mut ready = self.end.readable().await?;
            match rustix::process::waitpid(Some(self.pid), WaitOptions::NOHANG)? {
                Some((_, status)) => self.status = Some(ExitStatus::from_raw(status.as_raw())),
                None => ready.clear_ready(),
            }
        }
    }
}
