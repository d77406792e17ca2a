//! The process that claims tasks and runs them.
