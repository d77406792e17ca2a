//! Mail: one message for each person that a cause concerns, in their language and zone.
//!
//! A cause writes rows into the outbox within its own transaction; nothing is rendered and
//! nobody is waited for there. The loop renders a row when it sends it, so that what was
//! decided meanwhile is not asked again. Links carry no authority and begin with the
//! configured address, never with a request's. What cannot be sent yet is sent later, on a
//! connection of its own, so that no address holds up another.

mod cause;
mod compose;
mod daily;
mod deliver;
mod digest;
mod disable;
mod facts;
mod folder;
mod letter;
mod list;
mod message;
mod probe;
mod recipient;
mod smtp;
mod times;
mod words;
mod write;

pub use deliver::{deliver, deliver_due};
pub use digest::write_due_digests;
pub(crate) use folder::prune as prune_folder;
pub use list::{list, load};
pub use message::checked_sender;
pub use probe::{Probe, probe};
pub use smtp::{Said, Step};
pub use write::{approval_escalated, approval_reminder, approval_requested};
pub(crate) use write::{
    approval_out_of_reach, goes_somewhere, plan_held, preferences_changed, tasks_failed, token_made,
};
