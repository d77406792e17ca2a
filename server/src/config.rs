//! Typed settings of the process.

/// The server's configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {}
