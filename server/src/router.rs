//! Every route in one place, and what surrounds them all.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{
    MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::{DefaultOnResponse, TraceLayer};
use tracing::Level;

use crate::listen::{self, Slots};
use crate::state::AppState;
use crate::{auth, health, metrics, pages, rest, slack};

/// The largest body that any route takes; plans and reports are far smaller.
const BODY_LIMIT: usize = 2 * 1024 * 1024;
/// How long a handler may take until its response begins.
const TIMEOUT: Duration = Duration::from_secs(30);
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The whole application.
pub fn router(state: &AppState) -> Router {
    let routes = Router::new()
        .merge(metrics::router(state.clone()))
        .merge(auth::router(state.clone()))
        .merge(rest::router(state))
        .merge(slack::router(state.clone()))
        .merge(pages::router(state.clone()))
        .layer(from_fn_with_state(requests(state), listen::limit))
        .layer(from_fn_with_state(state.clone(), auth::layer))
        // Whoever watches the process may not know under which name it serves.
        .merge(health::router(state.clone()))
        .layer(from_fn(metrics::measure));
    surround(routes, state)
}

/// How many requests of addresses behind proxies are answered at once.
fn requests(state: &AppState) -> Slots {
    Slots::new(u32::MAX, state.config.connections_per_address)
}

/// What every response gets, from the outside in: an id, a log line, headers, a limit.
fn surround(routes: Router, state: &AppState) -> Router {
    let random = state.engine.random.clone();
    let secret = [
        header::AUTHORIZATION,
        header::COOKIE,
        header::SET_COOKIE,
        HeaderName::from_static("x-admin-key"),
        HeaderName::from_static("x-slack-signature"),
    ];
    routes.layer(
        ServiceBuilder::new()
            .layer(SetSensitiveRequestHeadersLayer::new(secret))
            .layer(SetRequestIdLayer::new(REQUEST_ID.clone(), FreshId(random)))
            .layer(
                TraceLayer::new_for_http()
                    .make_span_with(span)
                    // What fails is logged once, where it is mapped to a response.
                    .on_failure(())
                    .on_response(DefaultOnResponse::new().level(Level::DEBUG)),
            )
            .layer(PropagateRequestIdLayer::new(REQUEST_ID.clone()))
            .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            // Nothing to others. Not `no-referrer`: browsers would send `Origin: null` with our own forms.
            .layer(fixed(header::REFERRER_POLICY, "same-origin"))
            .layer(fixed(header::X_FRAME_OPTIONS, "DENY"))
            .layer(fixed(
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; frame-ancestors 'none'",
            ))
            .layer(CompressionLayer::new())
            .layer(CatchPanicLayer::custom(panicked))
            .layer(TimeoutLayer::with_status_code(
                StatusCode::SERVICE_UNAVAILABLE,
                TIMEOUT,
            ))
            .layer(from_fn(refuse_large))
            .layer(RequestBodyLimitLayer::new(BODY_LIMIT)),
    )
}

/// Says so in our own words where the length is told beforehand; a body that turns out
/// longer is cut off by the limit, and its reader says the same.
async fn refuse_large(request: Request<Body>, next: Next) -> Response {
    let told = request.headers().get(header::CONTENT_LENGTH);
    let length = told.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > BODY_LIMIT as u64) {
        return problem(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is larger than 2 MiB, which is the most that is read",
        );
    }
    next.run(request).await
}

/// A header that holds unless the handler set its own.
fn fixed(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

#[derive(Clone)]
struct FreshId(std::sync::Arc<dyn engine::Random>);

impl MakeRequestId for FreshId {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        let id = self.0.uuid().simple().to_string();
        HeaderValue::from_str(&id).ok().map(RequestId::new)
    }
}

/// The path alone: a query may carry what nobody wants in a log.
fn span<B>(request: &Request<B>) -> tracing::Span {
    let id = request
        .extensions()
        .get::<RequestId>()
        .and_then(|id| id.header_value().to_str().ok())
        .unwrap_or_default();
    tracing::info_span!(
        "http.request",
        request.id = %id,
        method = %request.method(),
        path = %request.uri().path(),
    )
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the layer hands the panic over"
)]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no text");
    tracing::error!("a handler panicked: {text}");
    problem(
        StatusCode::INTERNAL_SERVER_ERROR,
        "an internal error; the log has the details",
    )
}

/// RFC 9457, for what fails before or around a handler.
pub fn problem(status: StatusCode, detail: &str) -> Response {
    let body = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "detail": detail,
    });
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    (status, kind, body.to_string()).into_response()
}
