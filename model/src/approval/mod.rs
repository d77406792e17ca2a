//! Requests for a decision: where one stands, what a person may answer, and who may.

mod eligibility;
mod state;
mod verdict;

pub use eligibility::Eligibility;
pub use state::{ApprovalState, UnknownApprovalState};
pub use verdict::Verdict;
