mod list_approvals;
mod load_approval;
mod load_standing;

pub use list_approvals::{Inbox, list_approvals};
pub use load_approval::load_approval;
pub use load_standing::load_standing;
