//! The REST contract, over the real router and a database for each test.

mod contract;
mod documents;
mod exports;
mod pruning;
mod read_only;
mod reference;
mod support;
