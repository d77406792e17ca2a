//! The engine over a real PostgreSQL, one file per verb or hazard.

mod cancel;
mod claim;
mod dag;
mod decide;
mod finish;
mod history;
mod house;
mod identity;
mod rescue;
mod support;
