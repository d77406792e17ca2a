//! Time zones by their IANA names, and nothing else.

use chrono::{DateTime, Utc};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::{Error, Result};

/// The zone of this exact name.
///
/// Abbreviations such as `EST` are refused although the database has them: they
/// know no summer time, and people who write them seldom mean that.
///
/// # Errors
/// A sentence that says what to write instead.
pub(crate) fn find(name: &str) -> std::result::Result<TimeZone, String> {
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+'))
    };
    let parts: Vec<&str> = name.split('/').collect();
    let well_formed = parts.len() >= 2
        && parts.iter().all(|part| plain(part))
        && !matches!(parts[0], "posix" | "right" | "SystemV");
    if !well_formed || name.len() > 64 {
        return Err(format!(
            "'{}' is not a time zone that Watchbill accepts; write UTC or an IANA name with area and city, such as Europe/Paris",
            shown(name)
        ));
    }
    let zone = jiff::tz::db().get(name).map_err(|_| {
        format!("there is no time zone '{name}'; write UTC or an IANA name such as Europe/Paris")
    })?;
    match zone.iana_name() {
        Some(exact) if exact != name => {
            Err(format!("write the time zone as '{exact}', not '{name}'"))
        }
        Some(_) | None => Ok(zone),
    }
}

/// The date of `at` in the zone, as `2025-01-15`.
pub fn local_date(zone: &str, at: DateTime<Utc>) -> Result<String> {
    Ok(zoned(zone, at)?.date().to_string())
}

/// The local time of `at` for people, as `Wed 2025-01-15 02:30 +01:00`.
pub fn local_text(zone: &str, at: DateTime<Utc>) -> Result<String> {
    Ok(zoned(zone, at)?
        .strftime("%a %Y-%m-%d %H:%M %:z")
        .to_string())
}

/// From the database's time to the scheduler's, whole seconds only.
pub(crate) fn to_timestamp(at: DateTime<Utc>) -> Timestamp {
    let limit = |second: i64| second.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(limit(at.timestamp()))
        .expect("the second was clamped to the range of a timestamp")
}

/// From the scheduler's time to the database's.
pub(crate) fn to_utc(at: Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.as_second(), 0)
}

fn zoned(zone: &str, at: DateTime<Utc>) -> Result<Zoned> {
    let zone = find(zone).map_err(|message| Error::invalid("timezone", message))?;
    Ok(to_timestamp(at).to_zoned(zone))
}

/// At most forty characters of what someone typed, without control characters.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_iana_names_and_utc() {
        for name in [
            "UTC",
            "Europe/Paris",
            "America/Argentina/Ushuaia",
            "Etc/GMT+5",
        ] {
            assert!(find(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for name in [
            "",
            "EST",
            "CET",
            "utc",
            "europe/paris",
            "Europe/paris",
            "EUROPE/PARIS",
            "Mars/Olympus",
            "../../etc/passwd",
            "/etc/passwd",
            "Europe/",
            "Europe//Paris",
            "posix/Europe/Paris",
            "TZ=Europe/Paris",
            "Europe/Paris ",
            "Europe/Par\u{0456}s",
            "+01:00",
        ] {
            assert!(find(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn names_the_right_case() {
        assert_eq!(
            find("europe/paris").unwrap_err(),
            "write the time zone as 'Europe/Paris', not 'europe/paris'"
        );
    }
}
