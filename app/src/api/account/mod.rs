mod list_delegations;
mod list_tokens;
mod load_own_account;
mod load_preferences;

pub use list_delegations::list_delegations;
pub use list_tokens::{TokenRow, list_tokens};
pub use load_own_account::{OwnAccount, SessionRow, load_own_account};
pub use load_preferences::load_preferences;
