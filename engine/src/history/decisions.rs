//! The decision log: every answer, by person and plan, and how long people took.

use chrono::{DateTime, SecondsFormat, Utc};
use futures::stream;
use model::approval::Verdict;
use model::id::{ApprovalId, TaskId};
use model::identity::{Permission, Principal};
use model::page::{Page, Position};
use model::view::{DecisionFigures, DecisionFilter, DecisionLogRow};

use super::ByteStream;
use super::csv::{broken, finish, harmless};
use crate::tasks::records::hexadecimal;
use crate::{Engine, Error, Result, authorise};

/// Rows of an export that are read at once.
const BATCH: u32 = 1_000;

/// One page of answers, newest first.
///
/// # Errors
/// Who may not read.
pub async fn decisions(
    engine: &Engine,
    principal: &Principal,
    filter: &DecisionFilter,
    before: Option<Position>,
    limit: u32,
) -> Result<Page<DecisionLogRow>> {
    authorise(principal, Permission::Read)?;
    check(filter)?;
    let limit = limit.clamp(1, super::LARGEST_PAGE);
    let rows = read(engine, filter, before, limit + 1).await?;
    Ok(Page::from_overfull(rows, limit, DecisionLogRow::position))
}

/// No login and no plan has such a character, and the database can compare none with it.
fn check(filter: &DecisionFilter) -> Result<()> {
    for (field, value) in [("person", &filter.person), ("plan", &filter.plan)] {
        if value
            .as_deref()
            .is_some_and(|it| it.contains(char::is_control))
        {
            return Err(Error::invalid(field, "leave out control characters"));
        }
    }
    Ok(())
}

/// How long each person took, over the last thirty days; the busiest first.
///
/// # Errors
/// Who may not read.
pub async fn decision_figures(
    engine: &Engine,
    principal: &Principal,
    filter: &DecisionFilter,
) -> Result<Vec<DecisionFigures>> {
    authorise(principal, Permission::Read)?;
    check(filter)?;
    let rows = sqlx::query!(
        r#"SELECT d.decided_by AS person, count(*) AS "answers!",
                  count(*) FILTER (WHERE d.verdict = 'reject') AS "refusals!",
                  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM d.at - a.requested_at)::float8)
                      AS "median!",
                  percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM d.at - a.requested_at)::float8)
                      AS "ninetieth!"
           FROM decisions d JOIN approvals a ON a.id = d.approval_id
           WHERE d.at > watchbill_now() - interval '30 days'
             AND ($1::text IS NULL OR d.decided_by = $1 OR d.on_behalf_of_name = $1)
             AND ($2::text IS NULL OR a.plan_name = $2)
           GROUP BY d.decided_by ORDER BY count(*) DESC, d.decided_by LIMIT 100"#,
        filter.person,
        filter.plan,
    )
    .fetch_all(&engine.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DecisionFigures {
            person: row.person,
            answers: row.answers,
            refusals: row.refusals,
            median_seconds: whole(row.median),
            ninetieth_seconds: whole(row.ninetieth),
        })
        .collect())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a time between two moments of one database is far within i64"
)]
fn whole(seconds: f64) -> i64 {
    seconds.round() as i64
}

/// The whole log under the filter, newest first, as RFC 4180 text, in constant memory.
///
/// Answers are only ever added, so what is newer than the beginning is left out.
///
/// # Errors
/// Who may not read.
pub fn decisions_csv(
    engine: &Engine,
    principal: &Principal,
    filter: DecisionFilter,
) -> Result<ByteStream> {
    authorise(principal, Permission::Read)?;
    check(&filter)?;
    let export = Export {
        engine: engine.clone(),
        filter,
        before: None,
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
    filter: DecisionFilter,
    before: Option<Position>,
    header: bool,
    done: bool,
}

impl Export {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let mut writer = ::csv::WriterBuilder::new()
            .terminator(::csv::Terminator::CRLF)
            .from_writer(Vec::new());
        if self.header {
            self.header = false;
            writer
                .write_record([
                    "id",
                    "at",
                    "by",
                    "on_behalf_of",
                    "verdict",
                    "note",
                    "channel",
                    "approval_id",
                    "task_id",
                    "task",
                    "plan",
                    "run_id",
                    "waited_seconds",
                    "sole_decider",
                    "digest",
                    "changes_round",
                    "blind",
                ])
                .map_err(broken)?;
            return finish(writer).map(Some);
        }
        if self.done {
            return Ok(None);
        }
        let rows = read(&self.engine, &self.filter, self.before, BATCH).await?;
        self.done = rows.len() < BATCH as usize;
        self.before = rows.last().map(DecisionLogRow::position);
        if rows.is_empty() {
            return Ok(None);
        }
        for row in rows {
            writer.write_record(fields(row)).map_err(broken)?;
        }
        finish(writer).map(Some)
    }
}

fn fields(row: DecisionLogRow) -> [String; 17] {
    let text = |value: Option<String>| value.map(harmless).unwrap_or_default();
    [
        row.id.to_string(),
        row.at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        harmless(row.by),
        text(row.on_behalf_of),
        row.verdict.as_str().to_owned(),
        text(row.note),
        row.channel,
        row.approval_id.to_string(),
        row.task_id.to_string(),
        harmless(row.task),
        text(row.plan),
        text(row.run_id),
        row.waited_seconds.to_string(),
        row.sole_decider.to_string(),
        row.digest,
        row.changes_round
            .map(|round| round.to_string())
            .unwrap_or_default(),
        row.blind.to_string(),
    ]
}

async fn read(
    engine: &Engine,
    filter: &DecisionFilter,
    before: Option<Position>,
    limit: u32,
) -> Result<Vec<DecisionLogRow>> {
    let rows = sqlx::query_as!(
        Record,
        r#"SELECT d.id, d.at, d.decided_by, d.on_behalf_of_name, d.verdict, d.note, d.channel, d.approval_id,
                  d.sole_decider, d.blind, d.changes_round, d.digest, a.task_id, a.task_name, a.plan_name, a.run_id,
                  extract(epoch FROM d.at - a.requested_at)::bigint AS "waited_seconds!"
           FROM decisions d JOIN approvals a ON a.id = d.approval_id
           WHERE ($1::bigint IS NULL OR d.id < $1)
             AND ($2::text IS NULL OR d.decided_by = $2 OR d.on_behalf_of_name = $2)
             AND ($3::text IS NULL OR a.plan_name = $3)
           ORDER BY d.id DESC LIMIT $4"#,
        before.map(|position| position.id),
        filter.person,
        filter.plan,
        i64::from(limit),
    )
    .fetch_all(&engine.pool)
    .await?;
    rows.into_iter().map(DecisionLogRow::try_from).collect()
}

struct Record {
    id: i64,
    at: DateTime<Utc>,
    decided_by: String,
    on_behalf_of_name: Option<String>,
    verdict: String,
    note: Option<String>,
    channel: String,
    approval_id: i64,
    sole_decider: bool,
    changes_round: Option<i32>,
    blind: bool,
    digest: Vec<u8>,
    task_id: i64,
    task_name: String,
    plan_name: Option<String>,
    run_id: Option<String>,
    waited_seconds: i64,
}

impl TryFrom<Record> for DecisionLogRow {
    type Error = Error;

    fn try_from(record: Record) -> Result<Self> {
        Ok(Self {
            id: record.id,
            at: record.at,
            by: record.decided_by,
            on_behalf_of: record.on_behalf_of_name,
            verdict: verdict(&record.verdict, record.id)?,
            note: record.note,
            channel: record.channel,
            approval_id: ApprovalId(record.approval_id),
            task_id: TaskId(record.task_id),
            task: record.task_name,
            plan: record.plan_name,
            run_id: record.run_id,
            waited_seconds: record.waited_seconds,
            sole_decider: record.sole_decider,
            changes_round: round(record.changes_round),
            blind: record.blind,
            digest: hexadecimal(&record.digest),
        })
    }
}

/// Decodes `decisions.changes_round`.
pub(super) fn round(stored: Option<i32>) -> Option<u32> {
    stored.and_then(|round| u32::try_from(round).ok())
}

/// Decodes `decisions.verdict`.
pub(super) fn verdict(text: &str, row: i64) -> Result<Verdict> {
    Verdict::ALL
        .into_iter()
        .find(|verdict| verdict.as_str() == text)
        .ok_or_else(|| Error::Internal(anyhow::anyhow!("decisions.verdict of row {row}: '{text}'")))
}
