//! The history's filters as they stand in an address, in both directions.

use chrono::{DateTime, Utc};
use leptos_router::params::ParamsMap;
use model::page::Position;
use model::reported::Status;
use model::view::TaskFilter;

/// What an address asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryAddress {
    pub filter: TaskFilter,
    pub before: Option<Position>,
    /// `since` as it was written, so that a wrong one is shown again.
    pub since: String,
    pub since_is_wrong: bool,
    pub status_is_wrong: bool,
}

impl HistoryAddress {
    /// Reads `status`, `task`, `run_id`, `since` and `cursor`; empty ones count as absent.
    #[must_use]
    pub fn read(query: &ParamsMap) -> Self {
        let all = |name: &str| -> Vec<String> {
            query
                .get_all(name)
                .unwrap_or_default()
                .into_iter()
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
                .collect()
        };
        let mut address = Self::default();
        for text in all("status") {
            match text.parse::<Status>() {
                Ok(status) if !address.filter.statuses.contains(&status) => {
                    address.filter.statuses.push(status);
                }
                Ok(_) => {}
                Err(_) => address.status_is_wrong = true,
            }
        }
        address.filter.tasks = all("task");
        address.filter.run_id = all("run_id").pop();
        if let Some(text) = all("since").pop() {
            address.filter.since = moment(&text);
            address.since_is_wrong = address.filter.since.is_none();
            address.since = text;
        }
        address.before = all("cursor").pop().as_deref().and_then(position);
        address
    }

    /// Whether everything could be read.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        !self.since_is_wrong && !self.status_is_wrong
    }

    /// Whether anything is filtered.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        self.filter != TaskFilter::default()
    }

    /// The filters as a query, in the words that the API reads too.
    #[must_use]
    pub fn query(&self) -> String {
        let filter = &self.filter;
        let statuses = filter
            .statuses
            .iter()
            .map(|status| ("status", status.to_string()));
        let tasks = filter.tasks.iter().map(|task| ("task", task.clone()));
        let run = filter
            .run_id
            .iter()
            .map(|run_id| ("run_id", run_id.clone()));
        let since = filter
            .since
            .iter()
            .map(|since| ("since", crate::time::machine(*since)));
        statuses
            .chain(tasks)
            .chain(run)
            .chain(since)
            .map(|(name, value)| format!("{name}={}", encoded(&value)))
            .collect::<Vec<_>>()
            .join("&")
    }

    /// The page of these filters that begins after the given place.
    #[must_use]
    pub fn further(&self, position: Position) -> String {
        let query = self.query();
        let separator = if query.is_empty() { "" } else { "&" };
        format!("/history?{query}{separator}cursor={}", cursor(position))
    }

    /// The export of exactly these filters.
    #[must_use]
    pub fn csv(&self) -> String {
        match self.query() {
            query if query.is_empty() => "/api/v1/tasks.csv".to_owned(),
            query => format!("/api/v1/tasks.csv?{query}"),
        }
    }
}

/// A place in a list as an address carries it.
#[must_use]
pub fn cursor(position: Position) -> String {
    format!("{}-{}", position.sort_at.timestamp_micros(), position.id)
}

/// The place that a cursor names; a mistyped one names none.
#[must_use]
pub fn position(cursor: &str) -> Option<Position> {
    let (micros, id) = cursor.rsplit_once('-')?;
    Some(Position {
        sort_at: DateTime::from_timestamp_micros(micros.parse().ok()?)?,
        id: id.parse().ok()?,
    })
}

/// A day, or a moment with or without offset; all in UTC where nothing else is said.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    // Completed and read as what the JSON of every page holds: the browser has no other reader.
    let bare = text.strip_suffix('Z').unwrap_or(text);
    ["Z", ":00Z", "T00:00:00Z"]
        .iter()
        .map(|rest| format!("{bare}{rest}"))
        .chain([text.to_owned()])
        .find_map(|text| text.parse().ok())
}

/// Percent-encoding of a query's value.
pub fn encoded(value: &str) -> String {
    use std::fmt::Write as _;

    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                text.push(char::from(byte));
            }
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> ParamsMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn filters_survive_the_way_through_an_address() {
        let read = HistoryAddress::read(&query(&[
            ("status", "failed"),
            ("status", "awaiting_approval"),
            ("status", "failed"),
            ("task", "seo.validate"),
            ("task", ""),
            ("run_id", "nightly 1&2"),
            ("since", "2026-11-20"),
        ]));
        assert!(read.is_sound());
        assert_eq!(
            read.csv(),
            "/api/v1/tasks.csv?status=failed&status=awaiting_approval&task=seo.validate\
             &run_id=nightly%201%262&since=2026-11-20T00:00:00Z"
        );
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let read = HistoryAddress::read(&query(&[("status", "done"), ("since", "yesterday")]));
        assert!(read.status_is_wrong && read.since_is_wrong && !read.is_sound());
        assert_eq!(read.since, "yesterday");
    }

    #[test]
    fn cursors_survive_and_nonsense_is_none() {
        let place = Position {
            sort_at: DateTime::from_timestamp_micros(1_763_600_000_123_456)
                .expect("a valid moment"),
            id: 42,
        };
        assert_eq!(position(&cursor(place)), Some(place));
        for nonsense in ["", "-", "1", "x-1", "1-x", "99999999999999999999-1"] {
            assert_eq!(position(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn moments_are_read_in_utc() {
        let expected = moment("2026-11-20T02:30:00+00:00");
        assert!(expected.is_some());
        assert_eq!(moment("2026-11-20T02:30Z"), expected);
        assert_eq!(moment("2026-11-20 02:30"), expected);
        assert_eq!(moment("2026-11-20 02:30:00"), expected);
        assert_eq!(moment("2026-11-20T02:30:00Z"), expected);
        assert_eq!(moment("2026-11-20T03:30:00+01:00"), expected);
        assert_eq!(moment("2026-11-20"), moment("2026-11-20T00:00"));
        assert!(moment("2026-11-20").is_some());
        for nonsense in [
            "",
            "Z",
            "2026",
            "2026-11",
            "2026-11-20T02",
            "2026-11-20 25:00",
        ] {
            assert_eq!(moment(nonsense), None, "{nonsense}");
        }
        assert_eq!(moment("2026-13-20"), None);
    }
}
