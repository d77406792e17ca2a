//! Runs: start, settle, cancel, retry what failed.

mod cancel;
mod close;
mod context;
mod definition;
mod first;
mod materialise;
mod release;
mod retry;
pub(crate) mod settle;
mod start;

pub use cancel::{cancel, cancel_within};
pub(crate) use context::{run_context, task_contexts};
pub(crate) use definition::task_definition;
pub use first::start_if_never_ran;
pub use materialise::{NewRun, materialise};
pub(crate) use release::condition_context;
pub use retry::retry_failed;
pub use start::start;
