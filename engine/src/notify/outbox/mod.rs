//! Messages that leave Watchbill: written in the transaction that caused them, sent afterwards.

mod deliver;
mod deliveries;
mod enqueue;
mod events;
mod guard;
mod nudge;
mod payload;
mod receivers;
mod send;
mod signature;

pub(crate) use deliver::{PATIENCE, pause};
pub use deliver::{deliver, deliver_due};
pub use deliveries::{deliveries, retry};
pub(crate) use enqueue::awaiting_approval;
pub use enqueue::{Channel, OutboxMessage, enqueue};
pub(crate) use events::{approval_decided, link, runs_finished, tasks_failed};
pub(crate) use nudge::{Nudge, nudge};
pub use payload::{APPROVE_ACTION, REJECT_ACTION};
pub(crate) use payload::{AwaitingApproval, slack_text};
pub use receivers::refused_receivers;
pub(crate) use send::{Courier, Failure, Post};

#[cfg(test)]
mod receiver;
