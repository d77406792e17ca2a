mod list_delegations;
mod list_tokens;
mod load_preferences;
mod load_slack_user;

pub use list_delegations::list_delegations;
pub use list_tokens::{TokenRow, list_tokens};
pub use load_preferences::load_preferences;
pub use load_slack_user::load_slack_user;
