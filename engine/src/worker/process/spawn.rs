//! Starting a step: its own session, its own user, no input, one pipe for all it says.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc;

use process_wrap::tokio::{ChildWrapper, CommandWrap, ProcessSession};
use tokio::net::unix::pipe;
use tokio::process::Command;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::family::{Family, living};
use super::mark::Mark;
use super::user::StepsUser;

/// What is to be started; nothing of it is read by a shell.
#[derive(Clone, Debug)]
pub struct StepCommand {
    /// The program and its arguments: never empty.
    pub argv: Vec<String>,
    pub folder: PathBuf,
    /// The whole environment.
    pub environment: Vec<(String, String)>,
}

/// The process that was started, apart from those that it starts.
pub type Leader = Box<dyn ChildWrapper>;

/// A step that runs.
pub struct Started {
    pub leader: Leader,
    pub family: Family,
    /// Standard output and error, in the order in which they were written.
    pub output: pipe::Receiver,
}

/// Starts steps from a thread of its own, so that no thread of the runtime waits for
/// the kernel, and so that what the thread gives up is given up for steps only.
pub struct Spawner {
    jobs: mpsc::Sender<Job>,
    user: Option<StepsUser>,
}

struct Job {
    command: Command,
    mark: Mark,
    runtime: Handle,
    reply: oneshot::Sender<io::Result<(Leader, Family)>>,
}

impl Spawner {
    /// A spawner of steps that run as `user`, or as this process's own user.
    ///
    /// # Errors
    /// Where the thread cannot be started.
    pub fn new(user: Option<StepsUser>) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let uid = user.as_ref().map(|user| user.uid);
        std::thread::Builder::new()
            .name("steps".to_owned())
            .spawn(move || {
                if uid.is_some()
                    && let Err(error) = nix::sys::prctl::set_no_new_privs()
                {
                    tracing::warn!("steps may gain privileges by set-user-id programs: {error}");
                }
                for job in queue {
                    let _ = job
                        .reply
                        .send(start(job.command, job.mark, uid, &job.runtime));
                }
            })?;
        Ok(Self { jobs, user })
    }

    /// Starts `step`.
    ///
    /// # Errors
    /// The operating system's reason not to.
    pub async fn start(&self, step: &StepCommand, mark: Mark) -> io::Result<Started> {
        let (reader, writer) = io::pipe()?;
        let (reader, writer) = (OwnedFd::from(reader), OwnedFd::from(writer));
        if let Some(user) = &self.user {
            // So that the step may open /dev/stdout and /dev/stderr by name.
            std::os::unix::fs::fchown(&writer, Some(user.uid), Some(user.gid))?;
        }
        let output = pipe::Receiver::from_owned_fd(reader)?;
        let mut command = Command::new(&step.argv[0]);
        command
            .args(&step.argv[1..])
            .current_dir(&step.folder)
            .env_clear()
            .envs(step.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        if let Some(user) = &self.user {
            // With these the standard library also drops the supplementary groups.
            command.uid(user.uid).gid(user.gid);
        }
        let (reply, answer) = oneshot::channel();
        let job = Job {
            command,
            mark,
            runtime: Handle::current(),
            reply,
        };
        let gone = || io::Error::other("the thread that starts steps has ended");
        self.jobs.send(job).map_err(|_| gone())?;
        let (leader, family) = answer.await.map_err(|_| gone())??;
        Ok(Started {
            leader,
            family,
            output,
        })
    }
}

fn start(
    mut command: Command,
    mark: Mark,
    own_user: Option<u32>,
    runtime: &Handle,
) -> io::Result<(Leader, Family)> {
    let _guard = runtime.enter();
    let mut living = living();
    die_with_the_worker(&mut command);
    let mut wrapped = CommandWrap::from(command);
    wrapped.wrap(ProcessSession);
    // The wrapper's child would wait for the whole group; we tell leader and group apart.
    let leader = wrapped.spawn()?.into_inner();
    let pid = leader
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .ok_or_else(|| io::Error::other("the step ended before it had a pid"))?;
    let family = Family::found(&mut living, pid, mark, own_user);
    Ok((leader, family))
}

/// Has the kernel kill the step when the thread that starts steps ends, which it only
/// does with the worker: not even a worker that is killed leaves its steps at work.
/// What a step has started itself is found by its mark, when a worker starts here again.
#[expect(
    unsafe_code,
    reason = "the kernel takes this setting only from the child itself, and a change of user clears it"
)]
fn die_with_the_worker(command: &mut Command) {
    let worker = nix::unistd::getpid();
    let settle = move || {
        nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
        // The worker may have ended before the setting was made.
        if nix::unistd::getppid() == worker {
            Ok(())
        } else {
            Err(io::Error::from_raw_os_error(nix::libc::ESRCH))
        }
    };
    // SAFETY: between fork and exec only system calls are made, and nothing is allocated.
    unsafe {
        command.pre_exec(settle);
    }
}
