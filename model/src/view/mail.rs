use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A message for one person and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailRow {
    pub id: i64,
    /// The account it is for.
    pub login: String,
    /// The account's present address.
    pub email: Option<String>,
    /// Why it is sent: `approval_requested`, `task_failed`, `digest` …
    pub kind: String,
    /// As it was sent; none before.
    pub subject: Option<String>,
    pub created_at: DateTime<Utc>,
    pub delivered_at: Option<DateTime<Utc>>,
    /// It is not sent any more, for the reason of `last_error`.
    pub abandoned_at: Option<DateTime<Utc>>,
    pub next_try_at: DateTime<Utc>,
    pub tries: i32,
    pub last_error: Option<String>,
    /// The person's daily message tells of it.
    pub for_digest: bool,
    /// It was not sent because nobody needed it any more.
    pub needless: bool,
}

/// One message as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailDetail {
    pub row: MailRow,
    /// The text part; none before it was sent.
    pub text: Option<String>,
}
