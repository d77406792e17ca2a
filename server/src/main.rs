//! Wires Watchbill's parts together.

mod config;
mod state;

fn main() {}
