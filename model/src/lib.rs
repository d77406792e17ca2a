//! Plain types and pure rules of Watchbill: no input or output, no clock, no SQL.
//!
//! Everything here also builds for wasm, so that a page greys out exactly the
//! buttons that the engine would refuse. Reading order: ids, the task's state
//! machine, plans, identity, then the views that pages and the REST API show.

pub mod approval;
pub mod browser;
pub mod id;
pub mod identity;
pub mod notify;
pub mod page;
pub mod plan;
pub mod reported;
pub mod task;
pub mod view;
pub mod visible;
