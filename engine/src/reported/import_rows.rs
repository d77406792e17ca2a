//! Rows of the reference's table, from its database or from a CSV file.

use std::path::Path;

use chrono::{DateTime, NaiveDateTime, Utc};
use model::reported::Status;
use model::task::TaskState;
use serde_json::{Map, Value};
use sqlx::Connection as _;

use crate::{Error, Result};

/// A row as we store it.
#[derive(Debug)]
pub(super) struct ImportedTask {
    pub id: i64,
    pub task: String,
    pub run_id: String,
    pub state: TaskState,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub duration_ms: Option<i64>,
    pub inputs: Option<Value>,
    pub outputs_uri: Option<String>,
    pub log_excerpt: Option<String>,
    pub approval_state: Option<String>,
    pub approver: Option<String>,
    pub approval_note: Option<String>,
    pub webhook_notified_at: Option<DateTime<Utc>>,
}

/// Where rows come from, batch by batch.
pub(super) enum Rows {
    Database {
        connection: Box<sqlx::PgConnection>,
        after: i64,
    },
    File {
        reader: Box<csv::Reader<std::fs::File>>,
        headers: csv::StringRecord,
    },
}

impl Rows {
    pub async fn of_database(url: &str) -> Result<Self> {
        let connection = sqlx::PgConnection::connect(url)
            .await
            .map_err(|error| Error::invalid("from", format!("cannot connect: {error}")))?;
        Ok(Self::Database {
            connection: Box::new(connection),
            after: i64::MIN,
        })
    }

    pub fn of_file(path: &Path) -> Result<Self> {
        let mut reader = csv::Reader::from_path(path)
            .map_err(|error| Error::invalid("from", format!("{}: {error}", path.display())))?;
        let headers = reader
            .headers()
            .map_err(|error| Error::invalid("from", format!("{}: {error}", path.display())))?
            .clone();
        for needed in ["id", "task", "run_id", "status"] {
            if !headers.iter().any(|header| header == needed) {
                return Err(Error::invalid(
                    "from",
                    format!("the first line names no column {needed}"),
                ));
            }
        }
        Ok(Self::File {
            reader: Box::new(reader),
            headers,
        })
    }

    /// The next rows, at most `most`; none at the end.
    pub async fn next(&mut self, most: i64) -> Result<Vec<ImportedTask>> {
        let rows = match self {
            Self::Database { connection, after } => {
                let rows = from_database(connection, *after, most).await?;
                if let Some(last) = rows.last() {
                    *after = last.id;
                }
                return Ok(rows);
            }
            Self::File { reader, headers } => reader
                .records()
                .take(usize::try_from(most).unwrap_or(1))
                .map(|record| {
                    let record =
                        record.map_err(|error| Error::invalid("from", error.to_string()))?;
                    from_record(headers, &record)
                })
                .collect::<Result<Vec<_>>>()?,
        };
        Ok(rows)
    }
}

async fn from_database(
    connection: &mut sqlx::PgConnection,
    after: i64,
    most: i64,
) -> Result<Vec<ImportedTask>> {
    // Another application's table: its columns cannot be checked here, so each row is read as JSON.
    let rows: Vec<Value> = sqlx::query_scalar(
        "SELECT to_jsonb(t) FROM agents_tasks t WHERE t.id > $1 ORDER BY t.id LIMIT $2",
    )
    .bind(after)
    .bind(most)
    .fetch_all(connection)
    .await
    .map_err(|error| Error::invalid("from", format!("reading agents_tasks: {error}")))?;
    rows.into_iter()
        .map(|row| match row {
            Value::Object(fields) => imported(&fields),
            other => Err(Error::invalid(
                "from",
                format!("a row is no object: {other}"),
            )),
        })
        .collect()
}

fn from_record(headers: &csv::StringRecord, record: &csv::StringRecord) -> Result<ImportedTask> {
    let mut fields = Map::new();
    for (header, text) in headers.iter().zip(record) {
        let value = match (header, text) {
            (_, "") => Value::Null,
            ("id" | "duration_ms", text) => text
                .parse::<i64>()
                .map_or_else(|_| Value::String(text.to_owned()), Value::from),
            ("inputs", text) => serde_json::from_str(text)
                .map_err(|error| problem(record.get(0), "inputs", &error.to_string()))?,
            (_, text) => Value::String(plain(text).to_owned()),
        };
        fields.insert(header.to_owned(), value);
    }
    imported(&fields)
}

/// A cell without the apostrophe that our own export puts before a formula.
fn plain(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@']) => rest,
        Some(_) | None => text,
    }
}

fn imported(fields: &Map<String, Value>) -> Result<ImportedTask> {
    let id = fields.get("id").and_then(Value::as_i64);
    let place = id.map(|id| id.to_string());
    let wrong = |field: &str, message: &str| problem(place.as_deref(), field, message);
    let text = |field: &str| match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.replace('\0', ""))),
        Some(_) => Err(wrong(field, "it is not a text")),
    };
    let time = |field: &str| match text(field)? {
        None => Ok(None),
        Some(text) => parse_time(&text)
            .map(Some)
            .ok_or_else(|| wrong(field, &format!("'{text}' is not an ISO 8601 time"))),
    };
    let needed = |field: &str| text(field)?.ok_or_else(|| wrong(field, "it is missing"));

    // The reference's ids are serial: larger ones would make thousands of empty partitions.
    let id = id
        .filter(|id| (1..=i64::from(i32::MAX)).contains(id))
        .ok_or_else(|| wrong("id", "write a number from 1 to 2147483647"))?;
    let status: Status = needed("status")?
        .parse()
        .map_err(|error: model::reported::UnknownStatus| wrong("status", &error.to_string()))?;
    let approval_state = text("approval_state")?;
    if let Some(state) = &approval_state {
        state
            .parse::<model::approval::ApprovalState>()
            .map_err(|error| wrong("approval_state", &error.to_string()))?;
    }
    let state = match (status, approval_state.as_deref()) {
        (Status::Skipped, Some("cancelled")) => TaskState::Cancelled,
        (status, _) => status.stored_as(),
    };
    Ok(ImportedTask {
        id,
        task: cut(needed("task")?, 64),
        run_id: cut(text("run_id")?.unwrap_or_else(|| "-".to_owned()), 64),
        state,
        started_at: time("started_at")?,
        finished_at: time("finished_at")?,
        duration_ms: fields.get("duration_ms").and_then(Value::as_i64),
        inputs: fields.get("inputs").filter(|it| !it.is_null()).cloned(),
        outputs_uri: text("outputs_uri")?.map(|it| cut(it, 512)),
        log_excerpt: text("log_excerpt")?,
        approval_state,
        approver: text("approver")?.map(|it| cut(it, 128)),
        approval_note: text("approval_note")?,
        webhook_notified_at: time("webhook_notified_at")?,
    })
}

/// The reference's columns were as short as ours; anything longer is cut, not refused.
fn cut(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}

fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z"))
        .map(|time| time.to_utc())
        .ok()
        .or_else(|| {
            ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
                .iter()
                .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
                .map(|time| time.and_utc())
        })
}

fn problem(row: Option<&str>, field: &str, message: &str) -> Error {
    Error::invalid(
        field,
        format!("row {}: {message}", row.unwrap_or("without an id")),
    )
}
