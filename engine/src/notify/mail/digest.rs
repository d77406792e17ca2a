//! The one message of a local day, for people who asked for that.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use model::id::{AccountId, ApprovalId};
use model::notify::{NotifyMode, Preferences};
use sqlx::PgConnection;

use super::cause::Cause;
use super::recipient::reachable;
use super::times::{digest_due, zone_of};
use super::write::now;
use crate::approvals::asked_each;
use crate::notify::preferences;
use crate::{Engine, Result};

/// How many requests a digest looks at; those with the nearest deadline come first.
const REQUESTS: i64 = 200;

/// Writes the digests whose hour has come in their reader's zone; returns how many had
/// something to tell.
pub async fn write_due_digests(engine: &Engine) -> Result<u64> {
    let mut connection = engine.pool.acquire().await?;
    let people = sqlx::query!(
        r#"SELECT a.id, (SELECT max(d.local_date) FROM mail_digests d WHERE d.account_id = a.id) AS last_date
           FROM accounts a
           WHERE a.notify_mode = 'digest' AND a.disabled_at IS NULL AND a.email IS NOT NULL
             AND a.email_disabled_at IS NULL
           ORDER BY a.id"#
    )
    .fetch_all(&mut *connection)
    .await?;
    let last_dates: HashMap<AccountId, Option<NaiveDate>> = people
        .into_iter()
        .map(|person| (AccountId(person.id), person.last_date))
        .collect();
    let accounts: Vec<AccountId> = last_dates.keys().copied().collect();
    let readers = reachable(&mut connection, &accounts).await?;
    let now = now(&mut connection).await?;
    let mut open = None;
    let mut to_write = Vec::new();
    for reader in readers {
        let account = reader.account;
        let Some(date) = due(&reader.preferences, now) else {
            continue;
        };
        let last = last_dates.get(&account).copied().flatten();
        if last.is_some_and(|last| last >= date) {
            continue;
        }
        let open = match &mut open {
            Some(open) => open,
            empty => empty.insert(open_requests(&mut connection).await?),
        };
        let asks = open.iter().any(|(_, people)| people.contains(&account));
        to_write.push((account, date, asks));
    }
    // Given back before another one is asked for.
    drop(connection);
    let mut written = 0;
    for (account, date, asks) in to_write {
        written += u64::from(write_one(engine, account, date, asks).await?);
    }
    Ok(written)
}

/// The requests that this digest of a person lists now, by deadline.
pub(super) async fn requests_for(
    connection: &mut PgConnection,
    account: AccountId,
    digest: i64,
) -> Result<Vec<ApprovalId>> {
    let open = open_requests(connection).await?;
    let mut requests: Vec<ApprovalId> = open
        .into_iter()
        .filter(|(_, people)| people.contains(&account))
        .map(|(approval, _)| approval)
        .collect();
    // What was put off until this message is told, however many others wait before it.
    let put_off = sqlx::query_scalar!(
        r#"SELECT DISTINCT p.id AS "id!" FROM outbox o JOIN approvals p ON p.id = (o.payload ->> 'approval')::bigint
           WHERE o.digest_id = $1 AND p.state = 'pending' ORDER BY 1 LIMIT $2"#,
        digest,
        REQUESTS
    )
    .fetch_all(&mut *connection)
    .await?;
    let put_off: Vec<ApprovalId> = put_off.into_iter().map(ApprovalId).collect();
    let asked = asked_each(connection, &put_off).await?;
    for approval in put_off {
        let is_asked = asked
            .get(&approval)
            .is_some_and(|people| people.contains(&account));
        if is_asked && !requests.contains(&approval) {
            requests.push(approval);
        }
    }
    Ok(requests)
}

/// Where today's hour has passed already, the first digest is tomorrow's.
pub(super) async fn begin_tomorrow(
    connection: &mut PgConnection,
    account: AccountId,
) -> Result<()> {
    let chosen = preferences::read(connection, account).await?;
    let now = now(connection).await?;
    if let Some(date) = due(&chosen, now) {
        sqlx::query!(
            "INSERT INTO mail_digests (account_id, local_date) VALUES ($1, $2)
             ON CONFLICT ON CONSTRAINT mail_digests_pkey DO NOTHING",
            account.0,
            date
        )
        .execute(connection)
        .await?;
    }
    Ok(())
}

fn due(chosen: &Preferences, now: DateTime<Utc>) -> Option<NaiveDate> {
    if chosen.mode != NotifyMode::Digest {
        return None;
    }
    digest_due(chosen.digest_hour, &zone_of(chosen), now)
}

/// Every open request with whom it is put to, by deadline.
async fn open_requests(connection: &mut PgConnection) -> Result<Vec<(ApprovalId, Vec<AccountId>)>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM approvals WHERE state = 'pending' ORDER BY expires_at NULLS LAST, id LIMIT $1",
        REQUESTS
    )
    .fetch_all(&mut *connection)
    .await?;
    let ids: Vec<ApprovalId> = ids.into_iter().map(ApprovalId).collect();
    let mut asked = asked_each(connection, &ids).await?;
    Ok(ids
        .into_iter()
        .map(|id| (id, asked.remove(&id).unwrap_or_default()))
        .collect())
}

/// The day's row, and the message where there is something to tell; says whether there was.
async fn write_one(
    engine: &Engine,
    account: AccountId,
    date: NaiveDate,
    asks: bool,
) -> Result<bool> {
    let mut transaction = engine.pool.begin().await?;
    let first = sqlx::query!(
        "INSERT INTO mail_digests (account_id, local_date) VALUES ($1, $2)
         ON CONFLICT ON CONSTRAINT mail_digests_pkey DO NOTHING",
        account.0,
        date
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if first == 0 {
        return Ok(false);
    }
    let collected = sqlx::query_scalar!(
        "SELECT id FROM outbox
         WHERE recipient_account_id = $1 AND for_digest AND digest_id IS NULL
           AND delivered_at IS NULL AND abandoned_at IS NULL
         FOR UPDATE",
        account.0
    )
    .fetch_all(&mut *transaction)
    .await?;
    if !collected.is_empty() || asks {
        let cause = Cause::Digest { date };
        let payload = serde_json::to_value(&cause).map_err(anyhow::Error::new)?;
        let id = sqlx::query_scalar!(
            "INSERT INTO outbox (channel, dedup_key, payload, recipient_account_id) VALUES ('mail', $1, $2, $3)
             RETURNING id",
            format!("{}/account/{account}", cause.key()),
            payload,
            account.0
        )
        .fetch_one(&mut *transaction)
        .await?;
        sqlx::query!(
            "UPDATE outbox SET digest_id = $2 WHERE id = ANY($1)",
            &collected,
            id
        )
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    Ok(!collected.is_empty() || asks)
}
