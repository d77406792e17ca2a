//! All that tells people: the outbox with its channels, mail, and what each person wants to hear.

pub mod mail;
pub mod outbox;
mod preferences;

pub use preferences::{PreferencesEdit, preferences, set_preferences};
