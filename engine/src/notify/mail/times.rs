//! Moments in a person's own day: the end of their quiet hours, the hour of their digest.

use chrono::{DateTime, NaiveDate, NaiveTime, Timelike as _, Utc};
use jiff::civil;
use jiff::tz::TimeZone;
use model::notify::{Preferences, QuietHours};

use crate::schedule::find_zone;

/// The person's zone; UTC where the stored name means nothing any more.
pub(super) fn zone_of(preferences: &Preferences) -> TimeZone {
    find_zone(&preferences.zone).unwrap_or(TimeZone::UTC)
}

/// The end of the quiet hours that `now` falls into.
pub(super) fn quiet_until(
    quiet: QuietHours,
    zone: &TimeZone,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let local = at(now).to_zoned(zone.clone());
    let (time, from, until) = (
        local.time(),
        civil_time(quiet.from),
        civil_time(quiet.until),
    );
    let today = local.date();
    let end = if from < until {
        (from <= time && time < until).then_some(today)
    } else if time >= from {
        today.tomorrow().ok()
    } else {
        (time < until).then_some(today)
    }?;
    let end = zone.to_ambiguous_zoned(end.to_datetime(until));
    let first = utc(end.clone().compatible().ok()?.timestamp())?;
    if first > now {
        Some(first)
    } else {
        // Inside an hour that the clocks repeat: its second pass ends the quiet.
        utc(end.later().ok()?.timestamp()).filter(|end| *end > now)
    }
}

/// The local date whose digest is due at `now`: the hour of the day has come.
///
/// An hour that the clocks skip comes when they have; one that they repeat comes once, the
/// first time.
pub(super) fn digest_due(hour: i16, zone: &TimeZone, now: DateTime<Utc>) -> Option<NaiveDate> {
    let date = at(now).to_zoned(zone.clone()).date();
    (digest_at(hour, zone, date)? <= now).then(|| chrono_date(date))?
}

/// When the next digest is due after `now`.
pub(super) fn next_digest(hour: i16, zone: &TimeZone, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let date = at(now).to_zoned(zone.clone()).date();
    let today = digest_at(hour, zone, date)?;
    if today > now {
        Some(today)
    } else {
        digest_at(hour, zone, date.tomorrow().ok()?)
    }
}

fn digest_at(hour: i16, zone: &TimeZone, date: civil::Date) -> Option<DateTime<Utc>> {
    let hour = i8::try_from(hour).ok()?;
    let moment = date.at(hour, 0, 0, 0).to_zoned(zone.clone()).ok()?;
    utc(moment.timestamp())
}

/// The local date and time, for words to write.
pub(super) fn local(zone: &TimeZone, moment: DateTime<Utc>) -> civil::DateTime {
    at(moment).to_zoned(zone.clone()).datetime()
}

fn at(moment: DateTime<Utc>) -> jiff::Timestamp {
    crate::schedule::to_timestamp(moment)
}

fn utc(moment: jiff::Timestamp) -> Option<DateTime<Utc>> {
    crate::schedule::to_utc(moment)
}

fn civil_time(time: NaiveTime) -> civil::Time {
    let part = |number: u32| i8::try_from(number).unwrap_or(0);
    civil::Time::constant(part(time.hour()), part(time.minute()), 0, 0)
}

fn chrono_date(date: civil::Date) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(
        i32::from(date.year()),
        u32::try_from(date.month()).ok()?,
        u32::try_from(date.day()).ok()?,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paris() -> TimeZone {
        find_zone("Europe/Paris").expect("a zone")
    }

    fn moment(text: &str) -> DateTime<Utc> {
        text.parse().expect("a moment")
    }

    fn quiet(from: &str, until: &str) -> QuietHours {
        let time = |text| model::notify::local_time(text).expect("a time");
        QuietHours {
            from: time(from),
            until: time(until),
        }
    }

    #[test]
    fn quiet_hours_pass_midnight_and_end_at_the_local_time() {
        let night = quiet("22:00", "07:00");
        for (now, end) in [
            ("2026-01-10T20:59:00Z", None),
            ("2026-01-10T21:00:00Z", Some("2026-01-11T06:00:00Z")),
            ("2026-01-11T05:59:59Z", Some("2026-01-11T06:00:00Z")),
            ("2026-01-11T06:00:00Z", None),
            // The night in which the clocks go forward is an hour shorter.
            ("2026-03-28T23:00:00Z", Some("2026-03-29T05:00:00Z")),
            ("2026-10-24T23:00:00Z", Some("2026-10-25T06:00:00Z")),
        ] {
            assert_eq!(
                quiet_until(night, &paris(), moment(now)),
                end.map(moment),
                "{now}"
            );
        }
        let noon = quiet("12:00", "14:00");
        assert_eq!(
            quiet_until(noon, &paris(), moment("2026-01-10T13:30:00Z")),
            None
        );
        assert_eq!(
            quiet_until(noon, &paris(), moment("2026-01-10T12:30:00Z")),
            Some(moment("2026-01-10T13:00:00Z"))
        );
    }

    #[test]
    fn quiet_hours_hold_through_both_passes_of_a_repeated_hour() {
        let night = quiet("22:00", "02:30");
        // 02:15 the second time, in winter time.
        assert_eq!(
            quiet_until(night, &paris(), moment("2026-10-25T01:15:00Z")),
            Some(moment("2026-10-25T01:30:00Z"))
        );
    }

    #[test]
    fn a_digest_is_due_once_a_local_day_over_both_clock_changes() {
        // Two in the morning is skipped in spring and repeated in autumn.
        for (from, hours) in [("2026-03-27T23:00:00Z", 72), ("2026-10-23T22:00:00Z", 73)] {
            let mut seen = Vec::new();
            for quarter in 0..hours * 4 {
                let now = moment(from) + chrono::Duration::minutes(15 * quarter);
                let due = digest_due(2, &paris(), now);
                if let Some(date) = due
                    && seen.iter().all(|(known, _)| *known != date)
                {
                    seen.push((date, now));
                }
            }
            assert_eq!(seen.len(), 3, "{seen:?}");
        }
        let first = |now: &str| digest_due(2, &paris(), moment(now)).map(|date| date.to_string());
        assert_eq!(first("2026-03-29T00:59:59Z"), None);
        assert_eq!(first("2026-03-29T01:00:00Z").as_deref(), Some("2026-03-29"));
        assert_eq!(first("2026-10-24T23:59:59Z"), None);
        assert_eq!(first("2026-10-25T00:00:00Z").as_deref(), Some("2026-10-25"));
        assert_eq!(
            next_digest(7, &paris(), moment("2026-03-28T12:00:00Z")),
            Some(moment("2026-03-29T05:00:00Z"))
        );
        assert_eq!(
            next_digest(7, &paris(), moment("2026-10-24T12:00:00Z")),
            Some(moment("2026-10-25T06:00:00Z"))
        );
    }
}
