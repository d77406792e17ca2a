mod list_approvals;
mod load_approval;

pub use list_approvals::{Inbox, list_approvals};
pub use load_approval::load_approval;
