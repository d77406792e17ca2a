//! Replaying a draft of a plan's gates over what already happened. Nothing is changed by it.

use chrono::{DateTime, Utc};
use model::id::{AttemptNumber, RunKey, TaskId};
use model::identity::{Permission, Principal};
use model::plan::{Gate, Plan};
use model::task::{GatePhase, Outcome};
use model::view::{WhatIf, WhatIfRow};
use serde_json::Value;
use sqlx::PgConnection;

use super::facts;
use super::invisible::SEARCHED_BYTES;
use super::patches::PATCH_BYTES;
use super::risk::ruling;
use crate::plans::condition::{ConditionContext, GateContext, Judge};
use crate::plans::{self, aside};
use crate::tasks::AttemptResult;
use crate::tasks::run_context;
use crate::{Engine, Result, authorise};

/// No question goes further back than the history is kept by default.
pub const MOST_DAYS_BACK: u32 = 400;
/// How many may ask at once: each keeps a connection and a processor busy.
pub(crate) const REPLAYS: usize = 2;
/// How many results one question looks at.
const MOST: u32 = 5_000;
/// How many are held at once: each may bring a report of a megabyte.
const BATCH: i64 = 25;
/// How many bytes of files one question reads at most.
const FILE_BUDGET: i64 = 256 * 1024 * 1024;
/// How many units the conditions of one question may cost: some seconds at most.
const UNITS: u64 = 40_000_000;
/// How many of them each list of the answer names.
const LISTED: usize = 200;

struct Record {
    id: i64,
    name: String,
    attempt: i32,
    run: i64,
    run_id: String,
    at: DateTime<Utc>,
    seconds: f64,
    exit_code: Option<i32>,
    report: Option<Value>,
    outputs_uri: Option<String>,
    /// What its patches, and all of its files, would take to read.
    patch_bytes: i64,
    file_bytes: i64,
    /// The step asked for an approval itself, or somebody for the changes that it holds.
    asks: bool,
    stopped: bool,
}

/// What the gates of a draft's text would have done: see [`what_if`]. Whoever may not ask
/// is refused before anything of it is read.
///
/// # Errors
/// Those of [`what_if`] and of [`plans::draft`].
pub async fn what_if_of_text(
    engine: &Engine,
    principal: &Principal,
    name: &str,
    text: &str,
    since: DateTime<Utc>,
) -> Result<WhatIf> {
    authorise(principal, Permission::EditPlan)?;
    let _question = engine.questions.begin(principal)?;
    let draft = plans::draft(name, text).await?;
    replay(engine, &draft, since).await
}

/// What the draft's gates would have done to the plan's results since then.
///
/// A result is an attempt that succeeded, as it was recorded; conditions see the other
/// tasks of its run as they stand today. What was pruned since is not there, so a condition
/// about it has no answer and stops, as it would at night.
///
/// # Errors
/// Who may not edit plans, and a second question of a person whose first has no answer yet.
pub async fn what_if(
    engine: &Engine,
    principal: &Principal,
    draft: &Plan,
    since: DateTime<Utc>,
) -> Result<WhatIf> {
    authorise(principal, Permission::EditPlan)?;
    let _question = engine.questions.begin(principal)?;
    replay(engine, draft, since).await
}

async fn replay(engine: &Engine, draft: &Plan, since: DateTime<Utc>) -> Result<WhatIf> {
    let mut answer = WhatIf {
        plan: draft.name.clone(),
        since,
        considered: 0,
        would_stop: 0,
        did_stop: 0,
        cut: false,
        stopped: Vec::new(),
        passed: Vec::new(),
    };
    let gated: Vec<String> = draft
        .tasks
        .iter()
        .filter(|task| task.approval.is_some())
        .map(|task| task.name.clone())
        .collect();
    let mut known = Known::default();
    let mut judge = Judge::default();
    let mut before = (i64::MAX, i64::MAX, i32::MAX);
    let mut bytes = 0;
    // Whoever asks besides waits for these, and everybody else has the other connections.
    let _slot = engine.replays.acquire().await.map_err(anyhow::Error::new)?;
    loop {
        // A connection for each batch: whoever else needs one waits for a batch, not for the past.
        let mut connection = engine.readers.acquire().await?;
        let records = read(&mut connection, &draft.name, since, &gated, before).await?;
        let Some(last) = records.last() else {
            return Ok(answer);
        };
        before = (last.run, last.id, last.attempt);
        for record in records {
            let gate = draft
                .task(&record.name)
                .and_then(|task| task.approval.as_ref());
            if gate.is_some_and(facts::looks_at_patches) {
                bytes += record.patch_bytes;
            }
            if gate.is_some_and(facts::looks_at_files) {
                bytes += record.file_bytes;
            }
            if answer.considered >= MOST || bytes > FILE_BUDGET || judge.spent() > UNITS {
                answer.cut = true;
                return Ok(answer);
            }
            let row = match gate {
                Some(gate) => {
                    let context = context(&mut connection, &mut known, gate, &record).await?;
                    let gate = gate.clone();
                    let told = aside(move || {
                        let row = judged(&mut judge, &gate, &context, record);
                        (judge, row)
                    });
                    let row;
                    (judge, row) = told.await?;
                    row
                }
                None => asked(record),
            };
            tell(&mut answer, row);
        }
    }
}

/// The run that was looked at last; its results follow one another.
#[derive(Default)]
struct Known {
    run: Option<RunKey>,
    context: ConditionContext,
}

impl Known {
    async fn of(&mut self, connection: &mut PgConnection, run: RunKey) -> Result<ConditionContext> {
        if self.run != Some(run) {
            self.context = ConditionContext::of(run_context(connection, run).await?);
            self.run = Some(run);
        }
        Ok(self.context.clone())
    }
}

fn tell(answer: &mut WhatIf, (stops, row): (bool, WhatIfRow)) {
    answer.considered += 1;
    answer.did_stop += u32::from(row.did_stop);
    answer.would_stop += u32::from(stops);
    if stops && answer.stopped.len() < LISTED {
        answer.stopped.push(row);
    } else if !stops && row.did_stop && answer.passed.len() < LISTED {
        answer.passed.push(row);
    }
}

/// The next results, newest run first; the reports of those that the draft stops alone.
async fn read(
    connection: &mut PgConnection,
    plan: &str,
    since: DateTime<Utc>,
    gated: &[String],
    (run, task, attempt): (i64, i64, i32),
) -> Result<Vec<Record>> {
    Ok(sqlx::query_as!(
        Record,
        r#"SELECT t.id, t.name, a.number AS attempt, r.id AS run, r.run_id, a.finished_at AS "at!",
                  extract(epoch FROM a.finished_at - a.started_at)::float8 AS "seconds!",
                  a.exit_code, CASE WHEN t.name = ANY($3) THEN a.report END AS report, a.outputs_uri,
                  CASE WHEN t.name = ANY($3) THEN least($8::bigint, (
                      SELECT coalesce(sum(f.bytes), 0)::bigint FROM artifacts f
                      WHERE f.task_id = t.id AND f.attempt = a.number AND f.path ~* '\.(diff|patch)$'))
                      ELSE 0 END AS "patch_bytes!",
                  CASE WHEN t.name = ANY($3) THEN least($9::bigint, (
                      SELECT coalesce(sum(f.bytes), 0)::bigint FROM artifacts f
                      WHERE f.task_id = t.id AND f.attempt = a.number)) ELSE 0 END AS "file_bytes!",
                  (coalesce(a.report -> 'approval' = 'true', false) OR EXISTS (
                      SELECT 1 FROM approvals p
                      WHERE p.task_id = t.id AND p.attempt < a.number AND p.state = 'changes_requested')) AS "asks!",
                  EXISTS (SELECT 1 FROM approvals p WHERE p.task_id = t.id AND (p.attempt = a.number
                          OR p.phase = 'before_start' AND p.attempt < a.number)) AS "stopped!"
           FROM plans p JOIN runs r ON r.plan_id = p.id JOIN tasks t ON t.run = r.id
                JOIN attempts a ON a.task_id = t.id
           WHERE p.name = $1 AND r.created_at >= $2 AND a.outcome = 'succeeded'
             AND (r.id, t.id, a.number) < ($4, $5, $6)
           ORDER BY r.id DESC, t.id DESC, a.number DESC LIMIT $7"#,
        plan,
        since,
        gated,
        run,
        task,
        attempt,
        BATCH,
        PATCH_BYTES,
        SEARCHED_BYTES,
    )
    .fetch_all(connection)
    .await?)
}

/// What the gate's conditions may know of a result.
async fn context(
    connection: &mut PgConnection,
    known: &mut Known,
    gate: &Gate,
    record: &Record,
) -> Result<GateContext> {
    let condition = known.of(connection, RunKey(record.run)).await?;
    match gate.phase {
        GatePhase::AfterResult => {
            let result = AttemptResult {
                exit_code: record.exit_code,
                outputs: record
                    .report
                    .as_ref()
                    .and_then(|it| it.get("outputs"))
                    .cloned(),
                report: record.report.clone(),
                outputs_uri: record.outputs_uri.clone(),
                ..AttemptResult::bare(Outcome::Succeeded)
            };
            let (task, attempt) = (TaskId(record.id), AttemptNumber(record.attempt));
            let seconds = record.seconds;
            facts::after_result(connection, condition, gate, task, attempt, seconds, &result).await
        }
        GatePhase::BeforeStart => Ok(GateContext {
            condition,
            ..GateContext::default()
        }),
    }
}

/// What becomes of a result under the gate.
fn judged(
    judge: &mut Judge,
    gate: &Gate,
    context: &GateContext,
    record: Record,
) -> (bool, WhatIfRow) {
    let ruling = ruling(judge, gate, context);
    if !ruling.stops && record.asks && gate.phase == GatePhase::BeforeStart {
        return asked(record);
    }
    let required = ruling.gate(gate).required;
    let stops = ruling.stops || record.asks;
    let row = WhatIfRow {
        risk: ruling.risk,
        required: if stops { required } else { 0 },
        rule: ruling.rule,
        why: ruling.why,
        ..bare(record)
    };
    (stops, row)
}

/// What becomes of a result that meets no gate: the step itself may ask for a signature.
fn asked(record: Record) -> (bool, WhatIfRow) {
    let asks = record.asks;
    let row = WhatIfRow {
        required: u32::from(asks),
        ..bare(record)
    };
    (asks, row)
}

fn bare(record: Record) -> WhatIfRow {
    WhatIfRow {
        task_id: TaskId(record.id),
        task: record.name,
        attempt: AttemptNumber(record.attempt),
        run_id: Some(record.run_id),
        at: record.at,
        risk: None,
        required: 0,
        rule: None,
        why: None,
        did_stop: record.stopped,
    }
}
