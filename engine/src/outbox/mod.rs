//! Messages that leave Watchbill: written in the transaction that caused them, sent afterwards.

mod deliver;
mod enqueue;
mod payload;
mod send;
mod signature;

pub use deliver::{deliver, deliver_due};
pub use enqueue::{Channel, OutboxMessage, awaiting_approval, enqueue};
pub use payload::AwaitingApproval;

#[cfg(test)]
mod receiver;
