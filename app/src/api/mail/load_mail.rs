use leptos::prelude::*;
use model::view::MailDetail;

use super::super::Question;
use crate::error::PageError;

/// One message as it was sent; for admins.
#[server(prefix = "/fn", endpoint = "message", protocol = Question)]
pub async fn load_mail(id: i64) -> Result<MailDetail, PageError> {
    let (engine, principal) = crate::context::caller()?;
    Ok(engine::notify::mail::load(&engine, &principal, id).await?)
}
