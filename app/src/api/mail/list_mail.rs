use leptos::prelude::*;
use model::view::MailRow;
use serde::{Deserialize, Serialize};

use super::super::Question;
use crate::error::PageError;

/// The last messages, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MailList {
    pub rows: Vec<MailRow>,
    /// Where messages are files, for want of a mail server.
    pub folder: Option<String>,
}

/// The last messages and what became of them; for admins.
#[server(prefix = "/fn", endpoint = "mail", protocol = Question)]
pub async fn list_mail() -> Result<MailList, PageError> {
    let (engine, principal) = crate::context::caller()?;
    let rows = engine::notify::mail::list(&engine, &principal).await?;
    let mail = &engine.settings.mail;
    let folder = mail.folder.as_ref().filter(|_| mail.smtp.is_none());
    Ok(MailList {
        rows,
        folder: folder.map(|folder| folder.display().to_string()),
    })
}
