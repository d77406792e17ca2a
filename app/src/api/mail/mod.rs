mod list_mail;
mod load_mail;

pub use list_mail::{MailList, list_mail};
pub use load_mail::load_mail;
