//! The worker's loop: claim what there is room for, run it, wait for more.

use std::sync::Arc;
use std::time::Duration;

use process::{Found, Walls};
use secrecy::ExposeSecret;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::attempt::{self, Tools};
use super::cells::Cells;
use super::finisher::{self, Finisher, Job};
use super::orders::{Holding, Stop};
use super::output::Masker;
use super::steps::user::search_path;
use super::steps::{StepsIdentity, mark};
use super::uses::{self, Layouts};
use super::workspace::{self, Workspaces};
use super::{WorkerOptions, hints, keeper, view};
use crate::settings::RequiredWalls;
use crate::tasks::{self, Claimed, Finish, Finished, WorkerIdentity};
use crate::{Engine, Result, lifecycle};

/// A worker that just had work asks for more after this pause, then less and less often.
const SHORTEST_POLL: Duration = Duration::from_millis(50);

const LONGEST_ERROR_PAUSE: Duration = Duration::from_secs(5);

/// What the loop works with.
struct Worker {
    identity: WorkerIdentity,
    lane: Lane,
}

/// What a slot works with: attempt after attempt, while there is more to do.
#[derive(Clone)]
struct Lane {
    tools: Arc<Tools>,
    holding: Arc<Holding>,
    results: mpsc::UnboundedSender<Job>,
    /// How long before a lease's end its processes must be dead.
    margin: Duration,
}

/// Runs tasks until `stop`; then takes no more, lets what runs go on for a bounded
/// time, and ends what is not done by then, so that it goes back to the queue.
///
/// # Errors
/// Where the worker cannot begin. Once it has begun it outlives every database error.
pub async fn run(engine: Engine, options: WorkerOptions, stop: CancellationToken) -> Result<()> {
    let cleaned = tokio::task::spawn_blocking(|| {
        let killed = mark::kill_orphans();
        workspace::remove_orphans();
        uses::remove_orphans();
        killed
    })
    .await
    .map_err(anyhow::Error::new)?;
    if cleaned > 0 {
        tracing::warn!("{cleaned} processes that a killed worker had left were killed");
    }
    let identity = WorkerIdentity {
        id: engine.random.uuid(),
        name: options.name.clone(),
        labels: options.labels.clone(),
    };
    tasks::register_worker(&engine, &identity, options.slots).await?;

    let hint = Arc::new(Notify::new());
    let (results, queue) = mpsc::unbounded_channel();
    let holding = Arc::new(Holding::default());
    let background_stop = CancellationToken::new();
    let mut background = JoinSet::new();
    background.spawn(keeper::keep(
        engine.clone(),
        identity.clone(),
        Arc::clone(&holding),
        background_stop.clone(),
    ));
    background.spawn(hints::listen(
        engine.clone(),
        Arc::clone(&hint),
        background_stop.clone(),
    ));
    let finisher = Finisher {
        engine: engine.clone(),
        worker: identity.clone(),
        stop: stop.clone(),
    };
    background.spawn(finisher::record(finisher, queue));

    let tools = Arc::new(tools(&engine, options).await?);
    background.spawn(uses::sweep(
        engine.clone(),
        Arc::clone(&tools.layouts),
        background_stop.clone(),
    ));
    let worker = Worker {
        identity,
        lane: Lane {
            tools,
            margin: margin(engine.settings.lease),
            holding,
            results,
        },
    };
    let mut running = JoinSet::new();
    worker.work(&hint, &mut running, &stop).await;
    worker.wind_down(&mut running).await;

    let Worker { identity, lane } = worker;
    drop(lane);
    background_stop.cancel();
    while background.join_next().await.is_some() {}
    let _ = tokio::time::timeout(
        Duration::from_secs(2),
        tasks::unregister_worker(&engine, &identity),
    )
    .await;
    Ok(())
}

/// Killing takes a moment, and the machine may be busy.
fn margin(lease: Duration) -> Duration {
    (lease / 6).min(Duration::from_secs(3))
}

async fn tools(engine: &Engine, options: WorkerOptions) -> Result<Tools> {
    let identity = StepsIdentity::find(&engine.settings);
    let user = identity.user().cloned();
    let secrets = &engine.settings.secrets;
    let steps = &engine.settings.steps;
    let (cells, found) = Cells::find(user.as_ref(), steps.walls)
        .await
        .map_err(anyhow::Error::new)?;
    tell_of_walls(&found);
    if matches!(identity, StepsIdentity::Shared) && found.walls != Walls::None {
        make_state();
    }
    let identity = match (steps.require, found.walls) {
        (RequiredWalls::Namespace, Walls::None) => StepsIdentity::Unusable(format!(
            "steps.require asks for namespaces, and there are none here: {}",
            found.why()
        )),
        (RequiredWalls::None | RequiredWalls::Namespace, _) => identity,
    };
    Ok(Tools {
        engine: engine.clone(),
        options,
        path: search_path(user.as_ref()),
        workspaces: Workspaces::new(
            Arc::clone(&engine.random),
            user.clone(),
            // Nobody but the attempt sees its folders.
            cells.walls() != Walls::None,
        ),
        layouts: Arc::new(Layouts::new(
            Arc::clone(&engine.random),
            // Behind walls they are read-only, whoever it is.
            user.is_none() && cells.walls() == Walls::None,
        )),
        cells,
        masker: Masker::new(
            secrets
                .iter()
                .map(|(name, value)| (name.as_str(), value.expose_secret())),
        ),
        identity,
    })
}

/// Makes what our own steps remember from night to night, where it is not there: behind walls
/// nothing else of the home is kept.
fn make_state() {
    let Some(home) = std::env::home_dir().filter(|home| home.is_dir()) else {
        return;
    };
    let state = home.join(view::STATE);
    if let Err(error) = std::fs::create_dir_all(&state) {
        tracing::warn!(
            "steps cannot remember anything in {}: {error}",
            state.display()
        );
    }
}

/// Says in one line what steps are walled in by.
fn tell_of_walls(found: &Found) {
    match found.walls {
        Walls::Namespaces | Walls::UserNamespaces => {
            tracing::info!("each step has processes and files of its own (namespaces)");
        }
        Walls::None => tracing::warn!(
            "steps are not walled off from one another: {} (docs/SECURITY.md)",
            found.why()
        ),
    }
}

impl Worker {
    /// Claims and starts until `stop`.
    async fn work(&self, hint: &Notify, running: &mut JoinSet<()>, stop: &CancellationToken) {
        let options = &self.lane.tools.options;
        let engine = &self.lane.tools.engine;
        let slots = usize::try_from(options.slots).unwrap_or(usize::MAX);
        let mut pause = SHORTEST_POLL;
        while !stop.is_cancelled() {
            while running.try_join_next().is_some() {}
            let free = slots.saturating_sub(running.len());
            // Before the question, so that a hint that comes meanwhile is not lost.
            let woken = engine.wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let mut wait = options.poll;
            if free > 0 {
                match self.claim(free).await {
                    Ok((claimed, lease_end)) => {
                        let had_work = !claimed.is_empty();
                        let is_full = claimed.len() == free;
                        for claimed in claimed {
                            running.spawn(self.lane.clone().work(claimed, lease_end));
                        }
                        pause = if had_work {
                            SHORTEST_POLL
                        } else {
                            (pause * 2).min(options.poll)
                        };
                        wait = pause.min(options.poll);
                        if is_full {
                            continue;
                        }
                    }
                    Err(error) => {
                        tracing::warn!("tasks could not be claimed: {error}");
                        pause = (pause * 2).min(LONGEST_ERROR_PAUSE);
                        tokio::select! {
                            () = stop.cancelled() => {}
                            () = sleep(pause) => {}
                        }
                        continue;
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = &mut woken, if free > 0 => {}
                () = hint.notified(), if free > 0 => {}
                Some(_) = running.join_next(), if !running.is_empty() => {}
                () = sleep(wait), if free > 0 => {}
            }
        }
    }

    /// Claims up to `free` tasks; the second value is when their leases end at the latest.
    ///
    /// It is never dropped half way: what it had claimed would wait for a rescuer.
    async fn claim(&self, free: usize) -> Result<(Vec<Claimed>, Instant)> {
        let engine = &self.lane.tools.engine;
        let lease_end = Instant::now() + engine.settings.lease;
        let limit = u32::try_from(free).unwrap_or(u32::MAX);
        let claimed = lifecycle::claim(engine, &self.identity, limit).await?;
        Ok((claimed, lease_end))
    }

    /// Lets what runs go on for a while, then ends it.
    async fn wind_down(&self, running: &mut JoinSet<()>) {
        let patience = Instant::now() + self.lane.tools.options.shutdown_grace;
        loop {
            tokio::select! {
                ended = running.join_next() => if ended.is_none() {
                    return;
                },
                () = sleep_until(patience) => break,
            }
        }
        tracing::warn!(
            "{} attempts were still running and are stopped; they run again",
            running.len()
        );
        self.lane.holding.order_all(Stop::Shutdown);
        while running.join_next().await.is_some() {}
    }
}

impl Lane {
    /// Runs the task, and then whatever the slot is given next.
    async fn work(self, claimed: Claimed, lease_end: Instant) {
        let mut next = Some((claimed, lease_end));
        while let Some((claimed, lease_end)) = next {
            next = self.attempt(&claimed, lease_end).await;
        }
    }

    async fn attempt(&self, claimed: &Claimed, lease_end: Instant) -> Option<(Claimed, Instant)> {
        let lease = claimed.lease;
        let (_held, mut orders) = self.holding.hold(lease, lease_end, self.margin);
        let Some(result) = attempt::run(&self.tools, claimed, &mut orders).await else {
            tracing::warn!(task.id = %lease.task, "attempt {} of task {} was given up: nothing is recorded", lease.attempt, lease.task);
            return None;
        };
        let (reply, answer) = oneshot::channel();
        let job = Job {
            finish: Finish { lease, result },
            orders,
            reply,
        };
        self.results.send(job).ok()?;
        let reply = answer.await.ok()?;
        if !claimed.uses.is_empty() {
            // The run may have ended with it.
            self.tools.layouts.changed.notify_one();
        }
        if reply.finished == Some(Finished::LeaseLost) {
            tracing::warn!(task.id = %lease.task, "the lease of task {} was lost: its result was not recorded", lease.task);
        }
        reply.next
    }
}
