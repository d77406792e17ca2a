use chrono::{DateTime, Utc};
use leptos::prelude::*;

use crate::text::use_words;
use crate::time::{Civil, Style, Zone, hover, machine, span};
use crate::visit::use_visit;

/// The zone that the page shows; the reader's own once it is live.
#[derive(Clone, Copy)]
pub struct ZoneSignal(pub RwSignal<Zone>);

/// A moment: UTC from the server, the reader's zone once the page is live, UTC on hover.
#[component]
pub fn Moment(at: DateTime<Utc>, #[prop(default = Style::Stamp)] style: Style) -> impl IntoView {
    let words = use_words();
    let year = use_visit().year;
    let zone = use_context::<ZoneSignal>();
    let text = move || {
        let zone = zone.map(|ZoneSignal(zone)| zone.get()).unwrap_or_default();
        Civil::of(at, zone).write(style, words, year)
    };
    let width = match style {
        Style::Clock => "moment clock",
        Style::Stamp => "moment stamp",
        Style::Precise => "moment precise",
        Style::Day => "moment",
    };
    view! {
        <time class=width datetime=machine(at) title=hover(at)>
            {text}
        </time>
    }
}

/// How long something took.
#[component]
pub fn Span(milliseconds: i64) -> impl IntoView {
    let words = use_words();
    let iso = format!(
        "PT{}.{:03}S",
        milliseconds / 1000,
        milliseconds.rem_euclid(1000)
    );
    view! { <time datetime=iso>{span(milliseconds, words)}</time> }
}
