//! A task's verbs: enqueue, claim, renew, finish, rescue, cancel, rerun, hold.

mod announce;
mod claim;
mod lease;
mod renew;
mod workers;

pub use announce::{READY_CHANNEL, announce};
pub use claim::claim;
pub use lease::{AttemptResult, Claimed, Finish, Finished, LeaseRef, Renewal, WorkerIdentity};
pub use renew::{cancel_requests, renew};
pub use workers::{heartbeat_worker, register_worker, unregister_worker};
