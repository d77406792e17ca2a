//! Moments and spans as people read them, in UTC or in the reader's own zone.

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};

use crate::text::Words;

/// The zone that times are shown in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zone {
    /// On the server, and until the page is live.
    #[default]
    Utc,
    /// The browser's.
    Reader,
}

/// How much of a moment is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// 02:36
    Clock,
    /// 20 Nov 02:36
    Stamp,
    /// 20 Nov 02:36:41
    Precise,
    /// Friday 20 November
    Day,
}

/// A moment taken apart in some zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    pub year: i32,
    /// 0 for January.
    pub month: usize,
    pub day: u32,
    /// 0 for Monday.
    pub weekday: usize,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
}

impl Civil {
    /// The moment in UTC.
    #[must_use]
    pub fn utc(at: DateTime<Utc>) -> Self {
        Self {
            year: at.year(),
            month: at.month0() as usize,
            day: at.day(),
            weekday: at.weekday().num_days_from_monday() as usize,
            hour: at.hour(),
            minute: at.minute(),
            second: at.second(),
        }
    }

    /// The moment in the given zone. Only a browser knows the reader's.
    #[must_use]
    pub fn of(at: DateTime<Utc>, zone: Zone) -> Self {
        match zone {
            Zone::Utc => Self::utc(at),
            Zone::Reader => reader(at),
        }
    }

    /// The moment in words.
    #[must_use]
    pub fn write(self, style: Style, words: &Words, present_year: i32) -> String {
        let clock = format!("{:02}:{:02}", self.hour, self.minute);
        let date = || {
            let date = (words.time.short_date)(self.day, words.time.months_short[self.month]);
            if self.year == present_year {
                date
            } else {
                format!("{date} {}", self.year)
            }
        };
        match style {
            Style::Clock => clock,
            Style::Stamp => format!("{} {clock}", date()),
            Style::Precise => format!("{} {clock}:{:02}", date(), self.second),
            Style::Day => (words.time.long_date)(
                words.time.weekdays[self.weekday],
                self.day,
                words.time.months[self.month],
            ),
        }
    }
}

#[cfg(not(feature = "hydrate"))]
fn reader(at: DateTime<Utc>) -> Civil {
    Civil::utc(at)
}

#[cfg(feature = "hydrate")]
fn reader(at: DateTime<Utc>) -> Civil {
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds since 1970 stay below 2^53 for 285,000 years"
    )]
    let millis = at.timestamp_millis() as f64;
    let date = js_sys::Date::new(&millis.into());
    Civil {
        year: i32::try_from(date.get_full_year()).unwrap_or_default(),
        month: (date.get_month() as usize).min(11),
        day: date.get_date(),
        weekday: (date.get_day() as usize + 6) % 7,
        hour: date.get_hours(),
        minute: date.get_minutes(),
        second: date.get_seconds(),
    }
}

/// The name of the reader's zone, such as Europe/Paris.
#[cfg(feature = "hydrate")]
#[must_use]
pub fn reader_zone() -> Option<String> {
    let format = js_sys::Intl::DateTimeFormat::default();
    js_sys::Reflect::get(&format.resolved_options(), &"timeZone".into())
        .ok()?
        .as_string()
}

/// What stands in `datetime`.
#[must_use]
pub fn machine(at: DateTime<Utc>) -> String {
    let (date, clock) = date_and_clock(at);
    format!("{date}T{clock}Z")
}

/// The UTC moment on hover.
#[must_use]
pub fn hover(at: DateTime<Utc>) -> String {
    let (date, clock) = date_and_clock(at);
    format!("{date} {clock} UTC")
}

fn date_and_clock(at: DateTime<Utc>) -> (String, String) {
    let civil = Civil::utc(at);
    (
        format!("{:04}-{:02}-{:02}", civil.year, civil.month + 1, civil.day),
        format!("{:02}:{:02}:{:02}", civil.hour, civil.minute, civil.second),
    )
}

/// A span in words, in at most two units.
#[must_use]
pub fn span(milliseconds: i64, words: &Words) -> String {
    let seconds = milliseconds.max(0) / 1000;
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        0 => words.time.less_than_a_second.to_owned(),
        1..60 => (words.time.seconds)(seconds),
        60..3600 => (words.time.minutes)(minutes),
        3600..86_400 => (words.time.hours)(hours, minutes % 60),
        _ => (words.time.days)(hours / 24, hours % 24),
    }
}

/// How far off a moment is, before or after `now`.
#[must_use]
pub fn distance(at: DateTime<Utc>, now: DateTime<Utc>, words: &Words) -> String {
    let milliseconds = (at - now).num_milliseconds();
    let span = span(milliseconds.abs(), words);
    if milliseconds >= 0 {
        (words.time.in_span)(&span)
    } else {
        (words.time.ago)(&span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Language, words_in};

    #[test]
    fn spans_have_two_units_at_most() {
        let words = words_in(Language::English);
        let cases = [
            (0, "under 1 s"),
            (999, "under 1 s"),
            (14_000, "14 s"),
            (61_000, "1 min"),
            (3_720_000, "1 h 02"),
            (86_400_000, "1 d"),
            (97_200_000, "1 d 3 h"),
        ];
        for (milliseconds, text) in cases {
            assert_eq!(span(milliseconds, words), text);
        }
    }

    #[test]
    fn another_year_is_shown() {
        let at = "2025-01-15T02:30:41Z".parse().expect("a valid moment");
        let words = words_in(Language::French);
        let civil = Civil::utc(at);
        assert_eq!(civil.write(Style::Stamp, words, 2025), "15 janv. 02:30");
        assert_eq!(
            civil.write(Style::Stamp, words, 2026),
            "15 janv. 2025 02:30"
        );
        assert_eq!(civil.write(Style::Day, words, 2026), "mercredi 15 janvier");
        assert_eq!(hover(at), "2025-01-15 02:30:41 UTC");
        assert_eq!(machine(at), "2025-01-15T02:30:41Z");
    }
}
