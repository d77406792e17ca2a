use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use futures::stream;
use model::identity::{Permission, Principal};
use model::page::Position;
use model::reported::Status;
use model::task::TaskState;
use model::view::TaskFilter;

use super::ByteStream;
use super::filter::{Keys, Scan, listed};
use crate::tasks::records::word;
use crate::{Engine, Error, Result, authorise};

/// Rows read at once; the literal cap in [`batch`] is one more.
const BATCH: i64 = 1000;

/// Which columns an export has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsvColumns {
    /// Those of the nightly-approvals reference, with its short excerpt.
    Reference,
    /// Everything that the history shows of a task.
    All,
}

impl CsvColumns {
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Reference => &[
                "id",
                "task",
                "run_id",
                "status",
                "started_at",
                "finished_at",
                "duration_ms",
                "outputs_uri",
                "log_excerpt",
            ],
            Self::All => &[
                "id",
                "task",
                "run_id",
                "plan",
                "status",
                "state",
                "attempt",
                "started_at",
                "finished_at",
                "duration_ms",
                "outputs_uri",
                "log_excerpt",
                "reason",
                "approval_state",
                "approver",
                "approval_note",
            ],
        }
    }
}

/// The tasks that match, newest first, as RFC 4180 text; at most `limit` rows where it is given.
///
/// Every row that matches from the beginning of the export to its end appears exactly once.
/// A row that moves while the export runs (it starts, and so becomes newer) is found by a
/// further pass over what is newer than the last; rows created later are left out. Memory
/// does not grow with the rows but for one bit each, and no transaction stays open.
///
/// # Errors
/// Who may not read, and a filter with an impossible name.
pub async fn csv(
    engine: &Engine,
    principal: &Principal,
    filter: &TaskFilter,
    columns: CsvColumns,
    limit: Option<u64>,
) -> Result<ByteStream> {
    authorise(principal, Permission::Read)?;
    let mut keys = Keys::new(filter, None, BATCH)?;
    let start = sqlx::query!(
        r#"SELECT watchbill_now() AS "now!", coalesce(max(id), 0) AS "highest!" FROM tasks"#
    )
    .fetch_one(&engine.pool)
    .await?;
    keys.highest_id = Some(start.highest);
    let export = Export {
        engine: engine.clone(),
        columns,
        keys,
        pass_began: start.now,
        passes: 0,
        left: limit.unwrap_or(u64::MAX),
        seen: Seen::default(),
        header: true,
        done: false,
    };
    Ok(Box::pin(stream::try_unfold(
        export,
        |mut export| async move { Ok(export.next().await?.map(|bytes| (bytes, export))) },
    )))
}

struct Export {
    engine: Engine,
    columns: CsvColumns,
    keys: Keys,
    /// When the present pass began: what is newer belongs to the next.
    pass_began: DateTime<Utc>,
    passes: u32,
    left: u64,
    seen: Seen,
    header: bool,
    done: bool,
}

impl Export {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        /// A row moves once each time it starts; one that starts more often than this is not chased.
        const MOST_PASSES: u32 = 8;

        let mut writer = ::csv::WriterBuilder::new()
            .terminator(::csv::Terminator::CRLF)
            .from_writer(Vec::new());
        if self.header {
            self.header = false;
            writer.write_record(self.columns.names()).map_err(broken)?;
            return finish(writer).map(Some);
        }
        while !self.done {
            let wanted = BATCH.min(i64::try_from(self.left).unwrap_or(BATCH));
            self.keys.limit = wanted;
            let rows = batch(&self.engine, &self.keys).await?;
            let ended = (rows.len() as u64) < wanted.unsigned_abs();
            self.keys.continue_from(rows.last().map(|row| Position {
                sort_at: row.sort_at,
                id: row.id,
            }));
            let mut written = 0_u64;
            for row in rows {
                if self.seen.insert(row.id) {
                    writer.write_record(self.fields(row)?).map_err(broken)?;
                    written += 1;
                }
            }
            self.left -= written;
            if self.left == 0 {
                self.done = true;
            } else if ended {
                self.passes += 1;
                // A first pass sees all there is; a later one that finds nothing new was the last.
                self.done = self.passes >= MOST_PASSES || (self.passes > 1 && written == 0);
                self.begin_pass().await?;
            }
            if written > 0 {
                return finish(writer).map(Some);
            }
        }
        Ok(None)
    }

    async fn begin_pass(&mut self) -> Result<()> {
        let now = sqlx::query_scalar!(r#"SELECT watchbill_now() AS "now!""#)
            .fetch_one(&self.engine.pool)
            .await?;
        let newer = self.pass_began;
        self.keys.since = Some(self.keys.since.map_or(newer, |given| given.max(newer)));
        self.keys.continue_from(None);
        self.pass_began = now;
        Ok(())
    }

    fn fields(&self, row: CsvRecord) -> Result<Vec<String>> {
        let state: TaskState = word(&row.state, "tasks.state", row.id)?;
        let status = Status::of(state).as_str().to_owned();
        let text = |value: Option<String>| value.map(harmless).unwrap_or_default();
        let time = |value: Option<DateTime<Utc>>| value.map(rfc3339).unwrap_or_default();
        let number = |value: Option<i64>| value.map(|it| it.to_string()).unwrap_or_default();
        let excerpt = row.log_excerpt.unwrap_or_default();
        Ok(match self.columns {
            CsvColumns::Reference => vec![
                row.id.to_string(),
                harmless(row.task),
                text(row.run_id),
                status,
                time(row.started_at),
                time(row.finished_at),
                number(row.duration_ms),
                text(row.outputs_uri),
                harmless(shortened(excerpt)),
            ],
            CsvColumns::All => vec![
                row.id.to_string(),
                harmless(row.task),
                text(row.run_id),
                text(row.plan),
                status,
                row.state,
                row.attempt.to_string(),
                time(row.started_at),
                time(row.finished_at),
                number(row.duration_ms),
                text(row.outputs_uri),
                harmless(excerpt),
                text(row.reason),
                text(row.approval_state),
                text(row.approver),
                text(row.approval_note),
            ],
        })
    }
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// The reference's excerpt: 100 characters, and three dots where more follows.
fn shortened(text: String) -> String {
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// A text that no spreadsheet reads as a formula.
pub(super) fn harmless(text: String) -> String {
    // Full-width forms count as well: some spreadsheets fold them.
    const LEADS: &[char] = &[
        '=', '+', '-', '@', '\t', '\r', '\n', '\0', '|', '%', '＝', '＋', '－', '＠',
    ];
    if text
        .trim_start_matches([' ', '"', '\u{feff}'])
        .starts_with(LEADS)
    {
        format!("'{text}")
    } else {
        text
    }
}

struct CsvRecord {
    id: i64,
    sort_at: DateTime<Utc>,
    task: String,
    run_id: Option<String>,
    plan: Option<String>,
    state: String,
    attempt: i32,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    duration_ms: Option<i64>,
    outputs_uri: Option<String>,
    log_excerpt: Option<String>,
    reason: Option<String>,
    approval_state: Option<String>,
    approver: Option<String>,
    approval_note: Option<String>,
}

async fn batch(engine: &Engine, keys: &Keys) -> Result<Vec<CsvRecord>> {
    Ok(listed!(
        CsvRecord,
        r#"t.id AS "id!", t.sort_at AS "sort_at!", t.name AS "task!", r.run_id AS "run_id?", p.name AS "plan?",
           t.state AS "state!", t.attempt AS "attempt!", t.started_at, t.finished_at, t.duration_ms, t.outputs_uri,
           t.log_excerpt, t.reason, t.approval_state, t.approver, t.approval_note"#,
        "1001",
        keys,
        &engine.pool
    ))
}

pub(super) fn finish(writer: ::csv::Writer<Vec<u8>>) -> Result<Vec<u8>> {
    writer.into_inner().map_err(|error| broken(error.error()))
}

pub(super) fn broken(error: impl std::fmt::Display) -> Error {
    Error::Internal(anyhow::anyhow!("writing CSV: {error}"))
}

/// Which ids were written: a bit each, in pages, so that a sparse set stays small.
#[derive(Default)]
struct Seen {
    pages: BTreeMap<i64, Box<[u64; 64]>>,
}

impl Seen {
    /// Whether the id is new to the set.
    fn insert(&mut self, id: i64) -> bool {
        let page = self
            .pages
            .entry(id.div_euclid(4096))
            .or_insert_with(|| Box::new([0; 64]));
        let bit = usize::try_from(id.rem_euclid(4096)).unwrap_or_default();
        let word = &mut page[bit / 64];
        let mask = 1_u64 << (bit % 64);
        let new = *word & mask == 0;
        *word |= mask;
        new
    }
}
