//! A task's life: its states, the events that move it, and the one table that says which may.

pub mod entry;
mod outcome;
mod state;
mod transition;

pub use outcome::{Outcome, UnknownOutcome};
pub use state::{Origin, TaskState};
pub use transition::{ALL_EVENTS, GatePhase, TaskEvent, TransitionError, apply, permitted};
