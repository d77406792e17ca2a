//! Plans: read and check their text, keep versions, pause and resume.

mod apart;
pub mod condition;
mod current;
pub mod document;
mod held;
pub mod inputs;
mod pause;
pub(crate) mod store;
pub mod template;
mod version;

pub(crate) use apart::aside;
pub use current::{StoredPlan, current};
pub use document::{PlanProblem, json_schema};
pub(crate) use held::{
    CHECK, REVISION, Verdict, is_held, judge, refuse_held, refuse_held_of_run, write_verdict,
};
pub use pause::{pause, resume};
pub use store::{NewVersions, PlanOrigin, draft};
pub use version::{PlanCache, version};
