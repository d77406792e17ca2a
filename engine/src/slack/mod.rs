//! Buttons in Slack: who clicked, whether it is proven, and the decision that follows.
//!
//! A click carries no authority of its own. It counts where Slack signed it, the member is
//! mapped to an account, and that account's present roles allow the decision.

mod answer;
mod person;
mod reply;
mod signature;

pub use answer::{Answer, Click, answer};
pub use reply::{ephemeral, reply};
pub use signature::{Proof, Untrusted, verify};
