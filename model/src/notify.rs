//! How a person wants to be told: where, when, in which language.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

/// A language that messages are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Language {
    #[default]
    #[serde(rename = "en")]
    English,
    #[serde(rename = "fr")]
    French,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::English, Self::French];

    /// The code that the database and the API use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }
}

/// When a person is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NotifyMode {
    /// A message for each cause.
    #[default]
    AtOnce,
    /// One message a day.
    Digest,
    /// No mail at all.
    None,
}

impl NotifyMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::AtOnce, Self::Digest, Self::None];

    /// The text that the database and the API use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtOnce => "at_once",
            Self::Digest => "digest",
            Self::None => "none",
        }
    }
}

/// A word that names neither a language nor a mode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{word}' is not known here; use {known}")]
pub struct UnknownWord {
    word: String,
    known: &'static str,
}

impl FromStr for Language {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|language| language.as_str() == text)
            .ok_or_else(|| UnknownWord {
                word: text.to_owned(),
                known: "en or fr",
            })
    }
}

impl FromStr for NotifyMode {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| UnknownWord {
                word: text.to_owned(),
                known: "at_once, digest or none",
            })
    }
}

impl fmt::Display for NotifyMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Hours in which messages wait: from a local time until another, past midnight where
/// the end comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietHours {
    pub from: NaiveTime,
    pub until: NaiveTime,
}

/// What a person chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    pub email: Option<String>,
    /// Since when a mail server refuses the address for good.
    pub email_disabled_at: Option<DateTime<Utc>>,
    pub email_disabled_reason: Option<String>,
    pub language: Language,
    /// An IANA name.
    pub zone: String,
    pub mode: NotifyMode,
    /// The local hour of the daily message, 0 to 23.
    pub digest_hour: i16,
    pub quiet: Option<QuietHours>,
    /// Whether to tell of tasks that failed after their last retry.
    pub failures: bool,
    /// Only from this many failures in a row of the same task of a plan.
    pub failures_in_a_row: i32,
    /// Such as `Mon-Fri 09:00-18:00`; none is always.
    pub working_hours: Option<String>,
}

/// Hours of the week in which a person works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkingHours {
    /// From Monday to Sunday.
    pub days: [bool; 7],
    pub from: NaiveTime,
    /// Exclusive, and after `from`.
    pub until: NaiveTime,
}

/// What is no time of a day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write working hours like Mon-Fri 09:00-18:00 or Mon,Wed 08:30-12:00")]
pub struct NoWorkingHours;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

impl FromStr for WorkingHours {
    type Err = NoWorkingHours;

    fn from_str(text: &str) -> Result<Self, NoWorkingHours> {
        let (names, hours) = text.trim().split_once(' ').ok_or(NoWorkingHours)?;
        let mut days = [false; 7];
        for part in names.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let first = day(first)?;
            let last = day(last)?;
            // `Fri-Mon` goes over the week's end.
            let length = (last + 7 - first) % 7;
            for offset in 0..=length {
                days[(first + offset) % 7] = true;
            }
        }
        let (from, until) = hours.trim().split_once('-').ok_or(NoWorkingHours)?;
        let from = local_time(from).ok_or(NoWorkingHours)?;
        let until = local_time(until).ok_or(NoWorkingHours)?;
        if from < until {
            Ok(Self { days, from, until })
        } else {
            Err(NoWorkingHours)
        }
    }
}

fn day(name: &str) -> Result<usize, NoWorkingHours> {
    DAYS.into_iter()
        .position(|day| day.eq_ignore_ascii_case(name.trim()))
        .ok_or(NoWorkingHours)
}

/// A time of a day, written `22:00`.
#[must_use]
pub fn local_time(text: &str) -> Option<NaiveTime> {
    let (hour, minute) = text.trim().split_once(':')?;
    let plain = |part: &str| part.len() <= 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(hour) || minute.len() != 2 || !plain(minute) {
        return None;
    }
    NaiveTime::from_hms_opt(hour.parse().ok()?, minute.parse().ok()?, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn working_hours_are_days_and_a_span() {
        let hours: WorkingHours = "Mon-Fri 09:00-18:00".parse().expect("the usual form");
        assert_eq!(hours.days, [true, true, true, true, true, false, false]);
        let over: WorkingHours = "sat-mon,wed 8:30-12:00"
            .parse()
            .expect("over the week's end");
        assert_eq!(over.days, [true, false, true, false, false, true, true]);
        for wrong in [
            "",
            "always",
            "Mon-Fri",
            "Mon-Fri 18:00-09:00",
            "Mon-Fry 09:00-18:00",
            "Mon-Fri 9-18",
            "Mon-Fri 09:00-25:00",
            "Mon 09:00-18:00\r\nBcc: x",
        ] {
            assert!(wrong.parse::<WorkingHours>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn words_are_read_back() {
        for mode in NotifyMode::ALL {
            assert_eq!(mode.as_str().parse(), Ok(mode));
        }
        for language in Language::ALL {
            assert_eq!(language.as_str().parse(), Ok(language));
        }
        assert_eq!(
            "never"
                .parse::<NotifyMode>()
                .map_err(|error| error.to_string()),
            Err("'never' is not known here; use at_once, digest or none".to_owned())
        );
    }
}
