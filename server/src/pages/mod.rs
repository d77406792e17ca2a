//! Pages: rendered whole on the server, then live in the browser. Forms are plain forms.

mod forms;
mod prefetch;
mod reader;
mod refusal;
mod render;

use std::fmt::Write as _;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;

use crate::auth::local_path;
use crate::rest::error::problem;
use crate::site;
use crate::state::AppState;

use reader::Reader;

/// Every page, their forms, what they ask for while they are live, and what the browser loads.
pub fn router(state: AppState) -> Router {
    // Leptos spawns onto tokio; a second router, as in tests, finds that said already.
    let _ = any_spawner::Executor::init_tokio();
    Router::new()
        .route("/fn/{*name}", post(render::server_function))
        .merge(forms::router())
        .fallback(page)
        .with_state(state)
        .merge(site::router())
}

/// A page by its address. GET and HEAD change nothing; anything else is no page's.
async fn page(
    State(state): State<AppState>,
    reader: Reader,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let path = uri.path();
    if path.starts_with("/api/") || path.starts_with("/agents/") {
        return problem(
            StatusCode::NOT_FOUND,
            "there is nothing at this address",
            &[],
        );
    }
    if method != Method::GET && method != Method::HEAD {
        let detail = "pages are read; forms go to their own addresses";
        return problem(StatusCode::METHOD_NOT_ALLOWED, detail, &[]);
    }
    if is_static(path) {
        let file = site::file(uri.clone(), headers.clone()).await;
        if file.status() != StatusCode::NOT_FOUND {
            return file;
        }
    }
    prefetch::note(&method, path, &headers, reader.principal.is_some());
    match (&reader.principal, path) {
        (None, "/login") => {}
        (None, _) => return leading_back("/login", &uri),
        (Some(_), "/login") => {
            return Redirect::to(&local_path(reader.next.as_deref())).into_response();
        }
        (Some(_), path) if path != ACCOUNT && reader.must_choose_password() => {
            return leading_back(ACCOUNT, &uri);
        }
        (Some(_), _) => {}
    }
    render::page(&state, &reader, request, None, StatusCode::OK).await
}

/// Where a person chooses a password, and must before anything else if somebody else chose it.
const ACCOUNT: &str = "/account";

/// Static files lie at the top: `/favicon.svg`.
fn is_static(path: &str) -> bool {
    path.strip_prefix('/')
        .is_some_and(|name| name.contains('.') && !name.contains('/'))
}

/// To this page first, and then to the one that was asked for.
fn leading_back(first: &str, uri: &Uri) -> Response {
    let wanted = uri.path_and_query().map_or("/", |whole| whole.as_str());
    if wanted == "/" {
        return Redirect::to(first).into_response();
    }
    let mut query = String::new();
    for byte in wanted.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            query.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(query, "%{byte:02X}");
        }
    }
    Redirect::to(&format!("{first}?next={query}")).into_response()
}
