use model::id::{ApprovalId, TaskId};
use secrecy::SecretString;
use sqlx::PgPool;

use super::super::receiver::{Answer, Receiver, nobody};
use super::super::{AwaitingApproval, awaiting_approval};
use super::*;
use crate::Settings;

fn engine(pool: PgPool, settings: Settings) -> Engine {
    // The receivers of these tests are on this machine.
    let webhook_allow = vec!["127.0.0.0/8".parse().unwrap()];
    Engine::new(
        pool,
        Settings {
            webhook_allow,
            ..settings
        },
    )
}

async fn task(engine: &Engine) -> TaskId {
    let id = sqlx::query_scalar!(
        "INSERT INTO tasks (name, origin, state, version) VALUES ('seo.validate', 'native', 'awaiting_approval', 1)
         RETURNING id"
    )
    .fetch_one(&engine.pool)
    .await
    .unwrap();
    TaskId(id)
}

async fn ask(engine: &Engine, approval: i64, task_id: TaskId, already_notified: bool) {
    let mut conn = engine.pool.acquire().await.unwrap();
    let facts = AwaitingApproval {
        approval: ApprovalId(approval),
        task_id,
        task: "seo.validate",
        run_id: Some("nightly-2025-01-15"),
        outputs_uri: Some("https://github.com/user/repo/pull/123"),
        log_excerpt: Some("..."),
        already_notified,
    };
    awaiting_approval(&mut conn, &engine.settings, &facts)
        .await
        .unwrap();
}

/// Makes every waiting message due, as time would.
async fn let_time_pass(engine: &Engine) {
    sqlx::query!("UPDATE outbox SET next_try_at = watchbill_now()")
        .execute(&engine.pool)
        .await
        .unwrap();
}

async fn notified_at(engine: &Engine, task: TaskId) -> Option<DateTime<Utc>> {
    sqlx::query_scalar!(
        "SELECT webhook_notified_at FROM tasks WHERE id = $1",
        task.0
    )
    .fetch_one(&engine.pool)
    .await
    .unwrap()
}

#[derive(Debug)]
struct Row {
    channel: String,
    tries: i32,
    delivered: bool,
    abandoned: bool,
    last_error: Option<String>,
    pause_seconds: f64,
}

async fn rows(engine: &Engine) -> Vec<Row> {
    sqlx::query_as!(
        Row,
        r#"SELECT channel, tries, delivered_at IS NOT NULL AS "delivered!",
               abandoned_at IS NOT NULL AS "abandoned!", last_error,
               extract(epoch FROM next_try_at - watchbill_now())::float8 AS "pause_seconds!"
           FROM outbox ORDER BY id"#
    )
    .fetch_all(&engine.pool)
    .await
    .unwrap()
}

fn slack_to(url: &str) -> Settings {
    Settings {
        slack_webhook: Some(SecretString::from(url)),
        ..Settings::default()
    }
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn a_failed_delivery_is_tried_again_and_recorded_once(pool: PgPool) {
    let receiver = Receiver::answering(&[Answer::Status(500), Answer::Status(200)]).await;
    let engine = engine(pool, slack_to(&receiver.url));
    let task = task(&engine).await;
    ask(&engine, 1, task, false).await;

    assert_eq!(deliver_due(&engine, Channel::Slack).await.unwrap(), 1);
    let [row] = &rows(&engine).await[..] else {
        panic!("one message")
    };
    assert!(!row.delivered && !row.abandoned, "{row:?}");
    assert_eq!(row.last_error.as_deref(), Some("the receiver answered 500"));
    assert!((2.0..=5.5).contains(&row.pause_seconds), "{row:?}");
    assert_eq!(notified_at(&engine, task).await, None);
    assert_eq!(
        deliver_due(&engine, Channel::Slack).await.unwrap(),
        0,
        "not due yet"
    );

    let_time_pass(&engine).await;
    assert_eq!(deliver_due(&engine, Channel::Slack).await.unwrap(), 1);
    let [row] = &rows(&engine).await[..] else {
        panic!("one message")
    };
    assert!(
        row.delivered && row.tries == 2 && row.last_error.is_none(),
        "{row:?}"
    );
    assert!(notified_at(&engine, task).await.is_some());

    let_time_pass(&engine).await;
    assert_eq!(
        deliver_due(&engine, Channel::Slack).await.unwrap(),
        0,
        "delivered once"
    );
    assert_eq!(receiver.received().len(), 2);
    assert_eq!(
        receiver.received()[1].body,
        r#"{"text":"Task seo.validate awaiting approval: https://github.com/user/repo/pull/123"}"#
    );
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn a_receiver_says_when_to_come_back(pool: PgPool) {
    let receiver = Receiver::answering(&[Answer::With(429, "retry-after", "600")]).await;
    let engine = engine(pool, slack_to(&receiver.url));
    let task = task(&engine).await;
    ask(&engine, 1, task, false).await;
    deliver_due(&engine, Channel::Slack).await.unwrap();
    let [row] = &rows(&engine).await[..] else {
        panic!("one message")
    };
    assert!((590.0..=600.5).contains(&row.pause_seconds), "{row:?}");
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn a_refusal_is_final_and_an_old_message_is_given_up(pool: PgPool) {
    let receiver = Receiver::answering(&[Answer::Status(404), Answer::Status(503)]).await;
    let engine = engine(pool, slack_to(&receiver.url));
    let task = task(&engine).await;
    ask(&engine, 1, task, false).await;
    deliver_due(&engine, Channel::Slack).await.unwrap();
    let [row] = &rows(&engine).await[..] else {
        panic!("one message")
    };
    assert!(row.abandoned, "{row:?}");
    assert_eq!(row.last_error.as_deref(), Some("the receiver answered 404"));

    ask(&engine, 2, task, false).await;
    sqlx::query!("UPDATE outbox SET created_at = created_at - interval '73 hours'")
        .execute(&engine.pool)
        .await
        .unwrap();
    deliver_due(&engine, Channel::Slack).await.unwrap();
    let [_, row] = &rows(&engine).await[..] else {
        panic!("two messages")
    };
    assert!(
        row.abandoned && row.last_error.as_deref() == Some("the receiver answered 503"),
        "{row:?}"
    );
    assert_eq!(notified_at(&engine, task).await, None);
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn one_cause_is_told_once_a_channel(pool: PgPool) {
    let receiver = Receiver::answering(&[Answer::Status(200)]).await;
    let settings = Settings {
        slack_webhook: Some(SecretString::from(receiver.url.clone())),
        email_webhook: Some(SecretString::from(receiver.url.clone())),
        generic_webhook: Some(SecretString::from(receiver.url.clone())),
        ..Settings::default()
    };
    let engine = engine(pool, settings);
    let task = task(&engine).await;
    for _ in 0..3 {
        ask(&engine, 1, task, false).await;
    }
    let channels: Vec<String> = rows(&engine)
        .await
        .into_iter()
        .map(|row| row.channel)
        .collect();
    assert_eq!(channels, ["slack", "email_webhook", "webhook"]);
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn what_a_reporter_told_itself_is_not_told_again(pool: PgPool) {
    let receiver = Receiver::answering(&[Answer::Status(200)]).await;
    let settings = Settings {
        generic_webhook: Some(SecretString::from(receiver.url.clone())),
        email_webhook: Some(SecretString::from(receiver.url.clone())),
        ..slack_to(&receiver.url)
    };
    let engine = engine(pool, settings);
    let task = task(&engine).await;
    sqlx::query!(
        "UPDATE tasks SET webhook_notified_at = '2025-01-15T02:35:00Z' WHERE id = $1",
        task.0
    )
    .execute(&engine.pool)
    .await
    .unwrap();
    let told = notified_at(&engine, task).await;
    ask(&engine, 1, task, true).await;
    let channels: Vec<String> = rows(&engine)
        .await
        .into_iter()
        .map(|row| row.channel)
        .collect();
    assert_eq!(channels, ["webhook"]);
    deliver_due(&engine, Channel::Webhook).await.unwrap();
    assert_eq!(notified_at(&engine, task).await, told);
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn the_generic_webhook_is_signed_and_its_id_is_stable(pool: PgPool) {
    let receiver = Receiver::answering(&[Answer::Status(503), Answer::Status(204)]).await;
    let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let former = SecretString::from("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    let settings = Settings {
        generic_webhook: Some(SecretString::from(receiver.url.clone())),
        generic_webhook_secret: Some(secret.clone()),
        generic_webhook_secret_previous: Some(former.clone()),
        public_url: Some("https://night.example/".to_owned()),
        ..Settings::default()
    };
    let engine = engine(pool, settings);
    let task = task(&engine).await;
    ask(&engine, 9, task, false).await;
    deliver_due(&engine, Channel::Webhook).await.unwrap();
    let_time_pass(&engine).await;
    deliver_due(&engine, Channel::Webhook).await.unwrap();

    let [first, second] = &receiver.received()[..] else {
        panic!("two tries")
    };
    assert_eq!(first.headers["webhook-id"], second.headers["webhook-id"]);
    let timestamp: i64 = second.headers["webhook-timestamp"].parse().unwrap();
    assert_eq!(
        second.headers["webhook-signature"],
        super::super::signature::sign_with_each(
            &[&secret, &former],
            &second.headers["webhook-id"],
            timestamp,
            &second.body
        )
    );
    let body: serde_json::Value = serde_json::from_str(&second.body).unwrap();
    assert_eq!(body["type"], "task.awaiting_approval");
    assert_eq!(
        body["data"]["approval_url"],
        "https://night.example/approvals/9"
    );
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn two_servers_do_not_send_the_same_message(pool: PgPool) {
    let receiver = Receiver::answering(&[Answer::Status(200)]).await;
    let engine = engine(pool, slack_to(&receiver.url));
    let task = task(&engine).await;
    for approval in 0..20 {
        ask(&engine, approval, task, false).await;
    }
    let drain = async || {
        let mut sent = 0;
        loop {
            match deliver_due(&engine, Channel::Slack).await.unwrap() {
                0 => return sent,
                some => sent += some,
            }
        }
    };
    let (one, other, third) = tokio::join!(drain(), drain(), drain());
    assert_eq!(one + other + third, 20);
    assert_eq!(receiver.received().len(), 20);
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn one_dead_receiver_holds_up_nobody_elses(pool: PgPool) {
    let receiver = Receiver::answering(&[Answer::Status(200)]).await;
    let settings = Settings {
        slack_webhook: Some(SecretString::from(nobody().await)),
        email_webhook: Some(SecretString::from(receiver.url.clone())),
        ..Settings::default()
    };
    let engine = engine(pool, settings);
    let task = task(&engine).await;
    ask(&engine, 1, task, false).await;
    let stop = CancellationToken::new();
    let looping = deliver(&engine, stop.clone());
    let watching = async {
        while notified_at(&engine, task).await.is_none() {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    tokio::join!(looping, watching);
    let [slack, email] = &rows(&engine).await[..] else {
        panic!("two messages")
    };
    assert!(email.delivered && !slack.delivered, "{slack:?} {email:?}");
    assert_eq!(slack.last_error.as_deref(), Some("could not connect"));
}

#[test]
fn pauses_double_with_jitter_up_to_a_ceiling() {
    assert_eq!(pause(1, None, 1.0), Duration::from_secs(5));
    assert_eq!(pause(1, None, 0.0), Duration::from_millis(2500));
    assert_eq!(pause(4, None, 1.0), Duration::from_secs(40));
    assert_eq!(pause(1000, None, 1.0), LONGEST_PAUSE);
    assert_eq!(
        pause(i32::MAX, Some(Duration::from_secs(1)), 1.0),
        LONGEST_PAUSE
    );
    assert_eq!(
        pause(1, Some(Duration::from_secs(90)), 1.0),
        Duration::from_secs(90)
    );
}
