use axum::Json;
use axum::extract::State;
use axum::response::Response;
use engine::history::{self, CsvColumns};
use model::view::TaskFilter;
use serde::Serialize;
use utoipa::ToSchema;

use super::AgentTask;
use crate::auth::Authenticated;
use crate::rest::Refusal;
use crate::rest::download::attachment;
use crate::rest::query::{Query, encode};
use crate::state::AppState;

/// The most that the list without pages gives.
const LONGEST_LIST: u32 = 1000;

/// One page.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentTaskPage {
    pub items: Vec<AgentTask>,
    /// Null at the end.
    pub next_cursor: Option<String>,
}

/// The newest tasks, as one list.
#[utoipa::path(
    get,
    path = "/agents/tasks/",
    tag = "agents_tasks",
    operation_id = "list_agent_tasks",
    params(
        ("run_id" = Option<String>, Query),
        ("status" = Option<Vec<model::reported::Status>>, Query),
        ("limit" = Option<u32>, Query, description = "1 to 1000; 100 where none is given"),
    ),
    responses((status = OK, body = Vec<AgentTask>))
)]
pub async fn list(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    query: Query,
) -> Result<Json<Vec<AgentTask>>, Refusal> {
    let given = query.filter()?;
    let filter = TaskFilter {
        statuses: given.statuses,
        run_id: given.run_id,
        ..TaskFilter::default()
    };
    let limit = query.number("limit", 1, LONGEST_LIST, 100)?;
    let mut items: Vec<AgentTask> = Vec::new();
    let mut before = None;
    loop {
        let left = limit.saturating_sub(u32::try_from(items.len()).unwrap_or(limit));
        let some = left.min(history::LARGEST_PAGE);
        let page = history::tasks(&state.engine, &principal, &filter, before, some).await?;
        items.extend(page.items.into_iter().map(AgentTask::from));
        before = page.next;
        if before.is_none() || left <= some {
            return Ok(Json(items));
        }
    }
}

/// One page of tasks, newest first.
#[utoipa::path(
    get,
    path = "/agents/tasks/paged",
    tag = "agents_tasks",
    operation_id = "page_agent_tasks",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 200; 50 where none is given"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("since" = Option<String>, Query, description = "nothing that began before"),
        ("status" = Option<Vec<model::reported::Status>>, Query, description = "may be repeated"),
        ("task" = Option<Vec<String>>, Query, description = "may be repeated"),
        ("run_id" = Option<String>, Query),
    ),
    responses((status = OK, body = AgentTaskPage))
)]
pub async fn paged(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    query: Query,
) -> Result<Json<AgentTaskPage>, Refusal> {
    let filter = query.filter()?;
    let limit = query.number("limit", 1, history::LARGEST_PAGE, 50)?;
    let before = query.cursor()?;
    let page = history::tasks(&state.engine, &principal, &filter, before, limit).await?;
    Ok(Json(AgentTaskPage {
        items: page.items.into_iter().map(AgentTask::from).collect(),
        next_cursor: page.next.map(encode),
    }))
}

/// The same as CSV, with the reference's columns.
#[utoipa::path(
    get,
    path = "/agents/tasks/paged.csv",
    tag = "agents_tasks",
    operation_id = "export_agent_tasks",
    params(
        ("limit" = Option<u64>, Query, description = "1 to 10,000; 1,000 where none is given"),
        ("since" = Option<String>, Query),
        ("status" = Option<Vec<model::reported::Status>>, Query, description = "may be repeated"),
        ("task" = Option<Vec<String>>, Query, description = "may be repeated"),
        ("run_id" = Option<String>, Query),
    ),
    responses((status = OK, content_type = "text/csv", body = String))
)]
pub async fn paged_csv(
    State(state): State<AppState>,
    Authenticated(principal): Authenticated,
    query: Query,
) -> Result<Response, Refusal> {
    let filter = query.filter()?;
    let limit = query.number("limit", 1, 10_000, 1_000)?;
    let columns = CsvColumns::Reference;
    let stream = history::csv(&state.engine, &principal, &filter, columns, Some(limit)).await?;
    Ok(attachment(
        stream,
        "text/csv; charset=utf-8",
        "agents_tasks.csv",
    ))
}
