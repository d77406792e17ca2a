use std::future::Future;

use leptos::prelude::*;
use model::page::{Page, Position};

use crate::error::PageError;
use crate::text::use_words;

/// A link to the next page; once the page is live it brings the rows in place.
#[component]
pub fn LoadMore<T, Loaded>(
    next: Option<Position>,
    /// The address of the page that begins there.
    href: impl Fn(Position) -> String + Send + Sync + 'static,
    load: impl Fn(Position) -> Loaded + Send + Sync + 'static,
    append: impl Fn(Vec<T>) + Clone + Send + Sync + 'static,
) -> impl IntoView
where
    T: Send + Sync + 'static,
    Loaded: Future<Output = Result<Page<T>, PageError>> + Send + 'static,
{
    let words = &use_words().common;
    let next = RwSignal::new(next);
    let busy = RwSignal::new(false);
    let bring = move |event: leptos::ev::MouseEvent| {
        // Whoever wants it in another tab gets it there.
        if event.ctrl_key() || event.meta_key() || event.shift_key() {
            return;
        }
        let Some(position) = next.get_untracked() else {
            return;
        };
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        let page = load(position);
        let append = append.clone();
        leptos::task::spawn_local(async move {
            // On a failure the link stays, and works as a link.
            if let Ok(page) = page.await {
                append(page.items);
                next.set(page.next);
            }
            busy.set(false);
        });
    };
    let address = move || next.get().map(&href);
    let label = move || {
        if busy.get() {
            words.loading
        } else {
            words.load_more
        }
    };
    view! {
        <div class="more" hidden=move || next.with(Option::is_none)>
            <a class="btn" href=address on:click=bring>
                {label}
            </a>
        </div>
    }
    .into_any()
}
