use chrono::{DateTime, Utc};
use leptos::prelude::*;
use model::task::TaskState;
use model::view::{NightBar, NightLane};

use super::mark::state_word;
use super::moment::ZoneSignal;
use crate::text::use_words;
use crate::time::{Civil, Style, Zone};
use crate::visit::use_visit;

/// Where the hours begin and end, in the picture's own units.
const LEFT: f64 = 118.0;
const RIGHT: f64 = 630.0;
const WIDTH: f64 = 640.0;
const LANE: f64 = 24.0;
const TOP: f64 = 20.0;

/// A line for each plan, a bar for each task, a dotted line to whatever waits for a person.
#[component]
pub fn NightPicture(
    since: DateTime<Utc>,
    now: DateTime<Utc>,
    lanes: Vec<NightLane>,
) -> impl IntoView {
    let words = use_words();
    let year = use_visit().year;
    let scale = Scale { since, now };
    #[expect(clippy::cast_precision_loss, reason = "there are a handful of plans")]
    let bottom = TOP + lanes.len() as f64 * LANE;
    let zone = use_context::<ZoneSignal>();
    let zone = move || zone.map(|ZoneSignal(zone)| zone.get()).unwrap_or_default();
    let name = move || {
        let write = |at| Civil::of(at, zone()).write(Style::Stamp, words, year);
        (words.night.picture)(&write(since), &write(now))
    };
    let hours = move || {
        scale
            .hours(zone())
            .into_iter()
            .map(|(at, hour)| {
                view! {
                    <path class="grid" d=format!("M{at:.1} {:.1}V{bottom:.1}", TOP - 8.0) />
                    <text x=format!("{at:.1}") y=bottom + 14.0 text-anchor="middle">
                        {format!("{hour:02}")}
                    </text>
                }
            })
            .collect_view()
    };
    let rows = lanes
        .into_iter()
        .enumerate()
        .map(|(index, lane)| {
            #[expect(clippy::cast_precision_loss, reason = "there are a handful of plans")]
            let top = TOP + index as f64 * LANE;
            let bars = lane
                .bars
                .into_iter()
                .map(|bar| view! { <Bar bar scale top /> })
                .collect_view();
            view! {
                <text x="0" y=top + 9.0>{shortened(&lane.plan)}</text>
                {bars}
            }
        })
        .collect_view();
    view! {
        <svg
            viewBox=format!("0 0 {WIDTH} {}", bottom + 20.0)
            role="img"
            aria-label=name
        >
            {hours}
            {rows}
        </svg>
    }
    .into_any()
}

#[component]
fn Bar(bar: NightBar, scale: Scale, top: f64) -> impl IntoView {
    let waits = bar.state == TaskState::AwaitingApproval;
    let from = scale.place(bar.from);
    let until = match bar.until {
        Some(until) => scale.place(until),
        None if waits => from,
        None => scale.place(scale.now),
    };
    // A short task still shows.
    let width = (until - from).max(5.0);
    let from = from.min(RIGHT - width);
    let class = match bar.state {
        // Of what waits for a signature the work is there; only the signature is missing.
        TaskState::Succeeded | TaskState::AwaitingApproval => "good",
        TaskState::Failed => "bad",
        TaskState::Running | TaskState::Cancelling => "busy",
        TaskState::Created
        | TaskState::Queued
        | TaskState::Scheduled
        | TaskState::OnHold
        | TaskState::Blocked
        | TaskState::Skipped
        | TaskState::Cancelled => "soft",
    };
    let waiting = waits.then(|| {
        let (end, middle) = (RIGHT + 3.0, top + 5.5);
        view! {
            <path class="waiting" d=format!("M{:.1} {middle:.1}H{end:.1}", from + width + 2.0) />
            <path
                class="wait"
                d=format!("M{end:.1} {top:.1}l6 5.5-6 5.5-6-5.5z")
            />
        }
    });
    let title = format!("{}: {}", bar.task, state_word(bar.state));
    view! {
        <g>
            <title>{title}</title>
            <rect
                class=class
                x=format!("{from:.1}")
                y=top
                width=format!("{width:.1}")
                height="11"
                rx="3"
            />
            {waiting}
        </g>
    }
    .into_any()
}

/// From moments to places.
#[derive(Clone, Copy)]
struct Scale {
    since: DateTime<Utc>,
    now: DateTime<Utc>,
}

impl Scale {
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of a night are far below 2^53"
    )]
    fn place(self, at: DateTime<Utc>) -> f64 {
        let whole = (self.now - self.since).num_milliseconds().max(1) as f64;
        let part = (at - self.since).num_milliseconds() as f64;
        LEFT + (RIGHT - LEFT) * (part / whole).clamp(0.0, 1.0)
    }

    /// Every third full hour of the zone, with its place.
    fn hours(self, zone: Zone) -> Vec<(f64, u32)> {
        let first = Civil::of(self.since, zone);
        let past = i64::from(first.minute * 60 + first.second);
        let opening = self.since - chrono::TimeDelta::seconds(past);
        (1..48)
            .map(|hours| opening + chrono::TimeDelta::hours(hours))
            .take_while(|at| *at < self.now)
            .map(|at| (at, Civil::of(at, zone).hour))
            .filter(|(_, hour)| hour % 3 == 0)
            .map(|(at, hour)| (self.place(at), hour))
            .collect()
    }
}

/// The name as far as there is room.
fn shortened(name: &str) -> String {
    const MOST: usize = 16;
    if name.chars().count() <= MOST {
        name.to_owned()
    } else {
        name.chars().take(MOST - 1).chain(['…']).collect()
    }
}
