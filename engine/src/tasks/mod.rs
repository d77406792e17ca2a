//! A task's verbs: enqueue, claim, renew, finish, rescue, cancel, rerun, hold.

mod announce;
mod cancel;
mod claim;
mod enqueue;
mod finish;
mod hold;
mod lease;
mod moves;
mod promote;
mod record;
mod renew;
mod rerun;
mod rescue;
mod standalone;
mod stored;
mod verdict;
mod workers;

pub use announce::{READY_CHANNEL, announce};
pub use cancel::cancel;
pub(crate) use cancel::cancel_locked;
pub use claim::claim;
pub use enqueue::{NewTask, enqueue};
pub use finish::{finish, finish_and_claim};
pub use hold::{hold, unhold};
pub(crate) use lease::OpenAttempt;
pub use lease::{AttemptResult, Claimed, Finish, Finished, LeaseRef, Renewal, WorkerIdentity};
pub(crate) use moves::{Move, write_moves};
pub use promote::promote_due;
pub use renew::{cancel_requests, renew};
pub use rerun::rerun;
pub(crate) use rerun::reset;
pub use rescue::rescue;
pub(crate) use standalone::{Definitions, StoredDefinition};
pub(crate) use stored::{StoredRow, StoredTask, lock_task, lock_tasks, state_of, stored_row};
pub use verdict::CRASH_RECOVERIES;
pub use workers::{heartbeat_worker, register_worker, unregister_worker};
