//! The worker, with real processes.

mod files;
mod leases;
mod outcomes;
mod output;
mod processes;
mod support;
mod uses;
mod walls;
