//! Starting a step: its own session, its own user, no input, one pipe for all it says.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::mpsc;

use tokio::net::unix::pipe;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::descriptors::of_steps;
use super::family::{Family, living};
use super::launch::{Program, Ties, launch};
use super::leader::Leader;
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

/// A step that runs.
pub struct Started {
    pub leader: Leader,
    pub family: Family,
    /// Standard output and error, in the order in which they were written.
    pub output: pipe::Receiver,
}

/// Starts steps from a thread of its own, so that no thread of the runtime waits for
/// the kernel, and so that what the thread gives up is given up for steps only.
///
/// The kernel kills a step when this thread ends, which it only does with the worker: not
/// even a worker that is killed leaves its steps at work. What a step has started itself
/// is found by its mark, when a worker starts here again.
pub struct Spawner {
    jobs: mpsc::Sender<Job>,
    user: Option<StepsUser>,
}

struct Job {
    program: Program,
    output: OwnedFd,
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
        let ids = user.as_ref().map(|user| (user.uid, user.gid));
        let nothing = File::open("/dev/null")?;
        std::thread::Builder::new()
            .name("steps".to_owned())
            .spawn(move || {
                if ids.is_some()
                    && let Err(error) = nix::sys::prctl::set_no_new_privs()
                {
                    tracing::warn!("steps may gain privileges by set-user-id programs: {error}");
                }
                for job in queue {
                    let ties = Ties {
                        user: ids,
                        input: nothing.as_fd(),
                        output: job.output.as_fd(),
                        descriptors: of_steps(),
                    };
                    let _ = job
                        .reply
                        .send(start(&job.program, &ties, job.mark, &job.runtime));
                }
            })?;
        Ok(Self { jobs, user })
    }

    /// Starts `step`.
    ///
    /// # Errors
    /// The operating system's reason not to.
    pub async fn start(&self, step: &StepCommand, mark: Mark) -> io::Result<Started> {
        let program = Program::new(&step.argv, &step.environment, &step.folder)?;
        let (reader, writer) = io::pipe()?;
        let (reader, writer) = (OwnedFd::from(reader), OwnedFd::from(writer));
        if let Some(user) = &self.user {
            // So that the step may open /dev/stdout and /dev/stderr by name.
            std::os::unix::fs::fchown(&writer, Some(user.uid), Some(user.gid))?;
        }
        let output = pipe::Receiver::from_owned_fd(reader)?;
        let (reply, answer) = oneshot::channel();
        let job = Job {
            program,
            output: writer,
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
    program: &Program,
    ties: &Ties<'_>,
    mark: Mark,
    runtime: &Handle,
) -> io::Result<(Leader, Family)> {
    let _guard = runtime.enter();
    let mut living = living();
    let pid = launch(program, ties)?;
    let own_user = ties.user.map(|(uid, _)| uid);
    let family = Family::found(&mut living, pid.as_raw_pid(), mark, own_user);
    drop(living);
    Ok((Leader::watch(pid)?, family))
}
