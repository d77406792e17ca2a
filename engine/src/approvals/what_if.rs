//! Replaying a draft of a plan's gates over what already happened. Nothing is changed by it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use model::id::{AttemptNumber, RunKey, TaskId};
use model::identity::{Permission, Principal};
use model::plan::{Gate, Plan};
use model::task::GatePhase;
use model::view::{Outcome, WhatIf, WhatIfRow};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::facts;
use super::risk::ruling;
use crate::plans::condition::{ConditionContext, GateContext};
use crate::runs::run_context;
use crate::tasks::AttemptResult;
use crate::{Engine, Result, authorise};

/// No question goes further back than the history is kept by default.
pub const MOST_DAYS_BACK: u32 = 400;
/// How many results one question looks at.
const MOST: i64 = 5_000;
/// How many of them each list of the answer names.
const LISTED: usize = 200;

struct Record {
    id: i64,
    name: String,
    attempt: i32,
    run: i64,
    run_id: String,
    at: DateTime<Utc>,
    exit_code: Option<i32>,
    report: Option<Value>,
    outputs_uri: Option<String>,
    stopped: bool,
}

/// What the draft's gates would have done to the plan's results since then.
///
/// A result is an attempt that succeeded, as it was recorded; conditions see the other
/// tasks of its run as they stand today. What was pruned since is not there, so a condition
/// about it has no answer and stops, as it would at night.
///
/// # Errors
/// Who may not read.
pub async fn what_if(
    engine: &Engine,
    principal: &Principal,
    draft: &Plan,
    since: DateTime<Utc>,
) -> Result<WhatIf> {
    authorise(principal, Permission::Read)?;
    let mut connection = engine.pool.acquire().await?;
    let records = read(&mut connection, &draft.name, since).await?;
    let mut answer = WhatIf {
        plan: draft.name.clone(),
        since,
        considered: 0,
        would_stop: 0,
        did_stop: 0,
        cut: i64::try_from(records.len()).unwrap_or(MOST) >= MOST,
        stopped: Vec::new(),
        passed: Vec::new(),
    };
    let mut contexts: HashMap<i64, (Value, Value)> = HashMap::new();
    for record in records {
        let gate = draft
            .task(&record.name)
            .and_then(|task| task.approval.as_ref());
        let row = match gate {
            Some(gate) => judge(&mut connection, &mut contexts, gate, record).await?,
            None => (false, bare(record)),
        };
        tell(&mut answer, row);
    }
    Ok(answer)
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

async fn read(
    connection: &mut PgConnection,
    plan: &str,
    since: DateTime<Utc>,
) -> Result<Vec<Record>> {
    Ok(sqlx::query_as!(
        Record,
        r#"SELECT t.id, t.name, a.number AS attempt, r.id AS run, r.run_id, a.finished_at AS "at!",
                  a.exit_code, a.report, a.outputs_uri,
                  EXISTS (SELECT 1 FROM approvals p WHERE p.task_id = t.id AND p.attempt = a.number) AS "stopped!"
           FROM plans p JOIN runs r ON r.plan_id = p.id JOIN tasks t ON t.run = r.id
                JOIN attempts a ON a.task_id = t.id
           WHERE p.name = $1 AND r.created_at >= $2 AND a.outcome = 'succeeded'
           ORDER BY r.created_at DESC, t.id DESC, a.number DESC LIMIT $3"#,
        plan,
        since,
        MOST,
    )
    .fetch_all(connection)
    .await?)
}

async fn judge(
    connection: &mut PgConnection,
    contexts: &mut HashMap<i64, (Value, Value)>,
    gate: &Gate,
    record: Record,
) -> Result<(bool, WhatIfRow)> {
    let (inputs, tasks) = match contexts.get(&record.run) {
        Some(context) => context.clone(),
        None => {
            let context = run_context(connection, RunKey(record.run)).await?;
            contexts.insert(record.run, context.clone());
            context
        }
    };
    let condition = ConditionContext { inputs, tasks };
    let context = match gate.phase {
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
            facts::after_result(connection, condition, gate, task, attempt, &result).await?
        }
        GatePhase::BeforeStart => GateContext {
            condition,
            outputs: json!({}),
            ..GateContext::default()
        },
    };
    let ruling = ruling(gate, &context);
    let required = ruling.gate(gate).required;
    let stops = ruling.stops;
    Ok((
        stops,
        WhatIfRow {
            risk: ruling.risk,
            required: if stops { required } else { 0 },
            rule: ruling.rule,
            why: ruling.why,
            ..bare(record)
        },
    ))
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
