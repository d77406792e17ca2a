//! A step's output on its way to the log: masked, searched, cut, stored.

mod cap;
mod forms;
mod line;
mod lines;
mod mask;
mod plain;
mod pump;
mod segments;
mod store;
mod uri;

pub use forms::weakness;
pub use mask::Masker;
pub use pump::{CollectedOutput, Pump};
pub use uri::acceptable as acceptable_uri;
