//! Sending what is due: a loop a channel, so that a receiver that hangs holds up nobody else's.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::Channel;
use super::send::{Envelope, Failure, Post};
use crate::notify::mail;
use crate::{Engine, Result};

/// How many messages of a channel are under way at once.
const SLICE: i64 = 8;
/// While a message is under way nobody else takes it; well past the time one exchange may last.
const UNDER_WAY: Duration = Duration::from_secs(60);
/// How often a loop looks when nothing tells it to.
const POLL: Duration = Duration::from_secs(2);
/// The first pause after a failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 60 * 60);
/// A message that could not be delivered by then is given up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// A message taken for one try.
struct Due {
    id: i64,
    task_id: Option<i64>,
    payload: serde_json::Value,
    tries: i32,
    created_at: DateTime<Utc>,
    given_up_next: bool,
}

/// Delivers messages until told to stop. A failing database is logged and tried again.
pub async fn deliver(engine: &Engine, stop: CancellationToken) {
    let loops = Channel::ALL
        .into_iter()
        .filter(|channel| channel.is_configured(&engine.settings))
        .map(|channel| deliver_channel(engine, channel, &stop));
    tokio::join!(
        join_all(loops),
        mail::deliver(engine, stop.clone()),
        abandon_the_undeliverable(engine, &stop)
    );
}

/// One pass over a channel's due messages: takes a slice, sends it, records what came of it.
/// Returns how many were taken.
pub async fn deliver_due(engine: &Engine, channel: Channel) -> Result<usize> {
    let due = take(engine, channel).await?;
    let tries = due.iter().map(|message| try_one(engine, channel, message));
    for outcome in join_all(tries).await {
        outcome?;
    }
    Ok(due.len())
}

async fn deliver_channel(engine: &Engine, channel: Channel, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        let taken = match deliver_due(engine, channel).await {
            Ok(taken) => taken,
            Err(error) => {
                tracing::warn!(channel = channel.as_str(), %error, "the outbox could not be read");
                0
            }
        };
        if taken == 0 {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }
}

/// Gives up, once in a while, what nobody will try any more: messages of a channel that is
/// no longer configured, and mail to whom no address is left.
async fn abandon_the_undeliverable(engine: &Engine, stop: &CancellationToken) {
    let tried: Vec<String> = Channel::ALL
        .into_iter()
        .filter(|channel| channel.is_configured(&engine.settings))
        .map(|channel| channel.as_str().to_owned())
        .chain(mail::goes_somewhere(engine).then(|| "mail".to_owned()))
        .collect();
    while !stop.is_cancelled() {
        let swept = sqlx::query!(
            "UPDATE outbox o
             SET abandoned_at = watchbill_now(),
                 last_error = coalesce(last_error, CASE WHEN channel = ANY($2) THEN 'nobody can be reached with it'
                     ELSE 'no receiver is configured for this channel' END)
             WHERE delivered_at IS NULL AND abandoned_at IS NULL AND next_try_at <= watchbill_now()
               AND created_at < watchbill_now() - make_interval(secs => $1)
               AND (channel <> ALL($2) OR channel = 'mail' AND NOT EXISTS (
                   SELECT FROM accounts a WHERE a.id = o.recipient_account_id AND a.disabled_at IS NULL
                     AND a.email IS NOT NULL AND a.email_disabled_at IS NULL))",
            PATIENCE.as_secs_f64() + 2.0 * LONGEST_PAUSE.as_secs_f64(),
            &tried,
        )
        .execute(&engine.pool)
        .await;
        if let Err(error) = swept {
            tracing::warn!(%error, "the outbox could not be swept");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(600)) => {}
        }
    }
}

/// Takes a slice and commits at once: no transaction stays open while a receiver thinks.
async fn take(engine: &Engine, channel: Channel) -> Result<Vec<Due>> {
    let due = sqlx::query_as!(
        Due,
        r#"UPDATE outbox
           SET tries = tries + 1, next_try_at = watchbill_now() + make_interval(secs => $3)
           WHERE id = ANY(ARRAY(
               SELECT id FROM outbox
               WHERE channel = $1 AND next_try_at <= watchbill_now()
                 AND delivered_at IS NULL AND abandoned_at IS NULL
               ORDER BY next_try_at, id
               LIMIT $2
               FOR UPDATE SKIP LOCKED))
           RETURNING id, task_id, payload, tries, created_at,
               created_at < watchbill_now() - make_interval(secs => $4) AS "given_up_next!""#,
        channel.as_str(),
        SLICE,
        UNDER_WAY.as_secs_f64(),
        PATIENCE.as_secs_f64(),
    )
    .fetch_all(&engine.pool)
    .await?;
    Ok(due)
}

async fn try_one(engine: &Engine, channel: Channel, message: &Due) -> Result<()> {
    let outcome = post(engine, channel, message).await;
    match &outcome {
        Ok(()) => record_delivered(engine, message).await?,
        Err(failure) => record_failure(engine, message, failure).await?,
    }
    let word = match &outcome {
        Ok(()) => "delivered",
        Err(Failure::Transient { .. }) => "failed",
        Err(Failure::Permanent(_)) => "abandoned",
    };
    metrics::counter!("watchbill_outbox_tries_total", "channel" => channel.as_str(), "outcome" => word)
        .increment(1);
    if let Err(failure) = outcome {
        tracing::warn!(
            outbox.id = message.id,
            channel = channel.as_str(),
            tries = message.tries,
            error = failure.message(),
            "message {} was not delivered",
            message.id
        );
    }
    Ok(())
}

async fn post(
    engine: &Engine,
    channel: Channel,
    message: &Due,
) -> std::result::Result<(), Failure> {
    let settings = &engine.settings;
    let Some(url) = channel.receiver(settings) else {
        return Err(Failure::transient(
            "no receiver is configured for this channel",
        ));
    };
    // Stable over all tries, and another one after a restored backup counts ids again.
    let id = format!(
        "msg_{}_{}",
        message.created_at.timestamp_micros(),
        message.id
    );
    let envelope = (channel == Channel::Webhook).then(|| Envelope {
        id: &id,
        timestamp: engine.clock.now().timestamp(),
        secrets: settings
            .generic_webhook_secret
            .iter()
            .chain(&settings.generic_webhook_secret_previous)
            .collect(),
    });
    let body = message.payload.to_string();
    let post = Post {
        url,
        envelope,
        body,
    };
    engine.courier.send(post).await
}

async fn record_delivered(engine: &Engine, message: &Due) -> Result<()> {
    let mut tx = engine.pool.begin().await?;
    let recorded = sqlx::query!(
        "UPDATE outbox SET delivered_at = watchbill_now(), last_error = NULL
         WHERE id = $1 AND delivered_at IS NULL",
        message.id,
    )
    .execute(&mut *tx)
    .await?;
    if let Some(task) = message.task_id
        && recorded.rows_affected() == 1
    {
        sqlx::query!(
            "UPDATE tasks SET webhook_notified_at = watchbill_now()
             WHERE id = $1 AND webhook_notified_at IS NULL",
            task,
        )
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Guarded by the try's number: a later try of another process is not overwritten.
async fn record_failure(engine: &Engine, message: &Due, failure: &Failure) -> Result<()> {
    let pause = match failure {
        Failure::Transient { retry_after, .. } if !message.given_up_next => {
            Some(pause(message.tries, *retry_after, engine.random.fraction()))
        }
        Failure::Transient { .. } | Failure::Permanent(_) => None,
    };
    sqlx::query!(
        "UPDATE outbox
         SET last_error = $3,
             next_try_at = CASE WHEN $4::float8 IS NULL THEN next_try_at
                                ELSE watchbill_now() + make_interval(secs => $4) END,
             abandoned_at = CASE WHEN $4::float8 IS NULL THEN watchbill_now() END
         WHERE id = $1 AND tries = $2 AND delivered_at IS NULL AND abandoned_at IS NULL",
        message.id,
        message.tries,
        failure.message(),
        pause.map(|pause| pause.as_secs_f64()),
    )
    .execute(&engine.pool)
    .await?;
    Ok(())
}

/// Exponential with jitter (half to all of it), and never sooner than the receiver asked for.
pub(crate) fn pause(tries: i32, retry_after: Option<Duration>, fraction: f64) -> Duration {
    let doublings = u32::try_from(tries.saturating_sub(1)).unwrap_or(0).min(20);
    let whole = FIRST_PAUSE
        .saturating_mul(1 << doublings)
        .min(LONGEST_PAUSE);
    let jittered = whole.mul_f64(0.5 + fraction / 2.0);
    retry_after.map_or(jittered, |asked| asked.max(jittered))
}

#[cfg(test)]
#[path = "deliver_tests.rs"]
mod tests;
