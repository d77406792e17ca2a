//! The loop of the channel `mail`: takes what is due, renders it, hands it over.
//!
//! Every message has a connection and a limit of time of its own, and a place in flight is
//! filled as soon as it is free: an address whose server hangs holds up nobody else's mail.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use lettre::Address;
use model::id::AccountId;
use sqlx::PgConnection;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::cause::Cause;
use super::compose::{Composed, Reader, compose};
use super::disable::disable;
use super::recipient::{Recipient, recipient};
use super::smtp::{Parcel, Reason, Refusal, hand_over};
use super::{folder, message, times, write};
use crate::notify::outbox::{PATIENCE, pause};
use crate::{Engine, Result};

/// How many messages are under way at once.
const IN_FLIGHT: usize = 8;
/// While a message is under way nobody else takes it: eight steps of the usual limit, and more.
const UNDER_WAY: Duration = Duration::from_secs(300);
/// How often the loop looks when nothing tells it to.
const POLL: Duration = Duration::from_secs(2);
/// How often it looks whose daily message is due.
const DIGESTS: Duration = Duration::from_secs(15);

/// A message taken for one try.
struct Due {
    id: i64,
    account: AccountId,
    payload: serde_json::Value,
    tries: i32,
    created_at: DateTime<Utc>,
    given_up_next: bool,
}

/// What came of a try.
enum Outcome {
    Sent {
        subject: String,
        text: String,
    },
    /// The person's quiet hours.
    Wait(DateTime<Utc>),
    /// Nothing to say any more, or nobody to say it to.
    Dropped(String),
    Later(Reason),
    BadAddress {
        address: String,
        reason: Reason,
    },
}

/// Delivers mail until told to stop. A failing database is logged and tried again.
pub async fn deliver(engine: &Engine, stop: CancellationToken) {
    tokio::join!(messages(engine, &stop), digests(engine, &stop));
}

/// One pass over what is due, for whoever waits for its end; returns how many were taken.
pub async fn deliver_due(engine: &Engine) -> Result<usize> {
    let due = take(engine, IN_FLIGHT).await?;
    let taken = due.len();
    let mut under_way: FuturesUnordered<_> = due
        .into_iter()
        .map(|message| try_one(engine, message))
        .collect();
    while let Some(outcome) = under_way.next().await {
        outcome?;
    }
    Ok(taken)
}

async fn messages(engine: &Engine, stop: &CancellationToken) {
    // Tasks of their own: they go on while this one waits for a connection of the pool.
    let mut under_way = JoinSet::new();
    while !stop.is_cancelled() {
        let free = IN_FLIGHT - under_way.len();
        let due = match take(engine, free).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(channel = "mail", %error, "the outbox could not be read");
                Vec::new()
            }
        };
        let filled = due.len() == free;
        for message in due {
            let engine = engine.clone();
            under_way.spawn(async move { try_one(&engine, message).await });
        }
        // Full: the next look follows the next end. Otherwise it also follows the clock.
        tokio::select! {
            () = stop.cancelled() => {}
            Some(outcome) = under_way.join_next() => note(outcome),
            () = tokio::time::sleep(POLL), if !filled => {}
        }
    }
    // What is under way is finished and recorded, so that it is not sent again.
    while let Some(outcome) = under_way.join_next().await {
        note(outcome);
    }
}

/// A try that could not be recorded is taken again once its time under way is over.
fn note(outcome: std::result::Result<Result<()>, JoinError>) {
    let error = match outcome {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the try panicked".to_owned(),
    };
    tracing::warn!(channel = "mail", %error, "what came of a message could not be recorded");
}

async fn digests(engine: &Engine, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = super::write_due_digests(engine).await {
            tracing::warn!(channel = "mail", %error, "daily messages could not be written");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(DIGESTS) => {}
        }
    }
}

/// Takes a slice and commits at once: no transaction stays open while a server thinks.
async fn take(engine: &Engine, most: usize) -> Result<Vec<Due>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    if most == 0 {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!(
        r#"UPDATE outbox
           SET tries = tries + 1, next_try_at = watchbill_now() + make_interval(secs => $2)
           WHERE id = ANY(ARRAY(
               SELECT id FROM outbox
               WHERE channel = 'mail' AND NOT for_digest AND next_try_at <= watchbill_now()
                 AND delivered_at IS NULL AND abandoned_at IS NULL
               ORDER BY next_try_at, id
               LIMIT $1
               FOR UPDATE SKIP LOCKED))
           RETURNING id, recipient_account_id AS "account!", payload, tries, created_at,
               created_at < watchbill_now() - make_interval(secs => $3) AS "given_up_next!""#,
        most,
        UNDER_WAY.as_secs_f64(),
        PATIENCE.as_secs_f64(),
    )
    .fetch_all(&engine.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Due {
            id: row.id,
            account: AccountId(row.account),
            payload: row.payload,
            tries: row.tries,
            created_at: row.created_at,
            given_up_next: row.given_up_next,
        })
        .collect())
}

async fn try_one(engine: &Engine, due: Due) -> Result<()> {
    let outcome = send(engine, &due).await?;
    let word = match &outcome {
        Outcome::Sent { .. } => "delivered",
        Outcome::Wait(_) => "postponed",
        Outcome::Dropped(_) => "dropped",
        Outcome::Later(_) if !due.given_up_next => "failed",
        Outcome::Later(_) | Outcome::BadAddress { .. } => "abandoned",
    };
    metrics::counter!("watchbill_outbox_tries_total", "channel" => "mail", "outcome" => word)
        .increment(1);
    match outcome {
        Outcome::Sent { subject, text } => delivered(engine, &due, &subject, &text).await,
        Outcome::Wait(until) => postpone(engine, &due, until).await,
        Outcome::Dropped(reason) => end(engine, &due, &reason, true).await,
        Outcome::Later(reason) => {
            // The step and the server's number, never an address or a login.
            let step = reason.text.split(':').next().unwrap_or_default();
            tracing::warn!(
                outbox.id = due.id,
                channel = "mail",
                tries = due.tries,
                step,
                reply = reason.code,
                "message {} was not delivered",
                due.id
            );
            if due.given_up_next {
                end(engine, &due, &reason.text, false).await
            } else {
                back_off(engine, &due, &reason.text).await
            }
        }
        Outcome::BadAddress { address, reason } => {
            disable(engine, due.account, &address, &reason).await?;
            end(engine, &due, &reason.text, false).await
        }
    }
}

async fn send(engine: &Engine, due: &Due) -> Result<Outcome> {
    let cause: Cause = match serde_json::from_value(due.payload.clone()) {
        Ok(cause) => cause,
        // A newer version wrote it; that one will send it.
        Err(_) => {
            return Ok(Outcome::Later(Reason::unanswered(
                "this version does not know such messages",
            )));
        }
    };
    let (recipient, now, composed) = {
        let mut connection = engine.pool.acquire().await?;
        let recipient = match recipient(&mut connection, due.account).await? {
            Ok(recipient) => recipient,
            Err(reason) => return Ok(Outcome::Dropped(reason.to_owned())),
        };
        let now = write::now(&mut connection).await?;
        if let Some(until) = quiet(&mut connection, &recipient, &cause, now).await? {
            return Ok(Outcome::Wait(until));
        }
        let reader = Reader::new(&recipient, &engine.settings.mail.base_url, now);
        let composed = compose(engine, &mut connection, &reader, &cause, due.id).await?;
        (recipient, now, composed)
    };
    match composed {
        Ok(composed) => hand(engine, due, &recipient, composed, now).await,
        Err(reason) => Ok(Outcome::Dropped(reason)),
    }
}

/// The end of the person's quiet hours, where the message can wait for it. Whoever chose an
/// hour for the daily message meant it; a request that ends before they do is told at once.
async fn quiet(
    connection: &mut PgConnection,
    recipient: &Recipient,
    cause: &Cause,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>> {
    let preferences = &recipient.preferences;
    let hours = preferences
        .quiet
        .filter(|_| !matches!(cause, Cause::Digest { .. }));
    let zone = times::zone_of(preferences);
    let Some(until) = hours.and_then(|hours| times::quiet_until(hours, &zone, now)) else {
        return Ok(None);
    };
    let deadline = write::deadline(connection, cause).await?;
    Ok(Some(until).filter(|until| deadline.is_none_or(|deadline| *until < deadline)))
}

async fn hand(
    engine: &Engine,
    due: &Due,
    recipient: &Recipient,
    composed: Composed,
    now: DateTime<Utc>,
) -> Result<Outcome> {
    let settings = &engine.settings.mail;
    let bad = |reason: Reason| Outcome::BadAddress {
        address: recipient.email.clone(),
        reason,
    };
    let Ok(to) = recipient.email.parse::<Address>() else {
        return Ok(bad(Reason::unanswered("it is no mail address")));
    };
    let Ok(from) = message::sender(&settings.from) else {
        return Ok(Outcome::Later(Reason::unanswered(
            "the configured sender is no mail address",
        )));
    };
    let reader = Reader::new(recipient, &settings.base_url, now);
    // Stable over all tries, and another one after a restored backup counts ids again.
    let id = format!("mail-{}-{}", due.created_at.timestamp_micros(), due.id);
    let around = message::Around {
        id: &id,
        thread: composed.thread.as_deref(),
        from: &from,
        to: &to,
        at: now,
        account_page: &reader.account_page(),
    };
    let mail = match message::build(&composed.letter, &around) {
        Ok(mail) => mail.formatted(),
        Err(error) => {
            let reason = Reason::unanswered(format!("cannot be written: {error}"));
            return Ok(Outcome::Later(reason));
        }
    };
    let handed = match (&settings.smtp, &settings.folder) {
        (Some(smtp), _) => {
            let parcel = Parcel {
                from: &from.email,
                to: &to,
                mail: &mail,
            };
            hand_over(settings, smtp, &parcel, &mut Vec::new()).await
        }
        (None, Some(path)) => {
            let (path, name) = (path.clone(), format!("{id}.eml"));
            tokio::task::spawn_blocking(move || folder::write(&path, &name, &mail))
                .await
                .map_err(anyhow::Error::new)?
                .map_err(|error| Refusal::Later(Reason::unanswered(format!("{error:#}"))))
        }
        (None, None) => {
            let reason = Reason::unanswered("no mail server is configured");
            Err(Refusal::Later(reason))
        }
    };
    Ok(match handed {
        Ok(()) => Outcome::Sent {
            subject: composed.letter.subject(),
            text: composed.letter.plain(),
        },
        Err(Refusal::Later(reason)) => Outcome::Later(reason),
        Err(Refusal::Address(reason)) => bad(reason),
    })
}

async fn delivered(engine: &Engine, due: &Due, subject: &str, text: &str) -> Result<()> {
    sqlx::query!(
        "UPDATE outbox
         SET delivered_at = watchbill_now(), last_error = NULL,
             sent_subject = CASE WHEN id = $1 THEN $2 END, sent_text = CASE WHEN id = $1 THEN $3 END
         WHERE (id = $1 OR digest_id = $1) AND delivered_at IS NULL",
        due.id,
        subject,
        text,
    )
    .execute(&engine.pool)
    .await?;
    Ok(())
}

/// Guarded by the try's number: a later try of another process is not overwritten.
async fn back_off(engine: &Engine, due: &Due, reason: &str) -> Result<()> {
    let pause = pause(due.tries, None, engine.random.fraction());
    sqlx::query!(
        "UPDATE outbox SET last_error = $3, next_try_at = watchbill_now() + make_interval(secs => $4)
         WHERE id = $1 AND tries = $2 AND delivered_at IS NULL AND abandoned_at IS NULL",
        due.id,
        due.tries,
        reason,
        pause.as_secs_f64(),
    )
    .execute(&engine.pool)
    .await?;
    Ok(())
}

async fn postpone(engine: &Engine, due: &Due, until: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE outbox SET next_try_at = $3, tries = tries - 1
         WHERE id = $1 AND tries = $2 AND delivered_at IS NULL AND abandoned_at IS NULL",
        due.id,
        due.tries,
        until,
    )
    .execute(&engine.pool)
    .await?;
    Ok(())
}

/// Ends the message unsent, with what it would have told of.
async fn end(engine: &Engine, due: &Due, reason: &str, needless: bool) -> Result<()> {
    sqlx::query!(
        "UPDATE outbox SET abandoned_at = watchbill_now(), last_error = $3, needless = $4
         WHERE ((id = $1 AND tries = $2) OR digest_id = $1)
           AND delivered_at IS NULL AND abandoned_at IS NULL",
        due.id,
        due.tries,
        reason,
        needless,
    )
    .execute(&engine.pool)
    .await?;
    Ok(())
}
