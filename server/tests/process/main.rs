//! Real processes: `watchbill serve` with a private database of its own, killed in every way.

mod cluster;
mod demonstration;
mod doctor;
mod flood;
mod hints;
mod kills;
mod stop;
mod support;
mod takeover;
mod upgrade;
mod what_if;
