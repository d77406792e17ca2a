//! Tasks as rows: enqueued, read under locks, moved, leased, recorded. What follows from a
//! change of state is `lifecycle`'s; nothing here knows a consequence.

mod announce;
mod consequences;
mod context;
mod definition;
mod delete;
pub mod digest;
mod enqueue;
mod lease;
mod moves;
mod promote;
mod record;
pub(crate) mod records;
mod renew;
mod standalone;
mod stored;
mod workers;

pub use announce::{READY_CHANNEL, announce};
pub(crate) use consequences::consequences;
pub(crate) use context::{run_context, task_contexts};
pub(crate) use definition::task_definition;
pub(crate) use delete::delete_tasks;
pub use enqueue::{NewTask, enqueue};
pub use lease::{AttemptResult, Claimed, Finish, Finished, LeaseRef, Renewal, WorkerIdentity};
pub(crate) use lease::{OpenAttempt, open_attempt};
pub(crate) use moves::{Move, write_moves};
pub use promote::promote_due;
pub(crate) use record::{Recorded, record};
pub use renew::{cancel_requests, renew};
pub(crate) use standalone::{Definitions, StoredDefinition};
pub(crate) use stored::{StoredRow, StoredTask, lock_task, lock_tasks, state_of, stored_row};
pub use workers::{heartbeat_worker, register_worker, unregister_worker};
