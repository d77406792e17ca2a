//! Keyset pages: where a list goes on.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The last row that was shown. It stays valid when that row is pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub sort_at: DateTime<Utc>,
    pub id: i64,
}

/// One page, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page starts; none at the end.
    pub next: Option<Position>,
}

impl<T> Page<T> {
    /// Makes a page of rows that were read with one more than `limit`.
    #[must_use]
    pub fn from_overfull(mut rows: Vec<T>, limit: u32, position: impl Fn(&T) -> Position) -> Self {
        let limit = limit as usize;
        let next = if rows.len() > limit {
            rows.truncate(limit);
            rows.last().map(&position)
        } else {
            None
        };
        Self { items: rows, next }
    }
}
