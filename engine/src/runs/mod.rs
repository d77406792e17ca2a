//! Runs: start, settle, cancel, retry what failed.
