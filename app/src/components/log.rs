use leptos::html::Pre;
use leptos::prelude::*;
use model::id::{AttemptNumber, TaskId};
use model::view::LogSlice;

use crate::api::tasks::read_log;
use crate::error::PageError;
use crate::live::use_live;
use crate::text::use_words;

/// A page keeps this much of a log; the whole is a link away.
const MOST_BYTES: usize = 512 * 1024;

/// What the page has of a log so far.
#[derive(Clone, PartialEq)]
struct Tail {
    text: String,
    next_seq: i64,
    complete: bool,
    omitted_bytes: i64,
}

impl Tail {
    fn follows(&self) -> bool {
        !self.complete && self.text.len() < MOST_BYTES
    }

    async fn further(self, task: TaskId, attempt: AttemptNumber) -> Result<Self, PageError> {
        let slice = read_log(task, attempt, self.next_seq).await?;
        Ok(Self {
            text: self.text + &slice.text,
            next_seq: slice.next_seq,
            complete: slice.complete,
            omitted_bytes: slice.omitted_bytes,
        })
    }
}

/// An attempt's output; it follows while the attempt runs.
#[component]
pub fn Log(task: TaskId, attempt: AttemptNumber, first: LogSlice) -> impl IntoView {
    let words = use_words();
    let first = Tail {
        text: first.text,
        next_seq: first.next_seq,
        complete: first.complete,
        omitted_bytes: first.omitted_bytes,
    };
    let tail = use_live(first, 2, Tail::follows, move |tail| {
        tail.clone().further(task, attempt)
    });
    let place = NodeRef::<Pre>::new();
    #[cfg(feature = "hydrate")]
    stay_at_the_end(place, tail);

    let text = move || tail.with(|tail| tail.text.clone());
    let empty = move || tail.with(|tail| tail.text.is_empty() && tail.complete);
    let follows = move || tail.with(|tail| !tail.complete);
    let omitted = move || {
        tail.with(|tail| {
            (tail.omitted_bytes > 0).then(|| {
                view! { <p class="soft">{(words.task.omitted)(&bytes(tail.omitted_bytes))}</p> }
            })
        })
    };
    let whole = format!("/api/v1/tasks/{task}/attempts/{attempt}/log/raw");
    let name = (words.task.log_of)(attempt.0.into());
    view! {
        <pre class="sunk log" tabindex="0" role="log" aria-live="off" aria-label=name node_ref=place>
            {text}
        </pre>
        <p class="soft">
            {move || empty().then_some(words.task.log_empty)}
            {move || follows().then(|| view! {
                <span class="busy">
                    <span class="pulse" aria-hidden="true">"● "</span>
                    {words.task.log_follows}
                    " · "
                </span>
            })}
            <a href=whole rel="external" download="">{words.common.download}</a>
        </p>
        {omitted}
    }
    .into_any()
}

/// Keeps the end in sight for whoever has it in sight.
#[cfg(feature = "hydrate")]
fn stay_at_the_end(place: NodeRef<Pre>, tail: RwSignal<Tail>) {
    Effect::new(move |shown: Option<usize>| {
        let length = tail.with(|tail| tail.text.len());
        if let Some(pre) = place.get_untracked() {
            let at_the_end = pre.scroll_height() - pre.scroll_top() - pre.client_height() < 48;
            if shown.is_some() && at_the_end {
                request_animation_frame(move || pre.set_scroll_top(pre.scroll_height()));
            }
        }
        length
    });
}

/// A size in the unit that suits it.
#[must_use]
pub fn bytes(count: i64) -> String {
    match count {
        ..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{} kB", count / 1000),
        _ => format!("{} MB", count / 1_000_000),
    }
}
