//! When a trigger is due: cron and intervals, in a zone.
//!
//! The rules where clocks change (promise 10 of the design):
//! a fixed local time that a change skips is due once, at the first instant
//! after; one that repeats is due the first time only; a pattern that recurs
//! within the hour or the day (`*` or `*/n` in the minute or the hour) keeps
//! its real spacing through both passes; an interval keeps its real spacing
//! and starts at the opening of each day's window, whose end is exclusive.

mod cron;
mod interval;
mod timeline;
mod timetable;
mod working;
mod zone;

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod property_tests;

use chrono::{DateTime, Utc};
use model::plan::Schedule;

use crate::{Error, Result};

pub use timetable::{Problem, Timetable};
pub(crate) use working::after_working;
pub(crate) use zone::find as find_zone;
pub use zone::{local_date, local_text};
pub(crate) use zone::{to_timestamp, to_utc};

/// The first moment after `after`, or none where nothing is due any more.
pub fn next_after(
    schedule: &Schedule,
    zone: &str,
    after: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>> {
    Ok(timetable(schedule, zone)?.next_after(after))
}

/// The moments after `from` up to and including `to`, at most `cap` of them.
pub fn between(
    schedule: &Schedule,
    zone: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    cap: usize,
) -> Result<Vec<DateTime<Utc>>> {
    Ok(timetable(schedule, zone)?
        .after(from)
        .take_while(|due| *due <= to)
        .take(cap)
        .collect())
}

/// The next `count` moments after `after`, for a preview.
pub fn next_times(
    schedule: &Schedule,
    zone: &str,
    after: DateTime<Utc>,
    count: usize,
) -> Result<Vec<DateTime<Utc>>> {
    Ok(timetable(schedule, zone)?
        .after(after)
        .take(count)
        .collect())
}

fn timetable(schedule: &Schedule, zone: &str) -> Result<Timetable> {
    Timetable::new(schedule, zone).map_err(|problem| match problem {
        Problem::Zone(message) => Error::invalid("timezone", message),
        Problem::Schedule(message) => Error::invalid("triggers", message),
    })
}
