//! `watchbill serve` and `watchbill worker`: the database, the engine's loops, the web server.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use engine::Engine;
use engine::tasks;
use engine::worker::{WorkerOptions, raise_descriptors};
use leptos::config::LeptosOptions;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::database::Database;
use crate::listen::{self, Listening};
use crate::shutdown::{self, Shutdown};
use crate::state::AppState;
use crate::{demonstration, first_start, metrics, plans_folder, router};

/// How long requests may go on when the process is told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Runs until a signal says stop.
///
/// # Errors
/// When something that it cannot do without is missing.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let shutdown = Shutdown::default();
    shutdown::on_signal(shutdown.stop.clone())?;
    close_to_others();
    metrics::install()?;
    let config = first_start::prepare(config).await?;
    let database = Database::open(&config).await?;
    let served = run(config, &database, &shutdown).await;
    database.leave().await;
    served
}

/// Runs a worker until a signal says stop.
///
/// # Errors
/// When something that it cannot do without is missing.
pub async fn worker(config: Config) -> anyhow::Result<()> {
    let shutdown = Shutdown::default();
    shutdown::on_signal(shutdown.stop.clone())?;
    close_to_others();
    let config = first_start::prepare(config).await?;
    let database = Database::open(&config).await?;
    let worked = work(&config, &database, &shutdown).await;
    database.leave().await;
    worked
}

/// Steps that run as our own user read neither our memory nor our environment.
fn close_to_others() {
    if let Err(error) = process::close_to_others() {
        tracing::warn!("steps may read this process's memory: {error}");
    }
}

async fn work(config: &Config, database: &Database, shutdown: &Shutdown) -> anyhow::Result<()> {
    let pool = database.pool(connections()).await?;
    let engine = Engine::new(pool, config.engine_settings());
    // Migrating is `serve`'s or the administrator's: a worker only says what is missing.
    engine::upkeep::readiness(&engine).await?;
    let watching = async {
        if let Some(cluster) = &database.cluster {
            cluster.watch(shutdown.background.clone()).await;
        }
    };
    let working = async {
        let result = run_worker(engine.clone(), shutdown.stop.clone()).await;
        shutdown.background.cancel();
        result
    };
    let announcing = tasks::announce(engine.clone(), shutdown.background.clone());
    let (worked, (), ()) = tokio::join!(working, watching, announcing);
    engine.close().await;
    worked
}

async fn run(mut config: Config, database: &Database, shutdown: &Shutdown) -> anyhow::Result<()> {
    database.migrate(&config).await?;
    let demonstrated = first_start::demonstrate(&mut config).await;
    first_start::look_at_receivers(&mut config).await;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    // Port 0 asks for any free one; links in messages name it.
    config.listen = listener.local_addr()?;
    let pool = database.pool(connections()).await?;
    let readers = database.readers(processors()).await?;
    let engine = Engine::new(pool, config.engine_settings()).with_readers(readers);
    engine::upkeep::ensure_partitions(&engine).await?;
    let admin = first_start::ensure_admin(&engine, &config).await?;
    let folder = config.plans_folder.clone();
    if let Some(folder) = &folder {
        plans_folder::synchronise(&engine, folder).await;
    }
    // Before anything starts by itself: what an older version stored may have lost a gate.
    engine::upkeep::recheck(&engine).await?;
    if demonstrated {
        match demonstration::first_run(&engine).await {
            Ok(Some(run)) => tracing::info!("the demonstration begins as {run}"),
            Ok(None) => {}
            Err(error) => tracing::warn!("the demonstration cannot begin: {error}"),
        }
    }
    first_start::announce(&config, admin);

    let mut background = JoinSet::new();
    background.spawn(deliver(engine.clone(), shutdown.clone()));
    // Workers in other processes hear what gets ready in this one.
    background.spawn(tasks::announce(engine.clone(), shutdown.background.clone()));
    let mut worker = JoinSet::new();
    worker.spawn(run_worker(engine.clone(), shutdown.stop.clone()));
    background.spawn(engine::scheduler::run(
        engine.clone(),
        shutdown.background.clone(),
    ));
    if let Some(folder) = folder {
        let follow = plans_folder::follow(engine.clone(), folder, shutdown.background.clone());
        background.spawn(follow);
    }
    let watching = async {
        if let Some(cluster) = &database.cluster {
            cluster.watch(shutdown.background.clone()).await;
        }
    };
    let stages = async {
        let answered = answer(listener, &engine, config, shutdown).await;
        while worker.join_next().await.is_some() {}
        shutdown.background.cancel();
        while background.join_next().await.is_some() {}
        answered
    };
    let (served, ()) = tokio::join!(stages, watching);
    engine.close().await;
    served
}

/// How many connections the pool of one process may hold; a private cluster has 60.
///
/// A few more than there are processors: the pool uses them in turn, and more of them only
/// evict each other's caches.
fn connections() -> u32 {
    (processors() + 4).min(32)
}

/// How many questions are read at once, and so the connections for them: more would only
/// take the processors from each other.
fn processors() -> u32 {
    let processors = std::thread::available_parallelism().map_or(4, std::num::NonZero::get);
    u32::try_from(processors).unwrap_or(16).clamp(2, 16)
}

/// A worker that cannot begin is told once; the rest of the server goes on without it.
async fn run_worker(engine: Engine, stop: CancellationToken) -> anyhow::Result<()> {
    let options = WorkerOptions::of(&engine.settings);
    if options.slots == 0 {
        stop.cancelled().await;
        return Ok(());
    }
    engine::worker::run(engine, options, stop)
        .await
        .inspect_err(|error| tracing::error!("the worker cannot begin: {error}"))
        .context("the worker cannot begin")
}

async fn deliver(engine: Engine, shutdown: Shutdown) {
    engine::notify::outbox::deliver(&engine, shutdown.background).await;
}

/// The web server, until told to stop and drained.
async fn answer(
    listener: TcpListener,
    engine: &Engine,
    config: Config,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let state = AppState {
        engine: engine.clone(),
        config: Arc::new(config),
        leptos_options: LeptosOptions::builder().output_name("watchbill").build(),
    };
    let listening = Listening::of(&state.config, raise_descriptors());
    let router = router::router(&state);
    let server = listen::serve(listener, router, listening, shutdown.stop.clone());
    let limit = async {
        shutdown.stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        () = server => {}
        () = limit => tracing::warn!("requests were cut off after {} seconds", DRAIN.as_secs()),
    }
    Ok(())
}
