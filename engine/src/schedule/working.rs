//! Time that counts only while somebody works.

use chrono::{DateTime, TimeDelta, Utc};
use jiff::civil::{Date, DateTime as Civil, Time, Weekday};
use jiff::tz::TimeZone;
use model::notify::WorkingHours;

use super::zone::{to_timestamp, to_utc};

/// Nobody waits through more days than this; whoever works that little counts as always there.
const MOST_DAYS: usize = 800;

/// The moment at which so many seconds of these hours have passed since `from`.
///
/// Each day's hours are read in the zone, so that a day of a clock change keeps its local
/// beginning and end. Hours that never come count as all hours.
pub(crate) fn after_working(
    hours: WorkingHours,
    zone: &TimeZone,
    from: DateTime<Utc>,
    seconds: i64,
) -> DateTime<Utc> {
    let plain = from + TimeDelta::seconds(seconds);
    let mut left = seconds;
    let mut date = to_timestamp(from).to_zoned(zone.clone()).date();
    for _ in 0..MOST_DAYS {
        if let Some((opens, closes)) = window(hours, zone, date) {
            let begins = opens.max(from);
            let room = (closes - begins).num_seconds();
            if room > 0 {
                if left <= room {
                    return begins + TimeDelta::seconds(left);
                }
                left -= room;
            }
        }
        let Ok(next) = date.tomorrow() else {
            return plain;
        };
        date = next;
    }
    plain
}

/// The working hours of a date, where it has any.
fn window(
    hours: WorkingHours,
    zone: &TimeZone,
    date: Date,
) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let day = usize::try_from(weekday(date)).ok()?;
    if !hours.days.get(day).copied().unwrap_or(false) {
        return None;
    }
    let at = |time: chrono::NaiveTime| {
        use chrono::Timelike as _;
        let hour = i8::try_from(time.hour()).ok()?;
        let minute = i8::try_from(time.minute()).ok()?;
        let local = Civil::from_parts(date, Time::new(hour, minute, 0, 0).ok()?);
        let zoned = zone.to_ambiguous_zoned(local).compatible().ok()?;
        to_utc(zoned.timestamp())
    };
    Some((at(hours.from)?, at(hours.until)?))
}

/// Counted from Monday.
fn weekday(date: Date) -> i8 {
    match date.weekday() {
        Weekday::Monday => 0,
        Weekday::Tuesday => 1,
        Weekday::Wednesday => 2,
        Weekday::Thursday => 3,
        Weekday::Friday => 4,
        Weekday::Saturday => 5,
        Weekday::Sunday => 6,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn paris() -> TimeZone {
        TimeZone::get("Europe/Paris").expect("a zone")
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().expect("a moment")
    }

    fn office() -> WorkingHours {
        "Mon-Fri 09:00-18:00".parse().expect("hours")
    }

    #[test]
    fn hours_of_nights_and_weekends_do_not_count() {
        for (from, hours, due) in [
            // Friday 20 November 2026, 16:00 in Paris: two hours are left of the week.
            ("2026-11-20T15:00:00Z", 1, "2026-11-20T16:00:00Z"),
            ("2026-11-20T15:00:00Z", 4, "2026-11-23T10:00:00Z"),
            // At night it begins with the morning.
            ("2026-11-18T02:30:00Z", 4, "2026-11-18T12:00:00Z"),
            ("2026-11-18T20:00:00Z", 9, "2026-11-19T17:00:00Z"),
            // Over the change of clocks of 28 March 2027: Monday's nine o'clock is an hour earlier in UTC.
            ("2027-03-26T16:00:00Z", 2, "2027-03-29T08:00:00Z"),
        ] {
            let found = after_working(office(), &paris(), utc(from), hours * 3_600);
            assert_eq!(found, utc(due), "{hours} h from {from}");
        }
    }

    proptest! {
        #[test]
        fn it_never_comes_before_the_plain_time_and_grows_with_it(
            start in 0_i64..63_072_000, first in 0_i64..500_000, more in 0_i64..100_000,
        ) {
            let from = utc("2026-01-01T00:00:00Z") + TimeDelta::seconds(start);
            let early = after_working(office(), &paris(), from, first);
            let late = after_working(office(), &paris(), from, first + more);
            prop_assert!(early >= from + TimeDelta::seconds(first));
            prop_assert!(late >= early);
        }
    }
}
