//! Who may sign, what risk and patches say, and what answers add up to. Moves no task, tells nobody:
//! that is `lifecycle`'s and `notify`'s.

mod acknowledge;
mod asked;
mod askers;
mod circle;
pub mod delegations;
pub(crate) mod facts;
mod given;
pub mod groups;
mod invisible;
mod patches;
mod people;
mod planned;
mod policy;
mod questions;
mod reach;
pub(crate) mod risk;
mod successor;
pub(crate) mod tally;
mod what_if;
mod withdraw;

use anyhow::anyhow;
use model::id::ApprovalId;
use model::task::GatePhase;

use crate::Result;

pub use acknowledge::acknowledge;
pub(crate) use acknowledge::acknowledged;
pub(crate) use asked::{asked, asked_among, asked_each};
pub(crate) use circle::People;
pub(crate) use invisible::{invisible_in_attempt, is_patch};
pub(crate) use patches::Patches;
pub(crate) use planned::lacking;
pub(crate) use policy::{Signature, Standing, in_circle, may_sign, standing};
pub(crate) use questions::Questions;
pub(crate) use reach::{
    OutOfReach, out_of_reach, out_of_reach_among, pending_after, waiting_in_vain,
};
pub(crate) use successor::successor;
pub(crate) use what_if::REPLAYS;
pub use what_if::{MOST_DAYS_BACK, what_if, what_if_of_text};
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
