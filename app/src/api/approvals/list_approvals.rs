use leptos::prelude::*;
use model::view::ApprovalRow;
use serde::{Deserialize, Serialize};

use super::super::{Question, Seen};
use crate::error::PageError;

/// What waits, soonest first, and what was decided lately.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inbox {
    pub pending: Vec<ApprovalRow>,
    pub decided: Vec<ApprovalRow>,
}

/// The inbox.
#[server(prefix = "/fn", endpoint = "approvals", protocol = Question)]
pub async fn list_approvals() -> Result<Seen<Inbox>, PageError> {
    let (engine, principal) = crate::context::caller()?;
    let (pending, mut decided) = engine::history::approvals(&engine, &principal).await?;
    decided.truncate(20);
    Ok(Seen {
        now: engine.clock.now(),
        it: Inbox { pending, decided },
    })
}
