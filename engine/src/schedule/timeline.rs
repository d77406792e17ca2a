//! A zone as stretches of constant offset, and local times as instants.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// A stretch of time during which the zone's offset does not change.
pub(super) struct Stretch {
    /// The instant at which it starts; none for the first.
    pub start: Option<Timestamp>,
    /// The instant at which the next one starts; none for the last.
    pub end: Option<Timestamp>,
    pub offset: Offset,
    /// The offset before `start`.
    pub offset_before: Offset,
}

impl Stretch {
    /// The stretch that holds `at`, which is a whole second.
    pub fn at(zone: &TimeZone, at: Timestamp) -> Self {
        let offset = zone.to_offset(at);
        let just_after = at
            .saturating_add(SignedDuration::from_secs(1))
            .unwrap_or(at);
        let start = zone
            .preceding(just_after)
            .next()
            .map(|found| found.timestamp());
        Self {
            start,
            end: zone.following(at).next().map(|found| found.timestamp()),
            offset,
            offset_before: start.map_or(offset, |start| zone.to_offset(seconds_before(start, 1))),
        }
    }
}

/// The instant of a local time: the first one where it repeats, the first
/// instant after where a change skips it.
pub(super) fn resolve(zone: &TimeZone, local: DateTime) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local).ok(),
        AmbiguousOffset::Gap { before, .. } => {
            // With the offset from before the gap, the time lies at or past the change.
            let beyond = before.to_timestamp(local).ok()?;
            Stretch::at(zone, beyond).start
        }
    }
}

fn seconds_before(at: Timestamp, seconds: i64) -> Timestamp {
    at.saturating_sub(SignedDuration::from_secs(seconds))
        .unwrap_or(at)
}
