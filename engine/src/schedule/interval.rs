//! Intervals: a real spacing, with or without active hours.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use model::plan::Window;

use super::timeline::resolve;

/// The first moment at or after `from`, of an interval without active hours.
///
/// Counted from the zone's first midnight of 1970, so that it depends on the
/// plan alone and `24h` falls on a midnight.
pub(super) fn next_unbounded(zone: &TimeZone, every: i64, from: Timestamp) -> Option<Timestamp> {
    let anchor = resolve(zone, DateTime::constant(1970, 1, 1, 0, 0, 0, 0))?;
    step(anchor, every, from)
}

/// The first moment at or after `from` within the active hours.
pub(super) fn next_in_window(
    zone: &TimeZone,
    every: i64,
    window: Window,
    from: Timestamp,
) -> Option<Timestamp> {
    // A window over midnight opens the day before; a day can be missing or
    // swallowed by a change, so a few more are looked at.
    const DAYS: usize = 6;
    let today = zone.to_datetime(from).date();
    let mut day = today.yesterday().ok()?;
    for _ in 0..DAYS {
        let (opens, closes) = hours(zone, day, window)?;
        let candidate = if from <= opens {
            Some(opens)
        } else {
            step(opens, every, from)
        };
        if let Some(candidate) = candidate.filter(|candidate| *candidate < closes) {
            return Some(candidate);
        }
        day = day.tomorrow().ok()?;
    }
    None
}

/// When the window of this day opens and closes.
fn hours(zone: &TimeZone, day: Date, window: Window) -> Option<(Timestamp, Timestamp)> {
    let last_day = if window.closes_minute <= window.opens_minute {
        day.tomorrow().ok()?
    } else {
        day
    };
    Some((
        resolve(zone, at_minute(day, window.opens_minute)?)?,
        resolve(zone, at_minute(last_day, window.closes_minute)?)?,
    ))
}

fn at_minute(day: Date, minute: u16) -> Option<DateTime> {
    day.to_datetime(Time::midnight())
        .checked_add(i64::from(minute).minutes())
        .ok()
}

/// The first of `anchor + n * every` at or after `from`.
fn step(anchor: Timestamp, every: i64, from: Timestamp) -> Option<Timestamp> {
    let passed = from.as_second() - anchor.as_second();
    let steps = passed.div_euclid(every) + i64::from(passed.rem_euclid(every) != 0);
    anchor
        .checked_add(SignedDuration::from_secs(steps.checked_mul(every)?))
        .ok()
}
