mod list_tokens;

pub use list_tokens::{TokenRow, list_tokens};
