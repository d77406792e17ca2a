//! Who acts: accounts and their passwords, sessions and tokens.
//!
//! Nothing here stores what a person must keep secret: passwords are argon2id
//! hashes, session and token values are SHA-256 digests. Roles are read afresh
//! with every request, so that a demoted or disabled person is refused at once.

pub mod accounts;
mod common_passwords;
mod devices;
mod limits;
pub mod login;
pub mod passwords;
mod presence;
mod roles;
mod secret;
pub mod sessions;
pub mod tokens;

pub use accounts::{Account, NewAccount};
pub use login::{LoggedIn, LoginAttempt, login};
pub use presence::Presence;
pub(crate) use roles::parse_roles;
pub use sessions::{NewSession, Origin, principal_of_session};
pub use tokens::{IssuedToken, NewToken, Token, principal_of_token};
