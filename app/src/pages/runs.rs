use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use model::page::{Page, Position};
use model::view::RunRow;

use super::{PageTitle, loaded};
use crate::address::{cursor, position};
use crate::api::runs::list_runs;
use crate::components::{Empty, LoadMore, RunLedger};
use crate::text::use_words;

/// Every run, newest first.
#[component]
pub fn RunsPage() -> impl IntoView {
    let words = &use_words().runs;
    let query = use_query_map();
    let before = move || query.with(|query| query.get("cursor").as_deref().and_then(position));
    view! {
        <PageTitle text=words.title />
        <h1 tabindex="-1">{words.title}</h1>
        <p class="lede">{words.lede}</p>
        {loaded(before, |before| list_runs(None, before), list_view)}
    }
}

fn list_view(first: Page<RunRow>) -> AnyView {
    let words = &use_words().runs;
    if first.items.is_empty() {
        return view! {
            <div class="sheet">
                <Empty text=words.empty />
            </div>
        }
        .into_any();
    }
    let rows = RwSignal::new(first.items);
    view! {
        <div class="sheet">
            {move || view! { <RunLedger rows=rows.get() /> }}
            <LoadMore
                next=first.next
                href=|position| format!("/runs?cursor={}", cursor(position))
                load=|position: Position| list_runs(None, Some(position))
                append=move |items| rows.update(|rows| rows.extend(items))
            />
        </div>
    }
    .into_any()
}
