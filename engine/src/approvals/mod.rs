//! Gates: request, decide, expire.

mod decide;
pub mod digest;
mod expire;
mod gate;
mod policy;
mod request;
mod withdraw;

pub use decide::{Channel, Decide, decide};
pub use expire::expire_due;
pub(crate) use gate::{default_gate, gate_after, gate_before};
pub use policy::{Signature, may_sign};
pub use request::{NewRequest, insert_request, pending_for_task};
pub(crate) use request::{request_after, request_before};
pub use withdraw::withdraw;
