//! A task's verbs: enqueue, claim, renew, finish, rescue, cancel, rerun, hold.

mod lease;

pub use lease::{AttemptResult, Claimed, Finish, Finished, LeaseRef, Renewal, WorkerIdentity};
