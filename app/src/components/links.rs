use leptos::prelude::*;
use model::id::{ApprovalId, RunKey, TaskId};
use model::view::ApprovalRow;

/// The title of a request: what the result says of itself, else its task.
#[must_use]
pub fn approval_title(row: &ApprovalRow) -> String {
    row.summary
        .clone()
        .filter(|summary| !summary.trim().is_empty())
        .unwrap_or_else(|| row.task.clone())
}

/// A task by its name.
#[component]
pub fn TaskLink(id: TaskId, #[prop(into)] name: String) -> impl IntoView {
    view! { <a href=format!("/tasks/{id}")>{name}</a> }
}

/// A run by its readable id.
#[component]
pub fn RunLink(run: Option<RunKey>, run_id: Option<String>) -> impl IntoView {
    run_id.map(|run_id| match run {
        Some(key) => view! { <a href=format!("/runs/{key}")>{run_id}</a> }.into_any(),
        None => run_id.into_any(),
    })
}

/// A plan by its name.
#[component]
pub fn PlanLink(plan: Option<String>) -> impl IntoView {
    plan.map(|plan| view! { <a href=format!("/plans/{plan}")>{plan.clone()}</a> })
}

/// A request by its title.
#[component]
pub fn ApprovalLink(id: ApprovalId, title: String) -> impl IntoView {
    view! { <a href=format!("/approvals/{id}")>{title}</a> }
}

/// A link that a step gave. Only web addresses become links: it may hold anything.
#[component]
pub fn OutputLink(uri: String) -> impl IntoView {
    let web = ["https://", "http://"].iter().any(|scheme| {
        uri.get(..scheme.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(scheme))
    });
    if web {
        view! {
            <a href=uri.clone() rel="external noopener noreferrer">
                {uri.clone()}
            </a>
        }
        .into_any()
    } else {
        view! { <span class="mono">{uri}</span> }.into_any()
    }
}
