//! The REST contract, over the real router and a database for each test.

mod account_page;
mod approval_page;
mod bound;
mod compatible;
mod contract;
mod deliveries;
mod documents;
mod exports;
mod forms;
mod hostile_host;
mod house;
mod inbox;
mod mail_pages;
mod matrix;
mod people;
mod plans;
mod proposal_page;
mod pruning;
mod read_only;
mod reference;
mod sign_off;
mod signed_page;
mod slack;
mod support;
