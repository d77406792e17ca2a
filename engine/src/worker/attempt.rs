//! One attempt, from the claim to its result.

use std::io;
use std::path::Path;
use std::sync::Arc;

use model::task::Outcome;
use process::{Attempt, Network, NotStarted};

use super::WorkerOptions;
use super::cells::Cells;
use super::collect::{Collecting, collect};
use super::orders::OrderReceiver;
use super::output::{Masker, Pump};
use super::prepare::{Surroundings, prepare};
use super::steps::{Mark, StepsIdentity};
use super::supervise::supervise;
use super::uses::{Layouts, Lent};
use super::workspace::{Workspace, Workspaces};
use crate::Engine;
use crate::plans::template::TemplateContext;
use crate::schedule::local_date;
use crate::tasks::{AttemptResult, Claimed};

/// What all attempts of a worker share.
pub struct Tools {
    pub engine: Engine,
    pub options: WorkerOptions,
    pub cells: Cells,
    pub masker: Masker,
    pub identity: StepsIdentity,
    pub workspaces: Workspaces,
    pub layouts: Arc<Layouts>,
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
    let uses = match lent(tools, claimed, orders).await? {
        Ok(uses) => uses,
        Err(result) => return Some(masked(tools, result)),
    };
    let folder = uses.as_ref().map(Lent::path);
    let started = match template_context(claimed) {
        Ok(context) => start(tools, claimed, &context, folder.as_deref()).await,
        Err(error) => Err(could_not_start(error.to_string())),
    };
    let (workspace, mut started) = match started {
        Ok(started) => started,
        Err(result) => return Some(masked(tools, result)),
    };
    let Some(output) = started.output() else {
        return Some(could_not_start("its output was taken already".to_owned()));
    };
    let pump = Pump::new(&tools.engine, claimed.lease, &tools.masker);
    let ended = supervise(
        &tools.options,
        claimed.definition.timeout_seconds,
        started,
        pump,
        output,
        orders,
    )
    .await?;
    let mut giving_up = orders.clone();
    tokio::select! {
        biased;
        () = giving_up.abandoned() => None,
        result = collect(Collecting { tools, lease: claimed.lease, workspace, ended, uses }) => Some(result),
    }
}

/// The files that the task uses, if there are any. `None`: the attempt was given up.
async fn lent(
    tools: &Tools,
    claimed: &Claimed,
    orders: &mut OrderReceiver,
) -> Option<Result<Option<Lent>, AttemptResult>> {
    if claimed.uses.is_empty() || matches!(tools.identity, StepsIdentity::Unusable(_)) {
        return Some(Ok(None));
    }
    let mut giving_up = orders.clone();
    tokio::select! {
        biased;
        () = giving_up.abandoned() => None,
        _ = orders.stopped() => Some(Err(AttemptResult::bare(Outcome::Cancelled))),
        lent = tools.layouts.lend(&tools.engine, claimed) => Some(lent.map_err(could_not_start)),
    }
}

fn masked(tools: &Tools, mut result: AttemptResult) -> AttemptResult {
    result.reason = result.reason.map(|reason| tools.masker.text(&reason));
    result
}

async fn start(
    tools: &Tools,
    claimed: &Claimed,
    context: &TemplateContext,
    lent: Option<&Path>,
) -> Result<(Arc<Workspace>, Attempt), AttemptResult> {
    if let StepsIdentity::Unusable(reason) = &tools.identity {
        return Err(could_not_start(reason.clone()));
    }
    let user = tools.identity.user();
    let mark = Mark::new(tools.engine.random.uuid());
    let no_room =
        |error: io::Error| could_not_start(format!("there is no room for its files: {error}"));
    let workspace = tools.workspaces.take().map_err(no_room)?;
    let step = prepare(
        claimed,
        &Surroundings {
            settings: &tools.engine.settings,
            workspace: &workspace,
            mark: &mark,
            user,
            uses: lent,
            path: &tools.path,
            walls: tools.cells.walls(),
            context,
        },
    )
    .map_err(could_not_start)?;
    let cell =
        tools.cells.take(Network::Host).await.map_err(|refusal| {
            could_not_start(format!("its walls could not be built: {refusal}"))
        })?;
    // From here on it is the step's own.
    workspace.hand_over().map_err(no_room)?;
    let (program, folder) = (step.argv[0].clone(), step.folder.clone());
    let started = cell
        .run(step)
        .await
        .map_err(|error| refused(&program, &folder, &error))?;
    Ok((Arc::new(workspace), started))
}

/// The result where the operating system did not start the step.
fn refused(program: &str, folder: &Path, error: &NotStarted) -> AttemptResult {
    let sentence = match error {
        NotStarted::Program(error) if error.kind() == io::ErrorKind::NotFound => {
            return AttemptResult {
                exit_code: Some(127),
                reason: Some(format!("the command {program} was not found")),
                ..AttemptResult::bare(Outcome::NotFound)
            };
        }
        NotStarted::Program(error) if error.kind() == io::ErrorKind::PermissionDenied => format!(
            "its user may not execute {program} in the folder {}",
            folder.display()
        ),
        NotStarted::Folder(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            format!(
                "its user may not enter its working folder {}",
                folder.display()
            )
        }
        NotStarted::Folder(error) => format!(
            "its working folder {} cannot be entered: {error}",
            folder.display()
        ),
        NotStarted::View(what, error) => {
            format!("its files could not be laid out: {what}: {error}")
        }
        NotStarted::Program(error) | NotStarted::Other(error) => {
            format!("{program} could not be started: {error}")
        }
    };
    could_not_start(sentence)
}

fn could_not_start(reason: String) -> AttemptResult {
    AttemptResult {
        reason: Some(reason),
        ..AttemptResult::bare(Outcome::CouldNotStart)
    }
}

/// What the templates of a claimed task may look at.
///
/// # Errors
/// Where the plan's zone is none.
fn template_context(claimed: &Claimed) -> crate::Result<TemplateContext> {
    let date = match (&claimed.timezone, claimed.due_at) {
        (Some(timezone), Some(due_at)) => local_date(timezone, due_at)?,
        (Some(_) | None, _) => String::new(),
    };
    Ok(TemplateContext {
        inputs: claimed.inputs.clone(),
        run_id: claimed.run_id.clone().unwrap_or_default(),
        date,
        tasks: Arc::clone(&claimed.upstream),
    })
}
