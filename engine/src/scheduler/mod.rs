//! The loops that turn due moments into runs and keep the house.
//!
//! Several schedulers may run at once: whoever locks a plan's row acts, the
//! others pass by, and an occurrence is unique on its trigger and its moment.

mod due;
mod fire;
mod overlap;
mod reconcile;
mod run;
#[cfg(test)]
mod tests;
mod tick;

pub use reconcile::reconcile;
pub use run::run;
pub use tick::{Ticked, tick};
