//! `/metrics` in Prometheus' text: what the database says now, and what this process counted.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use ::metrics::{gauge, histogram};
use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use engine::upkeep::Gauges;
use engine::{Clock, Engine, SystemClock};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use model::identity::Permission;
use tokio::time::Instant;

use crate::auth::{Caller, came_through_a_proxy};
use crate::rest::ApiError;
use crate::state::AppState;

const LATENCIES: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0];

/// The recorder is one for the process, however many routers are made in it.
static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins to count. A second call changes nothing.
///
/// # Errors
/// When another recorder is installed.
pub fn install() -> anyhow::Result<()> {
    if HANDLE.get().is_none() {
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &LATENCIES)?
            .install_recorder()?;
        // A race in tests leaves the first one.
        let _ = HANDLE.set(handle);
    }
    Ok(())
}

/// Measures each request, under the route's pattern and never its path.
pub async fn measure(request: Request<Body>, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().to_string();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let response = next.run(request).await;
    histogram!(
        "watchbill_http_request_seconds",
        "method" => method,
        "route" => route,
        "status" => response.status().as_u16().to_string(),
    )
    .record(begun.elapsed());
    response
}

/// For a caller who may read, and for the peers of `metrics.from` when no proxy is between.
pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .with_state(state)
}

async fn metrics(
    State(state): State<AppState>,
    caller: Caller,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    // Behind a proxy every peer looks local.
    let direct = !came_through_a_proxy(&headers);
    let near = peer.is_some_and(|Extension(ConnectInfo(peer))| {
        let address = peer.ip().to_canonical();
        let from = &state.config.metrics_from;
        from.iter().any(|network| network.contains(&address))
    });
    if !(direct && near) {
        let principal = caller.0.ok_or_else(|| {
            let text = "send a token with the scope read as Authorization: Bearer";
            engine::Error::Unauthenticated(text.to_owned())
        })?;
        engine::authorise(&principal, Permission::Read)?;
    }
    Ok(render(&state.engine).await?)
}

async fn render(engine: &Engine) -> engine::Result<Response> {
    let gauges = tokio::time::timeout(Duration::from_secs(10), engine::upkeep::gauges(engine))
        .await
        .map_err(|_| engine::Error::Unavailable(sqlx::Error::PoolTimedOut))??;
    set(&gauges);
    let text = HANDLE.get().map(|handle| {
        handle.run_upkeep();
        handle.render()
    });
    let kind = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    Ok((kind, text.unwrap_or_default()).into_response())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; counts stay far below 2^52"
)]
fn set(gauges: &Gauges) {
    for queue in &gauges.queues {
        let name = queue.queue.clone();
        gauge!("watchbill_queue_depth", "queue" => name.clone()).set(queue.depth as f64);
        gauge!("watchbill_queue_oldest_age_seconds", "queue" => name.clone())
            .set(queue.oldest_seconds);
        gauge!("watchbill_queue_running", "queue" => name).set(queue.running as f64);
    }
    let now = SystemClock.now();
    for plan in &gauges.plans {
        let name = plan.plan.clone();
        if let Some(at) = plan.last_success {
            gauge!("watchbill_plan_last_success_timestamp", "plan" => name.clone())
                .set(at.timestamp() as f64);
        }
        let lateness = plan.next_due.map_or(0.0, |due| {
            (now - due).num_milliseconds().max(0) as f64 / 1_000.0
        });
        gauge!("watchbill_plan_lateness_seconds", "plan" => name.clone()).set(lateness);
        gauge!("watchbill_plan_nothing_due", "plan" => name)
            .set(f64::from(u8::from(plan.nothing_due)));
    }
    gauge!("watchbill_approvals_pending").set(gauges.awaiting_approval as f64);
    gauge!("watchbill_tasks_scheduled").set(gauges.scheduled as f64);
    gauge!("watchbill_lease_oldest_age_seconds").set(gauges.oldest_lease_seconds);
    gauge!("watchbill_leases_lapsed").set(gauges.lapsed_leases as f64);
    gauge!("watchbill_workers").set(gauges.workers as f64);
    gauge!("watchbill_outbox_backlog").set(gauges.outbox_backlog as f64);
    gauge!("watchbill_outbox_oldest_age_seconds").set(gauges.outbox_oldest_seconds);
}
