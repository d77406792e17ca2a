//! The daily message: what waits for its reader's signature, and what else the day brought.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{Datelike as _, NaiveDate};
use model::id::AccountId;
use model::plan::RiskLevel;
use sqlx::PgConnection;

use super::cause::Cause;
use super::compose::{Composed, Reader, failed_name, request_name};
use super::digest;
use super::facts::{self, Request};
use super::letter::{Block, Item};
use super::words::Words;
use crate::Result;
use crate::approvals::out_of_reach;

/// The most entries of one list.
const ENTRIES: usize = 50;

/// The message, or why there is nothing left to say.
pub(super) async fn daily(
    connection: &mut PgConnection,
    reader: &Reader<'_>,
    date: NaiveDate,
    row: i64,
) -> Result<std::result::Result<Composed, String>> {
    let words = reader.words;
    let mut requests = Vec::new();
    for approval in digest::requests_for(connection, reader.recipient.account, row).await? {
        requests.extend(facts::request(connection, approval).await?);
    }
    let mut failures = Vec::new();
    let mut held = Vec::new();
    let mut in_vain = Vec::new();
    let mut addresses: Vec<(AccountId, String, String)> = Vec::new();
    for payload in facts::collected(connection, row).await? {
        match serde_json::from_value(payload).map_err(anyhow::Error::new)? {
            Cause::TaskFailed { task, .. } => {
                failures.extend(facts::failed(connection, task).await?);
            }
            Cause::ApprovalOutOfReach { approval } => {
                // As it stands now: somebody may have been given the role.
                let still = out_of_reach(connection, &[approval]).await?;
                if let (Some(found), Some(request)) =
                    (still.first(), facts::request(connection, approval).await?)
                {
                    in_vain.push((request, (words.can_sign)(found.wanted, found.left)));
                }
            }
            Cause::AddressDisabled {
                account,
                address,
                reason,
                ..
            } => addresses.push((account, address, reason)),
            Cause::PlanHeld { version } => held.extend(facts::held(connection, version).await?),
            // Requests are listed as they stand now; of a token its person hears at once.
            Cause::TokenMade { .. }
            | Cause::ApprovalRequested { .. }
            | Cause::ApprovalReminder { .. }
            | Cause::ApprovalEscalated { .. }
            | Cause::Digest { .. } => {}
        }
    }
    if requests.is_empty()
        && failures.is_empty()
        && in_vain.is_empty()
        && addresses.is_empty()
        && held.is_empty()
    {
        return Ok(Err("nothing is left to tell".to_owned()));
    }
    let day = words.day(
        i8::try_from(date.month()).unwrap_or(1),
        i8::try_from(date.day()).unwrap_or(1),
    );
    let subject = (words.digest)(requests.len(), failures.len(), &day);
    let mut blocks = Vec::new();
    for (risk, group) in by_risk(requests) {
        blocks.push(Block::Heading(match &risk {
            Some(risk) => (words.to_sign_risk)((words.risk_level)(*risk)),
            None => words.to_sign.to_owned(),
        }));
        let items = group.iter().map(|request| Item {
            title: request_name(request),
            detail: sign_detail(reader, request),
            url: reader.approval_url(request.approval),
        });
        listed(words, items.collect(), &mut blocks);
    }
    if !in_vain.is_empty() {
        blocks.push(Block::Heading(words.too_few_can_sign.to_owned()));
        let items = in_vain.iter().map(|(request, detail)| Item {
            title: request_name(request),
            detail: detail.clone(),
            url: reader.approval_url(request.approval),
        });
        listed(words, items.collect(), &mut blocks);
    }
    if !failures.is_empty() {
        blocks.push(Block::Heading(words.failures.to_owned()));
        let items = failures.iter().map(|failed| Item {
            title: failed_name(failed),
            detail: failed.reason.clone().unwrap_or_default(),
            url: reader.task_url(failed.task),
        });
        listed(words, items.collect(), &mut blocks);
    }
    if !held.is_empty() {
        blocks.push(Block::Heading(words.held_plans.to_owned()));
        let items = held.into_iter().map(|held| Item {
            url: reader.plan_url(&held.plan),
            title: held.plan,
            detail: held.problem,
        });
        listed(words, items.collect(), &mut blocks);
    }
    if !addresses.is_empty() {
        blocks.push(Block::Heading(words.refused_addresses.to_owned()));
        let mut items = Vec::new();
        for (account, address, reason) in addresses {
            let login = facts::login(connection, account).await?;
            items.push(Item {
                title: format!("{login}: {address}"),
                detail: reason,
                url: reader.mail_page(),
            });
        }
        listed(words, items, &mut blocks);
    }
    Ok(Ok(Composed {
        letter: reader.letter(subject, blocks),
        thread: None,
    }))
}

fn sign_detail(reader: &Reader<'_>, request: &Request) -> String {
    let words = reader.words;
    let deadline = match request.expires_at {
        Some(at) => (words.until)(&reader.moment(at)),
        None => words.no_deadline.to_owned(),
    };
    match &request.summary {
        Some(summary) => format!("{deadline} · {summary}"),
        None => deadline,
    }
}

/// Groups by risk, the greatest first and what has none last; the order within, which is by
/// deadline, stays.
fn by_risk(requests: Vec<Request>) -> Vec<(Option<RiskLevel>, Vec<Request>)> {
    let mut groups: BTreeMap<Reverse<Option<RiskLevel>>, Vec<Request>> = BTreeMap::new();
    for request in requests {
        groups
            .entry(Reverse(request.risk))
            .or_default()
            .push(request);
    }
    groups
        .into_iter()
        .map(|(Reverse(risk), group)| (risk, group))
        .collect()
}

fn listed(words: &Words, mut items: Vec<Item>, blocks: &mut Vec<Block>) {
    let more = items.len().saturating_sub(ENTRIES);
    items.truncate(ENTRIES);
    blocks.push(Block::Items(items));
    if more > 0 {
        blocks.push(Block::Text((words.more)(more)));
    }
}
