//! Cron expressions of five fields.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;

/// A cron expression that was understood and that has a next time.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    cron: Cron,
    wildcard_minute: bool,
    wildcard_hour: bool,
}

/// A field's name, its range, and the words that may stand for its numbers.
struct Field {
    name: &'static str,
    low: u8,
    high: u8,
    words: &'static [&'static str],
    /// The number of the first word.
    first_word: u8,
}

const FIELDS: [Field; 5] = [
    Field {
        name: "minute",
        low: 0,
        high: 59,
        words: &[],
        first_word: 0,
    },
    Field {
        name: "hour",
        low: 0,
        high: 23,
        words: &[],
        first_word: 0,
    },
    Field {
        name: "day of month",
        low: 1,
        high: 31,
        words: &[],
        first_word: 0,
    },
    Field {
        name: "month",
        low: 1,
        high: 12,
        words: &[
            "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
        ],
        first_word: 1,
    },
    Field {
        name: "day of week",
        low: 0,
        high: 7,
        words: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
        first_word: 0,
    },
];

impl Pattern {
    /// Reads an expression: numbers, names, `*`, `,`, `-` and `/`; 0 and 7 are Sunday.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what to write instead.
    pub(crate) fn parse(expression: &str) -> Result<Self, String> {
        check_whole(expression)?;
        let parts: Vec<&str> = expression.split_whitespace().collect();
        if parts.len() != FIELDS.len() {
            return Err(format!(
                "a cron expression has five fields (minute, hour, day of month, month, day of week), and this one has {}{}",
                parts.len(),
                if parts.len() == 6 {
                    "; there is no field for seconds"
                } else {
                    ""
                }
            ));
        }
        for (field, part) in FIELDS.iter().zip(&parts) {
            check_field(field, part)?;
        }
        let cron = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build()
            .parse(&parts.join(" "))
            .map_err(|error| format!("this cron expression is not understood: {error}"))?;
        let pattern = Self {
            cron,
            wildcard_minute: parts[0].starts_with('*'),
            wildcard_hour: parts[1].starts_with('*'),
        };
        // Any day of the calendar recurs within 40 years, counted over a century that is no leap year.
        let start = DateTime::constant(2072, 1, 1, 0, 0, 0, 0);
        if pattern.next_local(start).is_none() {
            return Err(
                "this cron expression never runs: no month that it names has that day".to_owned(),
            );
        }
        Ok(pattern)
    }

    /// The first matching local time at or after `from`.
    pub(super) fn next_local(&self, from: DateTime) -> Option<DateTime> {
        // On local times the search knows no zone and so meets no gap.
        self.cron.find_next_occurrence(&from, true).ok()
    }

    /// It recurs within the hour or the day and so keeps its real spacing
    /// through both passes of a repeated hour.
    pub(super) const fn recurs_through_changes(&self) -> bool {
        self.wildcard_minute || self.wildcard_hour
    }

    /// It names its hours, so a skipped one is due right after the gap.
    pub(super) const fn makes_up_for_skipped_times(&self) -> bool {
        !self.wildcard_hour
    }
}

fn check_whole(expression: &str) -> Result<(), String> {
    if expression.trim().is_empty() {
        return Err(
            "the cron expression is empty; write five fields, such as '30 2 * * *'".to_owned(),
        );
    }
    if expression.len() > 256 {
        return Err("the cron expression is longer than 256 characters".to_owned());
    }
    if let Some(strange) = expression
        .chars()
        .find(|c| !c.is_ascii() || c.is_ascii_control())
    {
        return Err(format!(
            "a cron expression holds plain ASCII characters, and '{}' is none",
            strange.escape_unicode()
        ));
    }
    let upper = expression.trim().to_ascii_uppercase();
    if upper.starts_with("TZ=") || upper.starts_with("CRON_TZ=") {
        return Err(
            "a zone does not belong into the cron expression; write it as the plan's 'timezone'"
                .to_owned(),
        );
    }
    if let Some(nickname) = upper.strip_prefix('@') {
        let instead = match nickname {
            "YEARLY" | "ANNUALLY" => "0 0 1 1 *",
            "MONTHLY" => "0 0 1 * *",
            "WEEKLY" => "0 0 * * 0",
            "DAILY" | "MIDNIGHT" => "0 0 * * *",
            "HOURLY" => "0 * * * *",
            _ => return Err("names that start with @ are not known here; write five fields, such as '30 2 * * *'".to_owned()),
        };
        return Err(format!(
            "write '{instead}' instead of a name that starts with @"
        ));
    }
    Ok(())
}

fn check_field(field: &Field, part: &str) -> Result<(), String> {
    for item in part.split(',') {
        check_item(field, item)
            .map_err(|why| format!("the {} field '{part}' {why}", field.name))?;
    }
    Ok(())
}

fn check_item(field: &Field, item: &str) -> Result<(), String> {
    let (base, step) = match item.split_once('/') {
        Some((base, step)) => (base, Some(step)),
        None => (item, None),
    };
    if base != "*" {
        if let Some((from, to)) = base.split_once('-') {
            let (low, high) = (number(field, from)?, number(field, to)?);
            if low > high {
                return Err(format!(
                    "has a range that runs backwards; write {to}-{from}, or two ranges"
                ));
            }
        } else {
            number(field, base)?;
            if step.is_some() {
                return Err(format!(
                    "has a step without a range; write */{0} or {base}-{1}/{0}",
                    step.unwrap_or_default(),
                    field.high
                ));
            }
        }
    }
    match step.map(str::parse::<u8>) {
        None => Ok(()),
        Some(Ok(step)) if step >= 1 && step <= field.high => Ok(()),
        Some(_) => Err(format!("needs a step between 1 and {}", field.high)),
    }
}

fn number(field: &Field, text: &str) -> Result<u8, String> {
    let upper = text.to_ascii_uppercase();
    let word = field.words.iter().position(|word| *word == upper);
    let value = match word.and_then(|index| u8::try_from(index).ok()) {
        Some(index) => Some(index + field.first_word),
        None if text.chars().all(|c| c.is_ascii_digit()) => text.parse().ok(),
        None => None,
    };
    value
        .filter(|value| (field.low..=field.high).contains(value))
        .ok_or_else(|| {
            format!(
                "has '{text}'; it takes numbers from {} to {}",
                field.low, field.high
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_with_a_sentence() {
        for (expression, words) in [
            ("", "is empty"),
            (
                "60 * * * *",
                "the minute field '60' has '60'; it takes numbers from 0 to 59",
            ),
            ("5-1 * * * *", "runs backwards"),
            ("*/0 * * * *", "needs a step between 1 and 59"),
            (
                "0/15 * * * *",
                "step without a range; write */15 or 0-59/15",
            ),
            ("@reboot", "start with @"),
            ("@daily", "write '0 0 * * *'"),
            ("\u{ff13}\u{ff10} 2 * * *", "plain ASCII"),
            ("0 0 31 2 *", "never runs"),
            ("0 0 30 2 *", "never runs"),
            ("0 30 2 * * *", "no field for seconds"),
            ("TZ=Europe/Paris 0 0 * * *", "'timezone'"),
            ("CRON_TZ=UTC 0 0 * * *", "'timezone'"),
            ("* * *", "has 3"),
            ("* * * * MOON", "day of week"),
            ("* * * * 8", "from 0 to 7"),
            ("* * 0 * *", "from 1 to 31"),
            ("* * * JANUARY *", "month"),
            ("1,,2 * * * *", "minute"),
            ("? * * * *", "minute"),
            ("-5 * * * *", "minute"),
            ("+5 * * * *", "minute"),
        ] {
            let error = Pattern::parse(expression).expect_err(expression);
            assert!(error.contains(words), "{expression}: {error}");
        }
    }

    #[test]
    fn takes_what_cron_takes() {
        for expression in [
            "30 2 * * *",
            "*/30 * * * *",
            "0 9-17 * * MON-FRI",
            "0 0 29 2 *",
            "0 0 1,15 * 5",
            "  5   4 * * sun ",
            "10-50/20 0-6/2 * JAN-MAR 0",
            "0 0 * * 7",
            "0 0 31 * *",
        ] {
            Pattern::parse(expression).expect(expression);
        }
    }

    #[test]
    fn sunday_is_zero_and_seven_and_monday_is_one() {
        let monday = DateTime::constant(2025, 1, 6, 0, 0, 0, 0);
        for (expression, day) in [("0 0 * * 1", 6), ("0 0 * * 0", 12), ("0 0 * * 7", 12)] {
            let next = Pattern::parse(expression)
                .unwrap()
                .next_local(monday)
                .unwrap();
            assert_eq!(next.day(), day, "{expression}");
        }
    }

    #[test]
    fn day_of_month_and_day_of_week_widen_each_other() {
        // As in every cron: the 13th, and Fridays.
        let pattern = Pattern::parse("0 0 13 * 5").unwrap();
        let start = DateTime::constant(2025, 1, 1, 0, 0, 0, 0);
        let next = pattern.next_local(start).unwrap();
        assert_eq!((next.month(), next.day()), (1, 3));
    }
}
