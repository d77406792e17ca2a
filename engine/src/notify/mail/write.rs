//! Writing messages in the transaction of their cause: one row a person and cause.

use chrono::{DateTime, Utc};
use model::id::{AccountId, ApprovalId, PlanVersionId, TaskId, TokenId};
use model::notify::NotifyMode;
use sqlx::PgConnection;

use super::cause::Cause;
use super::recipient::{Recipient, admins, reachable};
use super::times::{next_digest, zone_of};
use crate::approvals::{acknowledged, asked};
use crate::{Engine, Result};

/// Tells those who may sign that a request was raised.
pub async fn approval_requested(
    connection: &mut PgConnection,
    engine: &Engine,
    approval: ApprovalId,
) -> Result<()> {
    if !goes_somewhere(engine) {
        return Ok(());
    }
    let to = asked(connection, approval).await?;
    write(
        connection,
        engine,
        &to,
        &Cause::ApprovalRequested { approval },
    )
    .await
}

/// Tells those who may still sign, and have not said that they know, that a request waits;
/// `number` counts from 1.
pub async fn approval_reminder(
    connection: &mut PgConnection,
    engine: &Engine,
    approval: ApprovalId,
    number: u32,
) -> Result<()> {
    if !goes_somewhere(engine) {
        return Ok(());
    }
    let cause = Cause::ApprovalReminder { approval, number };
    let mut to = asked(connection, approval).await?;
    let seen = acknowledged(connection, approval).await?;
    to.retain(|account| !seen.contains(account));
    write(connection, engine, &to, &cause).await
}

/// Tells the people of the next step that others did not answer.
pub async fn approval_escalated(
    connection: &mut PgConnection,
    engine: &Engine,
    approval: ApprovalId,
    step: u32,
    to: &[AccountId],
) -> Result<()> {
    let cause = Cause::ApprovalEscalated { approval, step };
    write(connection, engine, to, &cause).await
}

/// Tells the admins, once, that fewer people can sign a request than its policy asks for.
pub(crate) async fn approval_out_of_reach(
    connection: &mut PgConnection,
    engine: &Engine,
    approval: ApprovalId,
) -> Result<()> {
    let to = admins(connection).await?;
    write(
        connection,
        engine,
        &to,
        &Cause::ApprovalOutOfReach { approval },
    )
    .await
}

/// Tells whoever wants to know that tasks failed after their last retry, in one transaction.
pub(crate) async fn tasks_failed(
    connection: &mut PgConnection,
    engine: &Engine,
    tasks: &[TaskId],
) -> Result<()> {
    if tasks.is_empty() || !goes_somewhere(engine) {
        return Ok(());
    }
    let wanted = sqlx::query!(
        "SELECT id, failures_in_a_row FROM accounts
         WHERE failure_mail AND disabled_at IS NULL AND email IS NOT NULL
           AND email_disabled_at IS NULL AND notify_mode <> 'none'"
    )
    .fetch_all(&mut *connection)
    .await?;
    if wanted.is_empty() {
        return Ok(());
    }
    for task in tasks {
        let (attempt, in_a_row) = failures_in_a_row(connection, *task).await?;
        let to: Vec<AccountId> = wanted
            .iter()
            .filter(|person| i64::from(person.failures_in_a_row) <= in_a_row)
            .map(|person| AccountId(person.id))
            .collect();
        let cause = Cause::TaskFailed {
            task: *task,
            attempt,
            in_a_row,
        };
        write(connection, engine, &to, &cause).await?;
    }
    Ok(())
}

/// Tells the admins that a version lost a gate or a condition and that its plan is paused.
pub(crate) async fn plan_held(
    connection: &mut PgConnection,
    engine: &Engine,
    version: PlanVersionId,
) -> Result<()> {
    let to = admins(connection).await?;
    write(connection, engine, &to, &Cause::PlanHeld { version }).await
}

/// Tells a person that a token was made in their name.
pub(crate) async fn token_made(
    connection: &mut PgConnection,
    engine: &Engine,
    owner: AccountId,
    token: TokenId,
    by: &str,
) -> Result<()> {
    let by = by.to_owned();
    let cause = Cause::TokenMade { token, by };
    write(connection, engine, &[owner], &cause).await
}

/// Lets what waits follow a person's new choice.
pub(crate) async fn preferences_changed(
    connection: &mut PgConnection,
    account: AccountId,
    mode: NotifyMode,
) -> Result<()> {
    let person = reachable(connection, &[account]).await?.into_iter().next();
    let person = person.filter(|_| mode == NotifyMode::Digest);
    let now = now(connection).await?;
    let waiting = sqlx::query!(
        r#"SELECT o.id, p.expires_at AS "deadline?"
           FROM outbox o LEFT JOIN approvals p ON p.id = (o.payload->>'approval')::bigint
           WHERE o.channel = 'mail' AND o.recipient_account_id = $1 AND o.digest_id IS NULL AND o.tries = 0
             AND o.payload->>'kind' <> 'digest' AND o.delivered_at IS NULL AND o.abandoned_at IS NULL
           ORDER BY o.id
           FOR UPDATE OF o"#,
        account.0,
    )
    .fetch_all(&mut *connection)
    .await?;
    let ids: Vec<i64> = waiting.iter().map(|row| row.id).collect();
    let digests: Vec<Option<DateTime<Utc>>> = waiting
        .iter()
        .map(|row| waits_for_digest(person.as_ref()?, row.deadline, now))
        .collect();
    // What the digest is too late for goes at once.
    sqlx::query!(
        "UPDATE outbox o
         SET for_digest = g.digest IS NOT NULL, next_try_at = coalesce(g.digest, watchbill_now())
         FROM unnest($1::bigint[], $2::timestamptz[]) AS g (id, digest)
         WHERE o.id = g.id",
        &ids,
        &digests as &[Option<DateTime<Utc>>],
    )
    .execute(&mut *connection)
    .await?;
    // Whoever chooses an hour that has passed today begins tomorrow.
    super::digest::begin_tomorrow(connection, account).await
}

/// Writes a row for each person whom mail can reach; the same cause writes no second one.
pub(super) async fn write(
    connection: &mut PgConnection,
    engine: &Engine,
    to: &[AccountId],
    cause: &Cause,
) -> Result<()> {
    if !goes_somewhere(engine) {
        return Ok(());
    }
    let people = reachable(connection, to).await?;
    if people.is_empty() {
        return Ok(());
    }
    let now = now(connection).await?;
    let deadline = deadline(connection, cause).await?;
    let payload = serde_json::to_value(cause).map_err(anyhow::Error::new)?;
    let key = cause.key();
    let accounts: Vec<i64> = people.iter().map(|person| person.account.0).collect();
    let keys: Vec<String> = accounts
        .iter()
        .map(|account| format!("{key}/account/{account}"))
        .collect();
    let digests: Vec<Option<DateTime<Utc>>> = people
        .iter()
        .map(|person| waits_for_digest(person, deadline, now))
        .collect();
    sqlx::query!(
        "INSERT INTO outbox (channel, dedup_key, payload, recipient_account_id, for_digest, next_try_at)
         SELECT 'mail', g.key, $4, g.account, g.digest IS NOT NULL, coalesce(g.digest, watchbill_now())
         FROM unnest($1::text[], $2::bigint[], $3::timestamptz[]) AS g (key, account, digest)
         ON CONFLICT ON CONSTRAINT outbox_dedup_unique DO NOTHING",
        &keys,
        &accounts,
        &digests as &[Option<DateTime<Utc>>],
        payload,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The digest that a person hears of the cause in; none where they hear of it at once,
/// which is also so where the digest would come too late to answer.
fn waits_for_digest(
    person: &Recipient,
    deadline: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let preferences = &person.preferences;
    if preferences.mode != NotifyMode::Digest {
        return None;
    }
    next_digest(preferences.digest_hour, &zone_of(preferences), now)
        .filter(|digest| deadline.is_none_or(|deadline| *digest < deadline))
}

/// Whether messages have anywhere to go: a server, or a folder.
pub(crate) fn goes_somewhere(engine: &Engine) -> bool {
    let mail = &engine.settings.mail;
    mail.smtp.is_some() || mail.folder.is_some()
}

pub(super) async fn now(connection: &mut PgConnection) -> Result<DateTime<Utc>> {
    let now = sqlx::query_scalar!(r#"SELECT watchbill_now() AS "now!""#)
        .fetch_one(connection)
        .await?;
    Ok(now)
}

/// When it is too late to do what the message asks for; none where it asks for nothing.
pub(super) async fn deadline(
    connection: &mut PgConnection,
    cause: &Cause,
) -> Result<Option<DateTime<Utc>>> {
    let approval = match cause {
        Cause::ApprovalRequested { approval }
        | Cause::ApprovalReminder { approval, .. }
        | Cause::ApprovalEscalated { approval, .. }
        | Cause::ApprovalOutOfReach { approval } => *approval,
        // Whoever did not make it should hear of it before the night is over.
        Cause::TokenMade { .. } => return Ok(Some(now(connection).await?)),
        Cause::TaskFailed { .. }
        | Cause::AddressDisabled { .. }
        | Cause::PlanHeld { .. }
        | Cause::Digest { .. } => {
            return Ok(None);
        }
    };
    let deadline =
        sqlx::query_scalar!("SELECT expires_at FROM approvals WHERE id = $1", approval.0)
            .fetch_optional(connection)
            .await?;
    Ok(deadline.flatten())
}

/// Which attempt failed, and the how-manieth failure of this task of its plan it is since
/// the last success; counted no further than anybody may ask for, and no further back than
/// the last 200 failures and successes of that name: this stands in a finish's transaction.
async fn failures_in_a_row(connection: &mut PgConnection, task: TaskId) -> Result<(i32, i64)> {
    let row = sqlx::query!(
        r#"WITH me AS (
               SELECT t.id, t.name, t.attempt, t.sort_at, r.plan_id FROM tasks t LEFT JOIN runs r ON r.id = t.run
               WHERE t.id = $1
           ), recent AS (
               SELECT e.id, e.state, e.sort_at
               FROM me CROSS JOIN (VALUES ('failed'), ('succeeded')) AS wanted (state)
               CROSS JOIN LATERAL (
                   SELECT t.id, t.state, t.sort_at, t.run FROM tasks t
                   WHERE t.name = me.name AND t.state = wanted.state AND t.sort_at <= me.sort_at
                   ORDER BY t.sort_at DESC, t.id DESC LIMIT 200) e
               LEFT JOIN runs r ON r.id = e.run
               WHERE r.plan_id IS NOT DISTINCT FROM me.plan_id AND e.id <> me.id
           )
           SELECT me.attempt, least(100, (
               SELECT count(*) FROM recent
               WHERE state = 'failed' AND sort_at > coalesce(
                   (SELECT max(sort_at) FROM recent WHERE state = 'succeeded'), '-infinity'))) + 1 AS "in_a_row!"
           FROM me"#,
        task.0
    )
    .fetch_one(connection)
    .await?;
    Ok((row.attempt, row.in_a_row))
}
