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
pub use enqueue::{Channel, OutboxMessage, awaiting_approval, enqueue};
pub(crate) use events::{approval_decided, runs_finished, tasks_failed};
pub use nudge::{Nudge, nudge};
pub(crate) use payload::slack_text;
pub use payload::{APPROVE_ACTION, AwaitingApproval, REJECT_ACTION};
pub use receivers::refused_receivers;
pub(crate) use send::{Courier, Failure, Post};

#[cfg(test)]
mod receiver;
