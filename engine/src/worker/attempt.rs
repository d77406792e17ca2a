//! One attempt, from the claim to its result.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use model::view::Outcome;

use super::WorkerOptions;
use super::collect::{Collecting, collect};
use super::orders::OrderReceiver;
use super::output::{Masker, Pump};
use super::prepare::{Surroundings, prepare};
use super::process::{Mark, Spawner, Started, StepCommand, StepsIdentity};
use super::supervise::supervise;
use super::workspace::Workspace;
use crate::plans::template::{self, TemplateContext};
use crate::tasks::{AttemptResult, Claimed};
use crate::{Engine, Error};

/// How soon a question that the database could not answer is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// What all attempts of a worker share.
pub struct Tools {
    pub engine: Engine,
    pub options: WorkerOptions,
    pub spawner: Spawner,
    pub masker: Masker,
    pub identity: StepsIdentity,
    /// Where programs are searched.
    pub path: String,
}

/// Runs the attempt to its end. `None`: it was given up, and there is nothing to record.
pub async fn run(
    tools: &Tools,
    claimed: &Claimed,
    orders: &mut OrderReceiver,
) -> Option<AttemptResult> {
    if orders.wants_stop().is_some() {
        return Some(AttemptResult::bare(Outcome::Cancelled));
    }
    let mut giving_up = orders.clone();
    let context = tokio::select! {
        biased;
        () = giving_up.abandoned() => return None,
        context = gather(&tools.engine, claimed) => context,
    };
    let started = match context {
        Ok(context) => start(tools, claimed, &context).await,
        Err(error) => Err(could_not_start(format!(
            "what the tasks before it came to cannot be read: {error}"
        ))),
    };
    let (workspace, started) = match started {
        Ok(started) => started,
        Err(mut result) => {
            result.reason = result.reason.map(|reason| tools.masker.text(&reason));
            return Some(result);
        }
    };
    let Started {
        leader,
        family,
        output,
    } = started;
    let pump = Pump::new(&tools.engine, claimed.lease, &tools.masker);
    let ended = supervise(
        &tools.options,
        claimed.definition.timeout_seconds,
        leader,
        family,
        pump,
        output,
        orders,
    )
    .await?;
    tokio::select! {
        biased;
        () = giving_up.abandoned() => None,
        result = collect(Collecting { tools, lease: claimed.lease, workspace, ended }) => Some(result),
    }
}

/// What the templates may look at; retried while the database cannot be reached.
async fn gather(engine: &Engine, claimed: &Claimed) -> Result<TemplateContext, Error> {
    loop {
        match template::gather(engine, claimed).await {
            Err(Error::Unavailable(_)) => tokio::time::sleep(RETRY_PAUSE).await,
            answer => return answer,
        }
    }
}

async fn start(
    tools: &Tools,
    claimed: &Claimed,
    context: &TemplateContext,
) -> Result<(Arc<Workspace>, Started), AttemptResult> {
    if let StepsIdentity::Unusable(reason) = &tools.identity {
        return Err(could_not_start(reason.clone()));
    }
    let user = tools.identity.user();
    let mark = Mark::new(tools.engine.random.uuid());
    let workspace = Workspace::create(&mark, user)
        .map_err(|error| could_not_start(format!("there is no room for its files: {error}")))?;
    let step = prepare(
        claimed,
        &Surroundings {
            settings: &tools.engine.settings,
            workspace: &workspace,
            mark: &mark,
            user,
            path: &tools.path,
            context,
        },
    )
    .map_err(could_not_start)?;
    let started = tools
        .spawner
        .start(&step, mark)
        .await
        .map_err(|error| refused(&step, &error))?;
    Ok((Arc::new(workspace), started))
}

/// The result where the operating system did not start the step.
fn refused(step: &StepCommand, error: &io::Error) -> AttemptResult {
    let program = &step.argv[0];
    if error.kind() == io::ErrorKind::NotFound {
        return AttemptResult {
            exit_code: Some(127),
            reason: Some(format!("the command {program} was not found")),
            ..AttemptResult::bare(Outcome::NotFound)
        };
    }
    could_not_start(if error.kind() == io::ErrorKind::PermissionDenied {
        format!(
            "its user may not execute {program} in the folder {}",
            step.folder.display()
        )
    } else {
        format!("{program} could not be started: {error}")
    })
}

fn could_not_start(reason: String) -> AttemptResult {
    AttemptResult {
        reason: Some(reason),
        ..AttemptResult::bare(Outcome::CouldNotStart)
    }
}
