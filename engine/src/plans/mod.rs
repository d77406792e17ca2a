//! Plans: read and check their text, store versions, pause and resume.

mod apart;
pub mod condition;
mod current;
pub mod document;
mod held;
pub mod inputs;
mod pause;
mod save;
mod sync;
pub mod template;
#[cfg(test)]
mod tests;
mod version;

pub use current::{StoredPlan, current};
pub use document::{PlanProblem, json_schema};
pub(crate) use held::{
    CHECK, REVISION, Verdict, judge, refuse_held, refuse_held_of_run, write_verdict,
};
pub use pause::{pause, resume};
pub use save::{PlanOrigin, draft, save};
pub use sync::{SyncProblem, sync_folder};
pub use version::{PlanCache, version};
