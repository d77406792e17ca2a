//! Requests that too few people can sign: told at once, and never met by asking for fewer.

use model::id::ApprovalId;
use sqlx::PgConnection;

use super::asked::in_circles;
use super::circle::People;
use crate::Result;

/// A request whose policy asks for more signatures than can be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutOfReach {
    pub approval: ApprovalId,
    pub plan: Option<String>,
    pub task: String,
    /// How many have been given.
    pub signed: u32,
    /// How many are missing.
    pub wanted: usize,
    /// How many can still be given.
    pub left: usize,
}

/// Those of these requests that too few can sign, the oldest first. Decided ones are not.
///
/// The people count who are asked now: a chain of escalations may bring others later.
pub(crate) async fn out_of_reach(
    connection: &mut PgConnection,
    approvals: &[ApprovalId],
) -> Result<Vec<OutOfReach>> {
    let people = People::read(connection).await?;
    out_of_reach_among(connection, &people, approvals).await
}

/// The same among people who were read before.
pub(crate) async fn out_of_reach_among(
    connection: &mut PgConnection,
    people: &People,
    approvals: &[ApprovalId],
) -> Result<Vec<OutOfReach>> {
    let left = in_circles(connection, people, approvals, |gate, circle| {
        (gate.required.max(1), circle.remaining().len())
    })
    .await?;
    let ids: Vec<i64> = left.keys().map(|approval| approval.0).collect();
    let rows = sqlx::query!(
        "SELECT id, plan_name, task_name, signatures FROM approvals WHERE id = ANY($1) ORDER BY id",
        &ids
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let approval = ApprovalId(row.id);
            let (required, left) = *left.get(&approval)?;
            let signed = u32::try_from(row.signatures).unwrap_or(0);
            let wanted = usize::try_from(required.saturating_sub(signed)).unwrap_or(usize::MAX);
            (left < wanted).then_some(OutOfReach {
                approval,
                plan: row.plan_name,
                task: row.task_name,
                signed,
                wanted,
                left,
            })
        })
        .collect())
}

/// Those out of reach among the oldest `most` that wait: few enough for a page.
pub(crate) async fn waiting_in_vain(
    connection: &mut PgConnection,
    most: i64,
) -> Result<Vec<OutOfReach>> {
    let ids = pending_after(connection, ApprovalId(0), most).await?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    out_of_reach(connection, &ids).await
}

/// The requests that wait, after this one in the order of their numbers.
pub(crate) async fn pending_after(
    connection: &mut PgConnection,
    last: ApprovalId,
    most: i64,
) -> Result<Vec<ApprovalId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM approvals WHERE state = 'pending' AND id > $1 ORDER BY id LIMIT $2",
        last.0,
        most
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(ApprovalId).collect())
}

/// Which of `places` are taken where as many offers as possible take one each of theirs.
///
/// By augmenting paths: an offer takes a place whose taker can move to another one.
pub(super) fn most_taken(offers: &[Vec<usize>], places: usize) -> Vec<bool> {
    let mut taker: Vec<Option<usize>> = vec![None; places];
    for offer in 0..offers.len() {
        let mut seen = vec![false; places];
        place(offers, offer, &mut taker, &mut seen);
    }
    taker.iter().map(Option::is_some).collect()
}

fn place(
    offers: &[Vec<usize>],
    offer: usize,
    taker: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    for &wanted in &offers[offer] {
        if std::mem::replace(&mut seen[wanted], true) {
            continue;
        }
        let is_free = match taker[wanted] {
            None => true,
            Some(other) => place(offers, other, taker, seen),
        };
        if is_free {
            taker[wanted] = Some(offer);
            return true;
        }
    }
    false
}
