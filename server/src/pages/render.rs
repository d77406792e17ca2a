//! From a request to a document, with the headers that guard it.

use std::sync::{Arc, LazyLock};

use app::visit::FormAnswer;
use app::{Assets, shell};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use leptos::nonce::Nonce;
use leptos::prelude::provide_context;

use super::reader::Reader;
use crate::site;
use crate::state::AppState;

/// Embedded in a release, where they never change; read afresh in development.
fn assets() -> Option<Assets> {
    static EMBEDDED: LazyLock<Option<Assets>> = LazyLock::new(read);
    if cfg!(debug_assertions) {
        read()
    } else {
        EMBEDDED.clone()
    }
}

fn read() -> Option<Assets> {
    site::manifest().map(|manifest| Assets {
        js: manifest.js.into(),
        wasm: manifest.wasm.into(),
        css: manifest.css.into(),
    })
}

/// The page at the request's address, after a form's answer if there is one.
///
/// `status` holds unless the page itself found something worse.
pub async fn page(
    state: &AppState,
    reader: &Reader,
    request: Request,
    answer: Option<FormAnswer>,
    status: StatusCode,
) -> Response {
    let nonce: Arc<str> = nonce(state).into();
    let given = Nonce::from_value(Arc::clone(&nonce));
    let engine = state.engine.clone();
    let visit = reader.visit(state, answer);
    let origin = reader.origin.clone();
    let context = move || {
        provide_context(origin.clone());
        provide_context(given.clone());
        provide_context(engine.clone());
        provide_context(visit.language);
        provide_context(visit.clone());
    };
    let assets = assets();
    let handler =
        leptos_axum::render_app_async_with_context(context, move || shell(assets.clone()));
    let mut response = handler(request).await;
    if response.status() == StatusCode::OK {
        *response.status_mut() = status;
    }
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::try_from(policy(&nonce)) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What a live page asks for. The engine authorises inside each function.
pub async fn server_function(
    State(state): State<AppState>,
    reader: Reader,
    request: Request<Body>,
) -> Response {
    let engine = state.engine.clone();
    let visit = reader.visit(&state, None);
    let origin = reader.origin.clone();
    let context = move || {
        provide_context(origin.clone());
        provide_context(engine.clone());
        provide_context(visit.clone());
    };
    let mut response = leptos_axum::handle_server_fns_with_context(context, request)
        .await
        .into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A value that nobody can foresee, fresh with every document.
fn nonce(state: &AppState) -> String {
    format!(
        "{}{}",
        state.engine.random.uuid().simple(),
        state.engine.random.uuid().simple()
    )
}

fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'wasm-unsafe-eval' 'strict-dynamic'; \
         style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'"
    )
}
