//! Messages to receivers outside, for administrators.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use engine::notify::outbox;
use model::id::DeliveryId;
use model::view::DeliveryRow;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Refusal;
use super::query::Path;
use crate::auth::Authenticated;
use crate::state::AppState;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(retry))
}

/// Newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deliveries {
    items: Vec<DeliveryRow>,
}

/// The last hundred messages, without what they say.
#[utoipa::path(
    get,
    path = "/api/v1/deliveries",
    tag = "deliveries",
    operation_id = "list_deliveries",
    responses((status = OK, body = Deliveries), (status = FORBIDDEN, description = "needs the role admin"))
)]
async fn list(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
) -> Result<Json<Deliveries>, Refusal> {
    let items = outbox::deliveries(&state.engine, &principal).await?;
    Ok(Json(Deliveries { items }))
}

/// Try a message again that was given up.
#[utoipa::path(
    post,
    path = "/api/v1/deliveries/{id}/retry",
    tag = "deliveries",
    operation_id = "retry_delivery",
    params(("id" = i64, Path)),
    responses(
        (status = NO_CONTENT),
        (status = FORBIDDEN, description = "needs the role admin"),
        (status = NOT_FOUND),
        (status = CONFLICT, description = "it was delivered, or is tried again by itself"),
    )
)]
async fn retry(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    Path(id): Path<DeliveryId>,
) -> Result<StatusCode, Refusal> {
    outbox::retry(&state.engine, &principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
