use chrono::{DateTime, Utc};
use leptos::prelude::*;
use model::task::TaskState;
use model::view::{NightBar, NightLane};

use super::mark::state_word;
use super::moment::ZoneSignal;
use crate::text::use_words;
use crate::time::{Civil, Style, Zone};
use crate::visit::use_visit;

/// Where the hours begin and end, as all lengths here in tenths of the picture's units: whole
/// numbers spare the browser what it takes to write others.
const LEFT: i64 = 1180;
const RIGHT: i64 = 6300;
const WIDTH: i64 = 6400;
const LANE: i64 = 240;
const TOP: i64 = 200;

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
    let bottom = TOP + LANE * i64::try_from(lanes.len()).unwrap_or(0);
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
                    <path class="grid" d=format!("M{at} {}V{}", units(TOP - 80), units(bottom)) />
                    <text x=at.clone() y=units(bottom + 140) text-anchor="middle">
                        {format!("{hour:02}")}
                    </text>
                }
            })
            .collect_view()
    };
    let rows = lanes
        .into_iter()
        .zip(0..)
        .map(|(lane, index)| {
            let top = TOP + index * LANE;
            let bars = lane
                .bars
                .into_iter()
                .map(|bar| view! { <Bar bar scale top /> })
                .collect_view();
            view! {
                <text x="0" y=units(top + 90)>{shortened(&lane.plan)}</text>
                {bars}
            }
        })
        .collect_view();
    view! {
        <svg
            viewBox=format!("0 0 {} {}", units(WIDTH), units(bottom + 200))
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
fn Bar(bar: NightBar, scale: Scale, top: i64) -> impl IntoView {
    let waits = bar.state == TaskState::AwaitingApproval;
    let from = scale.place(bar.from);
    let until = match bar.until {
        Some(until) => scale.place(until),
        None if waits => from,
        None => scale.place(scale.now),
    };
    // A short task still shows.
    let width = (until - from).max(50);
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
        let (begin, end, middle) = (units(from + width + 20), units(RIGHT + 30), units(top + 55));
        view! {
            <path class="waiting" d=format!("M{begin} {middle}H{end}") />
            <path class="wait" d=format!("M{end} {}l6 5.5-6 5.5-6-5.5z", units(top)) />
        }
    });
    let title = format!(
        "{}{}{}",
        bar.task,
        use_words().common.colon,
        state_word(bar.state)
    );
    view! {
        <g>
            <title>{title}</title>
            <rect
                class=class
                x=units(from)
                y=units(top)
                width=units(width)
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
    fn place(self, at: DateTime<Utc>) -> i64 {
        let whole = (self.now - self.since).num_seconds().max(1);
        let part = (at - self.since).num_seconds().clamp(0, whole);
        LEFT + (RIGHT - LEFT) * part / whole
    }

    /// Every third full hour of the zone, with its place.
    fn hours(self, zone: Zone) -> Vec<(String, u32)> {
        let first = Civil::of(self.since, zone);
        let past = i64::from(first.minute * 60 + first.second);
        let opening = self.since - chrono::TimeDelta::seconds(past);
        (1..48)
            .map(|hours| opening + chrono::TimeDelta::hours(hours))
            .take_while(|at| *at < self.now)
            .map(|at| (at, Civil::of(at, zone).hour))
            .filter(|(_, hour)| hour % 3 == 0)
            .map(|(at, hour)| (units(self.place(at)), hour))
            .collect()
    }
}

/// A length as the picture writes it.
fn units(tenths: i64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_their_place_between_the_ends() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a valid moment");
        let scale = Scale {
            since: at("2026-11-19T12:00:00Z"),
            now: at("2026-11-20T06:00:00Z"),
        };
        assert_eq!(units(scale.place(scale.since)), "118.0");
        assert_eq!(units(scale.place(at("2026-11-20T02:30:00Z"))), "530.4");
        assert_eq!(units(scale.place(scale.now)), "630.0");
        assert_eq!(scale.place(at("2026-11-18T00:00:00Z")), LEFT);
        assert_eq!(scale.place(at("2026-11-21T00:00:00Z")), RIGHT);
    }
}
