//! Requests that too few people can sign: the admins are told, once a request.

use model::id::ApprovalId;
use sqlx::PgConnection;

use crate::approvals::{People, out_of_reach, out_of_reach_among, pending_after};
use crate::notify::mail;
use crate::{Engine, Result};

/// How many requests are looked at together.
const BATCH: i64 = 500;

/// Tells the admins of each of these requests that too few can sign.
pub(crate) async fn tell_if_out_of_reach(
    engine: &Engine,
    connection: &mut PgConnection,
    approvals: &[ApprovalId],
) -> Result<()> {
    if !mail::goes_somewhere(engine) {
        return Ok(());
    }
    for found in out_of_reach(connection, approvals).await? {
        mail::approval_out_of_reach(connection, engine, found.approval).await?;
    }
    Ok(())
}

/// The same of all that wait, after a change of who may sign, in its transaction; returns
/// how many there are.
pub(super) async fn tell_of_all_out_of_reach(
    engine: &Engine,
    connection: &mut PgConnection,
) -> Result<u64> {
    if !mail::goes_somewhere(engine) {
        return Ok(0);
    }
    let people = People::read(connection).await?;
    let mut last = ApprovalId(0);
    let mut told = 0;
    loop {
        let ids = pending_after(connection, last, BATCH).await?;
        let Some(newest) = ids.last() else {
            return Ok(told);
        };
        last = *newest;
        for found in out_of_reach_among(connection, &people, &ids).await? {
            mail::approval_out_of_reach(connection, engine, found.approval).await?;
            told += 1;
        }
    }
}

/// Finds the requests that nobody's change put out of reach, such as by the end of a
/// delegation; returns how many are out of reach. The admins hear of each once.
pub async fn watch_quorums(engine: &Engine) -> Result<u64> {
    let mut transaction = engine.pool.begin().await?;
    let found = tell_of_all_out_of_reach(engine, &mut transaction).await?;
    transaction.commit().await?;
    Ok(found)
}
