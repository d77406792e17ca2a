//! What pages ask the server for. Each is a public endpoint: the engine authorises inside.
//!
//! All of them are POST, carry JSON as a [`Question`] and only read. What changes something is a
//! plain form.

pub mod account;
pub mod approvals;
pub mod decisions;
pub mod deliveries;
pub mod mail;
pub mod night;
pub mod plans;
mod question;
pub mod runs;
pub mod tasks;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use question::Question;

/// A value with the moment at which it was true, for "in 2 h 48".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen<T> {
    pub now: DateTime<Utc>,
    pub it: T,
}
