//! Passes the hint that something is ready on to other processes, outside the commit path.

use tokio_util::sync::CancellationToken;

use crate::Engine;

/// The channel on which workers listen; the payload is the sender's instance, which
/// needs no hint from itself.
pub const READY_CHANNEL: &str = "watchbill_ready";

/// Sends one NOTIFY for however many hints came meanwhile, until it is cancelled.
///
/// A NOTIFY inside each commit would serialise all commits on one lock.
pub async fn announce(engine: Engine, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = engine.wake_others.notified() => {}
        }
        let sent = sqlx::query!(
            "SELECT pg_notify($1, $2)",
            READY_CHANNEL,
            engine.instance.to_string()
        )
        .execute(&engine.pool)
        .await;
        if let Err(error) = sent {
            tracing::debug!(%error, "the hint that tasks are ready was not sent");
        }
    }
}
