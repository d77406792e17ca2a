//! The decision log.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use engine::history;
use model::view::{DecisionFigures, DecisionFilter, DecisionLogRow};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Refusal;
use super::download::attachment;
use super::query::{Query, encode};
use crate::auth::Authenticated;
use crate::state::AppState;

pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(csv))
        .routes(routes!(figures))
}

/// One page, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionPage {
    items: Vec<DecisionLogRow>,
    /// Null at the end.
    next_cursor: Option<String>,
}

/// Every answer that anybody gave.
#[utoipa::path(
    get,
    path = "/api/v1/decisions",
    tag = "approvals",
    operation_id = "list_decisions",
    params(
        ("person" = Option<String>, Query, description = "by whom, or on whose behalf"),
        ("plan" = Option<String>, Query),
        ("limit" = Option<u32>, Query, description = "1 to 200; 50 where none is given"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = OK, body = DecisionPage))
)]
async fn list(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    query: Query,
) -> Result<Json<DecisionPage>, Refusal> {
    let limit = query.number("limit", 1, history::LARGEST_PAGE, 50)?;
    let before = query.cursor()?;
    let filter = filter(&query);
    let page = history::decisions(&state.engine, &principal, &filter, before, limit).await?;
    Ok(Json(DecisionPage {
        items: page.items,
        next_cursor: page.next.map(encode),
    }))
}

/// The same as CSV, without a cap.
#[utoipa::path(
    get,
    path = "/api/v1/decisions.csv",
    tag = "approvals",
    operation_id = "export_decisions",
    params(("person" = Option<String>, Query), ("plan" = Option<String>, Query)),
    responses((status = OK, content_type = "text/csv", body = String))
)]
async fn csv(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    query: Query,
) -> Result<Response, Refusal> {
    let stream = history::decisions_csv(&state.engine, &principal, filter(&query))?;
    Ok(attachment(
        stream,
        "text/csv; charset=utf-8",
        "decisions.csv",
    ))
}

/// How long people took to answer, over the last thirty days.
#[utoipa::path(
    get,
    path = "/api/v1/decisions/figures",
    tag = "approvals",
    operation_id = "decision_figures",
    params(("person" = Option<String>, Query), ("plan" = Option<String>, Query)),
    responses((status = OK, body = Vec<DecisionFigures>))
)]
async fn figures(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    query: Query,
) -> Result<Json<Vec<DecisionFigures>>, Refusal> {
    let filter = filter(&query);
    Ok(Json(
        history::decision_figures(&state.engine, &principal, &filter).await?,
    ))
}

fn filter(query: &Query) -> DecisionFilter {
    DecisionFilter {
        person: query.one("person"),
        plan: query.one("plan"),
    }
}
