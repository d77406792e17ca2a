//! Decisions of several people.

mod chain;
mod changes_asker;
mod compared;
mod inputs;
mod invisible;
mod people;
mod quorum;
mod replaced;
mod risk;
mod rounds;
mod shown;
mod what_if;

use crate::support::{decide, end, finish_with, gate, person, plan, run, task, worker};
use chrono::TimeDelta;
use engine::approvals::delegations::{self, NewDelegation};
use engine::lifecycle::claim;
use engine::lifecycle::{Channel, Decide, Decided, pending_for_task};
use engine::tasks::{AttemptResult, Claimed};
use engine::{Engine, Result};
use model::approval::Verdict;
use model::id::{ApprovalId, DelegationId, TaskId};
use model::identity::{Principal, Role};
use model::plan::{Gate, PlanTask};
use model::task::{GatePhase, Outcome};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A task that ran and now waits under this gate.
pub async fn waiting(engine: &Engine, gate: Gate) -> (TaskId, ApprovalId) {
    waiting_before(engine, gate, task("publish", &["change"])).await
}

/// The same before this next task.
pub async fn waiting_before(engine: &Engine, gate: Gate, next: PlanTask) -> (TaskId, ApprovalId) {
    let mut first = task("change", &[]);
    first.approval = Some(gate);
    run(engine, &plan(vec![first, next]), None).await;
    // What an earlier round let go is claimed with it, and left alone.
    let claimed = claim(engine, &worker(engine), 9).await.expect("a claim");
    let claimed = claimed
        .into_iter()
        .find(|claimed| claimed.name == "change")
        .expect("it is ready");
    end(engine, &claimed, Outcome::Succeeded).await;
    let task = claimed.lease.task;
    (task, pending(engine, task).await)
}

pub async fn pending(engine: &Engine, task: TaskId) -> ApprovalId {
    let mut connection = engine.pool.acquire().await.expect("a connection");
    let found = pending_for_task(&mut connection, task)
        .await
        .expect("a look");
    found.expect("a request")
}

pub async fn say(
    engine: &Engine,
    who: &Principal,
    approval: ApprovalId,
    verdict: Verdict,
) -> Result<Decided> {
    let note = (verdict != Verdict::Approve).then(|| "the title is missing".to_owned());
    answer(engine, who, approval, verdict, note, None).await
}

pub async fn answer(
    engine: &Engine,
    who: &Principal,
    approval: ApprovalId,
    verdict: Verdict,
    note: Option<String>,
    inputs: Option<Value>,
) -> Result<Decided> {
    let answer = Decide {
        approval,
        digest: None,
        verdict,
        note,
        inputs,
        channel: Channel::Page,
    };
    decide(engine, who, &answer).await
}

/// Lets the account of this login sign in this person's place for a week.
pub async fn delegate(engine: &Engine, from: &Principal, to: &str) -> DelegationId {
    let now = engine.clock.now();
    let new = NewDelegation {
        to: to.to_owned(),
        starts_at: now - TimeDelta::hours(1),
        ends_at: now + TimeDelta::days(7),
        note: Some("on leave".to_owned()),
    };
    delegations::create(engine, from, &new)
        .await
        .expect("a delegation")
}

/// Ends an attempt well, with this report of its step.
pub async fn end_with_report(engine: &Engine, claimed: &Claimed, report: Value) {
    let result = AttemptResult {
        report: Some(report),
        ..AttemptResult::bare(Outcome::Succeeded)
    };
    finish_with(engine, claimed, result).await;
}

/// A file that this attempt leaves, as its result names it.
pub async fn keep(
    engine: &Engine,
    claimed: &Claimed,
    path: &str,
    content: &[u8],
) -> (String, [u8; 32]) {
    let digest: [u8; 32] = Sha256::digest(content).into();
    sqlx::query(
        "WITH a AS (INSERT INTO artifacts (task_id, attempt, path, bytes, sha256)
                    VALUES ($1, $2, $3, $4, $5) RETURNING id)
         INSERT INTO artifact_chunks (artifact_id, seq, content) SELECT id, 0, $6 FROM a",
    )
    .bind(claimed.lease.task.0)
    .bind(claimed.lease.attempt.0)
    .bind(path)
    .bind(i64::try_from(content.len()).expect("a small file"))
    .bind(&digest[..])
    .bind(content)
    .execute(&engine.pool)
    .await
    .expect("a file");
    (path.to_owned(), digest)
}

pub async fn approver(engine: &Engine, login: &str) -> Principal {
    person(engine, login, &[Role::Approver]).await
}

pub fn after(required: u32) -> Gate {
    Gate {
        required,
        ..gate(GatePhase::AfterResult)
    }
}
