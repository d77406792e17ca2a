use leptos::prelude::*;
use model::page::{Page, Position};
use model::view::{DecisionFigures, DecisionFilter, DecisionLogRow};
use serde::{Deserialize, Serialize};

use super::super::Question;
use crate::error::PageError;

/// One page of answers and, with the first page, how long people took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionLog {
    pub page: Page<DecisionLogRow>,
    pub figures: Vec<DecisionFigures>,
}

/// The decision log under a filter.
#[server(prefix = "/fn", endpoint = "decisions", protocol = Question)]
pub async fn list_decisions(
    filter: DecisionFilter,
    before: Option<Position>,
) -> Result<DecisionLog, PageError> {
    const LIMIT: u32 = 50;

    let (engine, principal) = crate::context::caller()?;
    let page = engine::history::decisions(&engine, &principal, &filter, before, LIMIT).await?;
    let figures = match before {
        None => engine::history::decision_figures(&engine, &principal, &filter).await?,
        // They stand above the first page, and are the same for every other.
        Some(_) => Vec::new(),
    };
    Ok(DecisionLog { page, figures })
}
