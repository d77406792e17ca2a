//! `watchbill serve`: the database, the engine's loops and the web server.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use engine::Engine;
use leptos::config::LeptosOptions;
use tokio::net::TcpListener;

use crate::config::Config;
use crate::database::Database;
use crate::router;
use crate::shutdown::{self, Shutdown};
use crate::state::AppState;

/// How many connections one process may hold.
const CONNECTIONS: u32 = 16;

/// Runs until a signal says stop.
///
/// # Errors
/// When something that it cannot do without is missing.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let shutdown = Shutdown::default();
    shutdown::on_signal(shutdown.http.clone())?;
    let database = Database::open(&config).await?;
    let served = run(config, &database, &shutdown).await;
    database.leave().await;
    served
}

async fn run(config: Config, database: &Database, shutdown: &Shutdown) -> anyhow::Result<()> {
    database.migrate(&config).await?;
    let pool = database.pool(CONNECTIONS).await?;
    let engine = Engine::new(pool, config.engine_settings());
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    tracing::info!("listening on {}", config.address());
    let state = AppState {
        engine: engine.clone(),
        config: Arc::new(config),
        leptos_options: LeptosOptions::builder().output_name("watchbill").build(),
    };
    let service = router::router(&state).into_make_service_with_connect_info::<SocketAddr>();
    let watched = async {
        match &database.cluster {
            Some(cluster) => cluster.watch(shutdown.background.clone()).await,
            None => shutdown.background.cancelled().await,
        }
    };
    let stages = async {
        axum::serve(listener, service)
            .with_graceful_shutdown(shutdown.http.clone().cancelled_owned())
            .await?;
        shutdown.worker.cancel();
        shutdown.background.cancel();
        anyhow::Ok(())
    };
    let (served, ()) = tokio::join!(stages, watched);
    served?;
    engine.pool.close().await;
    Ok(())
}
