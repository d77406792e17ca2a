//! Rows as the database holds them, and their decoding, which names what is wrong.

use std::fmt::Display;
use std::str::FromStr;

use anyhow::anyhow;
use chrono::{DateTime, Utc};
use model::id::{AttemptNumber, RunKey, TaskId};
use model::task::Origin;
use model::view::TaskRow;

use crate::{Error, Result};

/// Decodes a stored word; a word we do not know names its table, column and row.
pub(crate) fn word<T>(text: &str, column: &str, row: impl Display) -> Result<T>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse()
        .map_err(|error| Error::Internal(anyhow!("{column} of row {row}: {error}")))
}

/// Decodes a stored JSON value into one of our types.
pub(crate) fn json<T: serde::de::DeserializeOwned>(
    value: serde_json::Value,
    column: &str,
    row: impl Display,
) -> Result<T> {
    serde_json::from_value(value)
        .map_err(|error| Error::Internal(anyhow!("{column} of row {row}: {error}")))
}

/// Bytes as the API and pages write them.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A task as [`select_tasks`] reads it.
pub(crate) struct TaskRecord {
    pub id: i64,
    pub task: String,
    pub run_id: Option<String>,
    pub run: Option<i64>,
    pub plan: Option<String>,
    pub state: String,
    pub origin: String,
    pub attempt: i32,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub duration_ms: Option<i64>,
    pub inputs: Option<serde_json::Value>,
    pub outputs_uri: Option<String>,
    pub log_excerpt: Option<String>,
    pub reason: Option<String>,
    pub approval_state: Option<String>,
    pub approver: Option<String>,
    pub approval_note: Option<String>,
    pub webhook_notified_at: Option<DateTime<Utc>>,
    pub sort_at: DateTime<Utc>,
}

impl TryFrom<TaskRecord> for TaskRow {
    type Error = Error;

    fn try_from(record: TaskRecord) -> Result<Self> {
        let id = record.id;
        Ok(Self {
            id: TaskId(id),
            state: word(&record.state, "tasks.state", id)?,
            origin: origin(&record.origin, id)?,
            approval_state: record
                .approval_state
                .map(|text| word(&text, "tasks.approval_state", id))
                .transpose()?,
            task: record.task,
            run_id: record.run_id,
            run: record.run.map(RunKey),
            plan: record.plan,
            attempt: AttemptNumber(record.attempt),
            started_at: record.started_at,
            finished_at: record.finished_at,
            duration_ms: record.duration_ms,
            inputs: record.inputs,
            outputs_uri: record.outputs_uri,
            log_excerpt: record.log_excerpt,
            reason: record.reason,
            approver: record.approver,
            approval_note: record.approval_note,
            webhook_notified_at: record.webhook_notified_at,
            sort_at: record.sort_at,
        })
    }
}

fn origin(text: &str, id: i64) -> Result<Origin> {
    [Origin::Native, Origin::Reported, Origin::Proposal]
        .into_iter()
        .find(|origin| origin.as_str() == text)
        .ok_or_else(|| Error::Internal(anyhow!("tasks.origin of row {id}: '{text}'")))
}

/// The one SELECT of task rows: a clause that says which, then its arguments.
macro_rules! select_tasks {
    ($which:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            crate::tasks::records::TaskRecord,
            r#"SELECT t.id, t.name AS task, r.run_id AS "run_id?", t.run, p.name AS "plan?", t.state, t.origin,
                t.attempt, t.started_at, t.finished_at, t.duration_ms, t.inputs, t.outputs_uri, t.log_excerpt,
                t.reason, t.approval_state, t.approver, t.approval_note, t.webhook_notified_at, t.sort_at
               FROM tasks t LEFT JOIN runs r ON r.id = t.run LEFT JOIN plans p ON p.id = r.plan_id "#
                + $which,
            $($argument),*
        )
    };
}
pub(crate) use select_tasks;
