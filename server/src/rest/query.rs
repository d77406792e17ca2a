//! Query strings: repeated keys, limits, filters, cursors; a wrong one names its key.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use engine::{Error, FieldProblem};
use model::page::Position;
use model::reported::Status;
use model::view::TaskFilter;

use super::error::{ApiError, Refusal};
use super::time;

/// The query of a request.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts.uri.query().unwrap_or_default()))
    }
}

impl Query {
    /// Reads the text after the question mark.
    pub fn of(text: &str) -> Self {
        Self(
            form_urlencoded::parse(text.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// Every value of a key; empty ones, as an untouched form sends them, are left out.
    pub fn all(&self, key: &str) -> Vec<String> {
        self.0
            .iter()
            .filter(|(name, value)| name == key && !value.is_empty())
            .map(|(_, value)| value.clone())
            .collect()
    }

    /// The last value of a key, also where it is empty.
    pub fn last(&self, key: &str) -> Option<&str> {
        let mut given = self.0.iter().rev();
        given
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The last value of a key that is not empty.
    pub fn one(&self, key: &str) -> Option<String> {
        self.all(key).pop()
    }

    /// A whole number.
    ///
    /// # Errors
    /// 422 naming the key and its range.
    pub fn number<T>(&self, key: &str, least: T, most: T, default: T) -> Result<T, ApiError>
    where
        T: FromStr + PartialOrd + std::fmt::Display + Copy,
    {
        // `limit=` is no number either: only a missing key means the default.
        match self.last(key).map(str::parse::<T>) {
            None => Ok(default),
            Some(Ok(value)) if (least..=most).contains(&value) => Ok(value),
            Some(Ok(_) | Err(_)) => Err(invalid(
                key,
                format!("write a whole number from {least} to {most}"),
            )),
        }
    }

    /// A moment.
    ///
    /// # Errors
    /// 422 naming the key.
    pub fn time(&self, key: &str) -> Result<Option<DateTime<Utc>>, ApiError> {
        match self.one(key) {
            None => Ok(None),
            Some(text) => time::parse(&text).map(Some).ok_or_else(|| {
                invalid(key, "write an ISO 8601 time, such as 2025-01-15T02:30:00Z")
            }),
        }
    }

    /// The filter that the history, its pages and its exports share.
    ///
    /// # Errors
    /// 422 naming the key.
    pub fn filter(&self) -> Result<TaskFilter, ApiError> {
        let statuses = self
            .all("status")
            .iter()
            .map(|text| text.parse::<Status>())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| invalid("status", error.to_string()))?;
        Ok(TaskFilter {
            statuses,
            tasks: self.all("task"),
            run_id: self.one("run_id"),
            since: self.time("since")?,
            until: self.time("until")?,
        })
    }

    /// Where the page goes on.
    ///
    /// # Errors
    /// 400 for anything that is none of our cursors.
    pub fn cursor(&self) -> Result<Option<Position>, Refusal> {
        match self.last("cursor") {
            None => Ok(None),
            Some(text) => decode(text).map(Some).ok_or_else(|| {
                Refusal::new(
                    StatusCode::BAD_REQUEST,
                    "the cursor is none that a page gave; begin again without it",
                )
            }),
        }
    }
}

/// A refusal that names one key.
pub fn invalid(field: &str, message: impl Into<String>) -> ApiError {
    ApiError(Error::Invalid(vec![FieldProblem {
        field: field.to_owned(),
        message: message.into(),
    }]))
}

/// A position as clients carry it.
pub fn encode(position: Position) -> String {
    // Two plain fields: this cannot fail, and an empty cursor would be refused.
    let json = serde_json::to_vec(&position).unwrap_or_default();
    BASE64_URL_SAFE_NO_PAD.encode(json)
}

fn decode(text: &str) -> Option<Position> {
    if text.len() > 512 {
        return None;
    }
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(text.trim_end_matches('='))
        .or_else(|_| BASE64_STANDARD.decode(text))
        .ok()?;
    let position: Position = serde_json::from_slice(&bytes).ok()?;
    let year = chrono::Datelike::year(&position.sort_at);
    (1..=9999).contains(&year).then_some(position)
}

/// A path's parameters: what does not fit is 422, not a plain text.
pub struct Path<T>(pub T);

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: serde::de::DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(Error::invalid("path", rejection.body_text()).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let position = Position {
            sort_at: time::parse("2025-01-15T02:30:00.123456Z").unwrap(),
            id: 42,
        };
        assert_eq!(decode(&encode(position)), Some(position));
        for bad in [
            "",
            "x",
            "e30",
            "bm8",
            "eyJzb3J0X2F0IjoiKzEwMDAwLTAxLTAxVDAwOjAwOjAwWiIsImlkIjoxfQ",
        ] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn repeated_keys_are_all_read() {
        let query = Query::of("status=failed&status=running&task=a.b&run_id=&limit=7");
        let filter = query.filter().unwrap();
        assert_eq!(filter.statuses, [Status::Failed, Status::Running]);
        assert_eq!(filter.tasks, ["a.b"]);
        assert_eq!(filter.run_id, None);
        assert_eq!(query.number("limit", 1, 200, 50).unwrap(), 7);
    }
}
