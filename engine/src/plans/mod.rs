//! Plans: read and check their text, store versions, pause and resume.

pub mod condition;
mod current;
pub mod inputs;
mod version;

pub use current::{StoredPlan, current};
pub use version::{PlanCache, version};
