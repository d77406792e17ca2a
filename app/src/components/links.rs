use leptos::prelude::*;
use model::id::{ApprovalId, RunKey, TaskId};
use model::view::ApprovalRow;

use super::visible::{Place, visible, visible_at};

/// The title of a request: what the result says of itself, else its task.
#[must_use]
pub fn approval_title(row: &ApprovalRow) -> String {
    row.summary
        .clone()
        .filter(|summary| !summary.trim().is_empty())
        .unwrap_or_else(|| row.task.clone())
}

/// A task by its name.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a component's properties are owned"
)]
#[component]
pub fn TaskLink(id: TaskId, #[prop(into)] name: String) -> impl IntoView {
    view! { <a href=format!("/tasks/{id}")>{visible(&name)}</a> }
}

/// A run by its readable id.
#[component]
pub fn RunLink(run: Option<RunKey>, run_id: Option<String>) -> impl IntoView {
    run_id.map(|run_id| match run {
        Some(key) => view! { <a href=format!("/runs/{key}")>{visible(&run_id)}</a> }.into_any(),
        None => visible(&run_id),
    })
}

/// A plan by its name.
#[component]
pub fn PlanLink(plan: Option<String>) -> impl IntoView {
    plan.map(|plan| view! { <a href=format!("/plans/{plan}")>{visible(&plan)}</a> })
}

/// A request by its title.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a component's properties are owned"
)]
#[component]
pub fn ApprovalLink(id: ApprovalId, title: String) -> impl IntoView {
    view! { <a href=format!("/approvals/{id}")>{visible(&title)}</a> }
}

/// A link that a step gave. Only web addresses become links: it may hold anything.
#[component]
pub fn OutputLink(
    uri: String,
    /// Where one is led to its first mark.
    #[prop(optional)]
    place: Option<Place>,
) -> impl IntoView {
    let shown = place.map_or_else(|| visible(&uri), |place| visible_at(place, &uri));
    let web = ["https://", "http://"].iter().any(|scheme| {
        uri.get(..scheme.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(scheme))
    });
    if web {
        view! {
            <a href=uri rel="external noopener noreferrer">
                {shown}
            </a>
        }
        .into_any()
    } else {
        view! { <span class="mono">{shown}</span> }.into_any()
    }
}
