//! `watchbill serve`: the database, the engine's loops and the web server.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use engine::Engine;
use leptos::config::LeptosOptions;
use tokio::net::TcpListener;

use crate::config::Config;
use crate::shutdown::{self, Shutdown};
use crate::state::AppState;
use crate::{database, router};

/// How many connections one process may hold.
const CONNECTIONS: u32 = 16;

/// Runs until a signal says stop.
///
/// # Errors
/// When something that it cannot do without is missing.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let shutdown = Shutdown::default();
    shutdown::on_signal(shutdown.http.clone())?;
    let url = config
        .database_url
        .clone()
        .context("DATABASE_URL is not set")?;
    let pool = database::connect(&url, CONNECTIONS).await?;
    engine::upkeep::migrate(&pool).await?;
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
    axum::serve(listener, service)
        .with_graceful_shutdown(shutdown.http.clone().cancelled_owned())
        .await?;
    shutdown.worker.cancel();
    shutdown.background.cancel();
    engine.pool.close().await;
    Ok(())
}
