//! Gates: who may sign, what stops, what an answer does, and what happens when none comes.

mod acknowledge;
mod asked;
mod circle;
mod deadlines;
mod decide;
pub mod delegations;
pub mod digest;
mod facts;
mod gate;
pub mod groups;
mod outcome;
mod patches;
mod people;
mod policy;
mod request;
mod risk;
mod tally;
mod what_if;
mod withdraw;

use anyhow::anyhow;
use model::id::ApprovalId;
use model::task::GatePhase;

use crate::Result;

pub use acknowledge::acknowledge;
pub(crate) use acknowledge::acknowledged;
pub(crate) use asked::{asked, asked_each};
pub use deadlines::act_on_due;
pub use decide::{Channel, Decide, Decided, decide};
pub(crate) use gate::{Stop, default_gate, gate_after, gate_before};
pub(crate) use patches::Patches;
pub(crate) use policy::{Signature, Standing, standing};
pub use request::pending_for_task;
pub(crate) use request::{NewRequest, insert_request, request_after, request_before};
pub(crate) use what_if::REPLAYS;
pub use what_if::{MOST_DAYS_BACK, what_if};
pub(crate) use withdraw::withdraw;

/// Decodes `approvals.phase`; none for a request that an outside orchestrator reported.
pub(crate) fn phase_of(text: Option<&str>, id: ApprovalId) -> Result<Option<GatePhase>> {
    match text {
        None => Ok(None),
        Some("before_start") => Ok(Some(GatePhase::BeforeStart)),
        Some("after_result") => Ok(Some(GatePhase::AfterResult)),
        Some(other) => Err(anyhow!("approvals.phase of row {id} is '{other}'").into()),
    }
}
