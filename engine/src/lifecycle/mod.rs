//! What follows from a change of state: claims, ends of attempts, releases, gates, decisions,
//! retries, cancels, and the ends of runs. A change and its consequences commit together.

mod cancel;
mod cancel_run;
mod claim;
mod close;
mod context;
mod deadlines;
mod decide;
mod entry;
mod finish;
mod first;
mod gate;
mod hold;
mod materialise;
mod outcome;
mod release;
mod request;
mod rerun;
mod rescue;
mod retry;
pub(crate) mod settle;
mod signed;
mod start;
mod verdict;

pub use cancel::cancel;
pub(crate) use cancel::cancel_locked;
pub use cancel_run::{cancel_run, cancel_within};
pub use claim::{claim, refused};
use context::condition_context;
pub use deadlines::act_on_due;
pub use decide::{Channel, Decide, Decided, decide};
pub use finish::{finish, finish_and_claim};
pub use first::start_if_never_ran;
pub(crate) use gate::{Stop, default_gate};
pub use hold::{hold, unhold};
pub use materialise::{NewRun, materialise};
pub use request::pending_for_task;
pub(crate) use request::{NewRequest, insert_request};
pub use rerun::rerun;
pub(crate) use rerun::reset;
pub use rescue::rescue;
pub use retry::retry_failed;
pub use start::start;
pub use verdict::CRASH_RECOVERIES;
