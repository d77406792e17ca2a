//! Times as clients write them: ISO 8601, with or without an offset (then UTC).

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// A moment in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Time(pub DateTime<Utc>);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).map(Self).ok_or_else(|| {
            serde::de::Error::custom("write an ISO 8601 time, such as 2025-01-15T02:30:00Z")
        })
    }
}

/// A moment, or a date for its beginning.
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    // PostgreSQL ends before the largest years that chrono knows.
    let storable = |time: DateTime<Utc>| {
        let year = chrono::Datelike::year(&time);
        (1..=9999).contains(&year).then_some(time)
    };
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return storable(time.to_utc());
    }
    // A plus sign in a query that was not encoded arrives as a space.
    let spaced = text.replacen(' ', "T", 1);
    ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z"]
        .iter()
        .find_map(|form| DateTime::parse_from_str(&spaced, form).ok())
        .map(|time| time.to_utc())
        .or_else(|| {
            ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
                .iter()
                .find_map(|form| NaiveDateTime::parse_from_str(&spaced, form).ok())
                .map(|time| time.and_utc())
        })
        .or_else(|| {
            let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            Some(date.and_time(NaiveTime::MIN).and_utc())
        })
        .and_then(storable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_with_and_without_offset() {
        let expected = parse("2025-01-15T02:30:00Z").unwrap();
        for same in [
            "2025-01-15T02:30:00",
            "2025-01-15T02:30:00.000",
            "2025-01-15 02:30:00",
            "2025-01-15T03:30:00+01:00",
            "2025-01-15T02:30",
            "2025-01-15T02:30:00+00:00",
        ] {
            assert_eq!(parse(same), Some(expected), "{same}");
        }
        assert_eq!(parse("2025-01-15"), parse("2025-01-15T00:00:00Z"));
        for bad in [
            "",
            "yesterday",
            "2025-13-01",
            "2025-01-15T25:00:00Z",
            "infinity",
            "99999-01-01",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
