//! What pages, exports and the API read. Nothing here changes anything.
//!
//! Lists are keyset pages over `sort_at` and id: their cost does not grow with
//! the table. Streams read in batches and hold no transaction between them.

mod approval;
mod approvals;
mod artifact;
mod compared;
mod csv;
mod dashboard;
mod decisions;
mod filter;
mod identical;
mod log;
mod plain_text;
mod plans;
mod runs;
mod shown;
mod signed;
mod task;
mod tasks;

pub use approval::{approval, approval_policy, approval_standing};
pub use approvals::{approvals, approvals_of_task, count_waiting};
pub use artifact::{Artifact, artifact};
pub use csv::{CsvColumns, csv};
pub use dashboard::dashboard;
pub use decisions::{decision_figures, decisions, decisions_csv};
pub use identical::identical_requests;
pub use log::{log, raw_log};
pub use plans::{next_moments, plan, plans};
pub use runs::{run, runs};
pub use task::{task, task_row};
pub use tasks::tasks;

use std::pin::Pin;

use futures::Stream;

use crate::Result;

/// Bytes as they are read: a batch at a time, with nothing held open between.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Vec<u8>>> + Send>>;

/// The most rows of one page.
pub const LARGEST_PAGE: u32 = 200;
