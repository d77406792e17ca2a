//! The process that claims tasks and runs them.
//!
//! A claim is committed before anything runs. While an attempt runs its lease is
//! renewed; a worker that cannot renew kills the attempt's processes before the lease
//! ends, by its own monotonic clock, and records nothing. Steps run without a shell,
//! behind walls, as their own user where Watchbill is root, and an attempt
//! has not ended before its last process has.

mod artifacts;
mod attempt;
mod cells;
mod collect;
mod finisher;
mod hints;
mod keeper;
mod options;
mod orders;
mod output;
mod prepare;
mod report;
mod run;
mod steps;
mod supervise;
mod uses;
mod view;
mod workspace;

pub use options::WorkerOptions;
pub use output::weakness;
pub use run::run;
pub use steps::user::sandbox_report;
pub use steps::{SandboxReport, raise_descriptors};
