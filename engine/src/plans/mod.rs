//! Plans: read and check their text, store versions, pause and resume.

mod version;

pub use version::{PlanCache, version};
