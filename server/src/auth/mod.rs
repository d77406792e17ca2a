//! Who is calling: resolved once, in [`layer`], before any handler sees the request.
//!
//! The layer answers three questions and refuses at the first that fails. Is the request
//! addressed to us ([`hosts`])? Does it prove who sends it (a token, a session's cookie,
//! or an address that is trusted to report)? If a browser sends it with a cookie, does
//! it come from our own page ([`csrf`])? What the caller may do is the engine's to say.

pub mod api;
mod client;
mod cookie;
mod credential;
mod csrf;
mod extract;
mod hosts;
mod layer;
mod login;
mod next_path;
mod reporter;

pub use api::api;
pub(crate) use client::came_through_a_proxy;
pub use client::{Client, Transport};
pub(crate) use cookie::origin;
pub use cookie::{clear_cookie, session_cookie};
pub use extract::{Authenticated, Caller};
pub use layer::layer;
pub use login::{LoginForm, LoginOutcome, login_submit, router};
pub use next_path::local_path;

#[cfg(test)]
mod tests;
