//! The engine over a real PostgreSQL, one file per verb or hazard.

mod cancel;
mod claim;
mod dag;
mod decide;
mod deliveries;
mod demotion;
mod events;
mod finish;
mod history;
mod house;
mod identity;
mod lost_gates;
mod mail;
mod one_way;
mod proposals;
mod reported;
mod rescue;
mod sequences;
mod sign_off;
mod support;
