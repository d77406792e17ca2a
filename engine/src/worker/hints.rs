//! Hints from other processes that something is ready; polling stays the truth.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::tasks::READY_CHANNEL;
use crate::{Engine, Result};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Listens on a connection of its own until `stop`, however often that breaks.
pub async fn listen(engine: Engine, hint: Arc<Notify>, stop: CancellationToken) {
    let mut pause = FIRST_PAUSE;
    loop {
        let heard = tokio::select! {
            () = stop.cancelled() => return,
            heard = listen_once(&engine, &hint, &mut pause) => heard,
        };
        if let Err(error) = heard {
            tracing::debug!("hints are not heard for now: {error}");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn listen_once(engine: &Engine, hint: &Notify, pause: &mut Duration) -> Result<()> {
    let options = engine.pool.connect_options().as_ref().clone();
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(READY_CHANNEL).await?;
    *pause = FIRST_PAUSE;
    let own = engine.instance.to_string();
    loop {
        // None: the connection broke and was made again; something may have been missed.
        let heard = listener.try_recv().await?;
        if heard.is_none_or(|heard| heard.payload() != own) {
            hint.notify_one();
        }
    }
}
