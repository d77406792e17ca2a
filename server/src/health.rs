//! `/health`: the process answers. `/ready`: so does the database, with the schema we know.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{Router, get};
use serde_json::json;

use crate::state::AppState;

/// Open to everybody: they tell nothing but whether it works.
pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .with_state(state)
}

async fn health() -> Json<serde_json::Value> {
    Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

async fn ready(State(state): State<AppState>) -> Response {
    match engine::upkeep::readiness(&state.engine).await {
        Ok(()) => Json(json!({ "status": "ready" })).into_response(),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "not ready");
            let detail = "the database cannot be used right now";
            let body = Json(json!({ "status": "not ready", "detail": detail }));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}
