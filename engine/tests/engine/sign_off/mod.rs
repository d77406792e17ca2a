//! Decisions of several people.

mod chain;
mod compared;
mod people;
mod quorum;
mod risk;
mod rounds;

use crate::support::{end, gate, person, plan, run, task, worker};
use engine::approvals::{Channel, Decide, Decided, decide, pending_for_task};
use engine::tasks::claim;
use engine::{Engine, Result};
use model::id::{ApprovalId, TaskId};
use model::identity::{Principal, Role};
use model::plan::{Gate, PlanTask};
use model::task::GatePhase;
use model::view::{Outcome, Verdict};

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
    inputs: Option<serde_json::Value>,
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

pub async fn approver(engine: &Engine, login: &str) -> Principal {
    person(engine, login, &[Role::Approver]).await
}

pub fn after(required: u32) -> Gate {
    Gate {
        required,
        ..gate(GatePhase::AfterResult)
    }
}
