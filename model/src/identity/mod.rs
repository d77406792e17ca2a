//! Who acts, and what they may do.

mod permission;
mod principal;

pub use permission::{Permission, Role, Scope};
pub use principal::{Principal, PrincipalKind};
