use leptos::prelude::*;
use model::view::WhatIf;

use super::super::Question;
use crate::error::PageError;

/// What a draft of a plan's gates would have done to the results of the last days. Nothing for
/// a draft that is no plan or another one's, or for too many days: the form says what is wrong.
#[server(prefix = "/fn", endpoint = "what_if", protocol = Question)]
pub async fn ask_what_if(
    name: String,
    source: String,
    days: u32,
) -> Result<Option<WhatIf>, PageError> {
    let (engine, principal) = crate::context::caller()?;
    if !(1..=engine::approvals::MOST_DAYS_BACK).contains(&days) {
        return Ok(None);
    }
    let since = engine.clock.now() - chrono::TimeDelta::days(days.into());
    let tried =
        engine::approvals::what_if_of_text(&engine, &principal, &name, &source, since).await;
    match tried {
        Ok(answer) => Ok(Some(answer)),
        Err(engine::Error::Invalid(_) | engine::Error::TooLarge(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
