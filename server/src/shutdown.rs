//! Stops in order: nothing new begins, then what was begun ends, then the scheduler does.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// One token for each stage, cancelled in this order.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// The web server takes no new requests, and the worker claims nothing more; both
    /// end what they have begun.
    pub stop: CancellationToken,
    /// The scheduler, the outbox and the rest.
    pub background: CancellationToken,
}

/// Cancels `token` at the first SIGTERM or SIGINT; a second one ends the process at once.
///
/// # Errors
/// When the signals cannot be listened for.
pub fn on_signal(token: CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!("{name}: stopping; send it again to stop at once");
        token.cancel();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::warn!("stopped at once; what was running will be taken over when its lease ends");
        std::process::exit(130);
    });
    Ok(())
}
