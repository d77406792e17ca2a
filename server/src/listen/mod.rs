//! Takes connections, no more than there is room for, and none that keeps a place without use.

mod pace;
mod requests;
mod slots;

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::config::Config;
use pace::{Answering, IDLE, Paced};
pub use requests::limit;
pub use slots::{Refused, Slot, Slots};

/// How long to wait where the system has no more descriptors, or refuses for another reason
/// that passes.
const PAUSE: Duration = Duration::from_millis(100);

/// Descriptors that connections leave to the rest: the database, files, mail.
const RESERVED: u64 = 128;
/// What a step that runs takes of them: its pipe, its pidfd, its folders.
const RESERVED_OF_A_STEP: u64 = 8;

/// Whose connections are taken.
#[derive(Clone, Debug)]
pub struct Listening {
    pub slots: Slots,
    /// Connections from here bring the requests of many: they count among all only.
    pub proxies: Vec<IpNet>,
}

/// Serves every connection until `stop`, then ends those that have no request under way and
/// waits for the others.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    listening: Listening,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match listening.take(peer.ip()) {
                // Without a word: an answer would cost what the limit is to save.
                Err(refused) => tracing::debug!(%peer, "a connection was refused: {refused:?}"),
                Ok(slot) => {
                    let watcher = graceful.watcher();
                    tokio::spawn(answer(stream, peer, router.clone(), slot, watcher));
                }
            },
            // The other end went away meanwhile, or there are no descriptors for now.
            Err(error) => {
                tracing::debug!("a connection could not be taken: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

impl Listening {
    /// As the configuration has it, as far as `descriptors` suffice, where those are limited.
    #[must_use]
    pub fn of(config: &Config, descriptors: Option<u64>) -> Self {
        let reserved = RESERVED + RESERVED_OF_A_STEP * u64::from(config.slots);
        let wanted = config.connections;
        let room = descriptors.map_or(u64::MAX, |all| all.saturating_sub(reserved).max(8));
        let most = u32::try_from(room).unwrap_or(u32::MAX).min(wanted);
        if most < wanted {
            tracing::warn!(
                "only {most} connections are taken instead of {wanted}: the limit of open files does not allow more"
            );
        }
        Self {
            slots: Slots::new(most, config.connections_per_address),
            proxies: config.trusted_proxies.clone(),
        }
    }

    fn take(&self, peer: IpAddr) -> Result<Slot, Refused> {
        let peer = peer.to_canonical();
        let is_proxy = self.proxies.iter().any(|network| network.contains(&peer));
        self.slots.take((!is_proxy).then_some(peer))
    }
}

/// Answers the requests of one connection, one after the other.
async fn answer(stream: TcpStream, peer: SocketAddr, router: Router, slot: Slot, watcher: Watcher) {
    // Small answers go out at once.
    let _ = stream.set_nodelay(true);
    let answering = Answering::default();
    let stream = Paced::new(stream, answering.clone());
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let answer = answering.begin();
        let router = router.clone();
        async move {
            let mut request = request.map(axum::body::Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            let response = router.oneshot(request).await;
            drop(answer);
            response.map_err(|never: Infallible| never)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%peer, "a connection ended: {error}");
    }
    drop(slot);
}
