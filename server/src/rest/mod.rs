//! The REST API: the reference's routes under `/agents/tasks`, our own under `/api/v1`.
//!
//! One resource a file; each handler calls one verb of the engine, which also says
//! who may. `/api/v1/openapi.json` is made from the handlers themselves.

mod agents_tasks;
mod approvals;
mod bound;
mod decisions;
mod deliveries;
mod download;
pub mod error;
pub mod json;
mod people;
mod plans;
mod plans_edit;
mod query;
mod runs;
mod strict;
mod tasks;
mod tasks_files;
mod time;

pub use error::{ApiError, Refusal};
pub use json::ApiJson;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::routing::{any, get};
use tower_http::cors::CorsLayer;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::OpenApiRouter;

use crate::auth::Authenticated;
use crate::state::AppState;

/// What the generated document says of the whole.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Watchbill",
        description = "Plans, runs, tasks, approvals. Send a token as `Authorization: Bearer`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    security(("bearer" = []), ("session" = [])),
    modifiers(&Security)
)]
struct Description;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, document: &mut Document) {
        use utoipa::openapi::security::{
            ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme,
        };
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(
            "bearer",
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        );
        components.add_security_scheme(
            "session",
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("__Host-watchbill"))),
        );
    }
}

/// Every route of the API, with its document and, where origins are listed, CORS.
pub fn router(state: &AppState) -> Router {
    let (routes, document) = routes().split_for_parts();
    let document = axum::Json(document);
    let routes = routes
        .merge(agents_tasks::without_slash())
        .route(
            "/api/v1/openapi.json",
            get(move |_: Authenticated| std::future::ready(document.clone())),
        )
        .route("/api/{*unknown}", any(unknown))
        .route("/agents/{*unknown}", any(unknown))
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(json::BODY_LIMIT))
        .with_state(state.clone());
    match cors(&state.config.cors_origins) {
        Some(layer) => routes.layer(layer),
        None => routes,
    }
}

/// The document alone, for `docs` and tests.
#[must_use]
pub fn document() -> Document {
    routes().split_for_parts().1
}

fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Description::openapi())
        .merge(agents_tasks::routes())
        .merge(plans::routes())
        .merge(plans_edit::routes())
        .merge(runs::routes())
        .merge(tasks::routes())
        .merge(tasks_files::routes())
        .merge(approvals::routes())
        .merge(decisions::routes())
        .merge(people::routes())
        .merge(deliveries::routes())
        .merge(crate::auth::api())
}

/// Closed unless origins are listed; tokens only, so cookies are never let through.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = origins
        .iter()
        .filter_map(|origin| HeaderValue::from_str(origin.trim_end_matches('/')).ok())
        .collect();
    (!origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([
                Method::GET,
                Method::POST,
                Method::PUT,
                Method::PATCH,
                Method::DELETE,
            ])
            .allow_headers([
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                header::IF_MATCH,
            ])
            .expose_headers([header::ETAG, header::LOCATION])
    })
}

async fn unknown() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "there is no such address in the API")
}

async fn not_allowed() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this address does not take this method",
    )
}
