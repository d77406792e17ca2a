//! The outbox as administrators see it.

use std::time::Duration;

use engine::lifecycle::act_on_due;
use engine::notify::outbox::{Channel, OutboxMessage, deliveries, enqueue, retry};
use engine::{Engine, Error, Settings};
use model::id::DeliveryId;
use model::identity::Role;
use model::plan::{EscalationStep, Gate, Signer};
use model::task::GatePhase;
use model::view::DeliveryState;
use serde_json::json;
use sqlx::PgPool;

use crate::sign_off::waiting;
use crate::support::{engine, gate, move_clock, person};

async fn message(engine: &Engine, key: &str) {
    let message = OutboxMessage {
        channel: Channel::Webhook,
        dedup_key: key.to_owned(),
        task_id: None,
        payload: json!({ "type": "task.failed", "data": "canary" }),
    };
    let mut connection = engine.pool.acquire().await.expect("a connection");
    enqueue(&mut connection, &message).await.expect("written");
}

async fn set(engine: &Engine, sql: &'static str) {
    sqlx::query(sql).execute(&engine.pool).await.expect("set");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_was_given_up_is_tried_again_once_and_audited(pool: PgPool) {
    let engine = engine(pool);
    let admin = person(&engine, "admin@example.org", &[Role::Admin]).await;
    for key in ["task/1/failed/3", "task/2/failed/3", "task/3/failed/3"] {
        message(&engine, key).await;
    }
    set(
        &engine,
        "UPDATE outbox SET abandoned_at = watchbill_now(), tries = 4, last_error = 'the receiver answered 404' WHERE id = 1",
    )
    .await;
    set(
        &engine,
        "UPDATE outbox SET delivered_at = watchbill_now() WHERE id = 2",
    )
    .await;

    let rows = deliveries(&engine, &admin).await.expect("read");
    let states: Vec<_> = rows.iter().map(|row| (row.id.0, row.state)).collect();
    assert_eq!(
        states,
        [
            (3, DeliveryState::Waiting),
            (2, DeliveryState::Delivered),
            (1, DeliveryState::Abandoned)
        ]
    );
    assert_eq!(rows[2].what, "task.failed");
    assert_eq!(rows[2].cause, "task/1/failed/3");
    assert_eq!(
        rows[2].last_error.as_deref(),
        Some("the receiver answered 404")
    );
    assert!(!format!("{rows:?}").contains("canary"));

    retry(&engine, &admin, DeliveryId(1)).await.expect("again");
    for (id, said) in [
        (1, "was not given up"),
        (2, "was delivered"),
        (3, "was not given up"),
    ] {
        let refused = retry(&engine, &admin, DeliveryId(id)).await;
        let Err(Error::Conflict(text)) = refused else {
            panic!("{id}: {refused:?}")
        };
        assert!(text.contains(said), "{text}");
    }
    let unknown = retry(&engine, &admin, DeliveryId(9)).await;
    assert!(matches!(unknown, Err(Error::NotFound(_))), "{unknown:?}");
    let audited: Vec<(String, String)> = sqlx::query_as("SELECT actor, subject FROM audit")
        .fetch_all(&engine.pool)
        .await
        .expect("the audit");
    assert_eq!(
        audited,
        [("admin@example.org".to_owned(), "delivery/1".to_owned())]
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn only_an_administrator_sees_them(pool: PgPool) {
    let engine = engine(pool);
    for role in [Role::Viewer, Role::Approver, Role::Operator] {
        let person = person(&engine, &format!("{role}@example.org"), &[role]).await;
        let read = deliveries(&engine, &person).await;
        assert!(matches!(read, Err(Error::Forbidden(_))), "{role}");
        let again = retry(&engine, &person, DeliveryId(1)).await;
        assert!(matches!(again, Err(Error::Forbidden(_))), "{role}");
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_people_are_told_again_is_told_apart_from_the_request(pool: PgPool) {
    let settings = Settings {
        slack_webhook: Some("https://slack.example/x".to_owned().into()),
        generic_webhook: Some("https://hooks.example/x".to_owned().into()),
        ..Settings::default()
    };
    let engine = Engine::new(pool, settings);
    let admin = person(&engine, "admin@example.org", &[Role::Admin]).await;
    let chain = Gate {
        remind_seconds: Some(3_600),
        escalate: vec![EscalationStep {
            after_seconds: 5_400,
            to: vec![Signer::Role(Role::Admin)],
        }],
        ..gate(GatePhase::AfterResult)
    };
    waiting(&engine, chain).await;
    for seconds in [3_660, 5_460] {
        move_clock(&engine, Duration::from_secs(seconds)).await;
        assert_eq!(act_on_due(&engine).await.expect("a pass"), 1, "{seconds}");
    }
    let rows = deliveries(&engine, &admin).await.expect("read");
    for channel in ["slack", "webhook"] {
        let told: Vec<&str> = rows
            .iter()
            .filter(|row| row.channel == channel)
            .map(|row| row.what.as_str())
            .collect();
        assert_eq!(
            told,
            [
                "approval.escalated",
                "approval.reminder",
                "task.awaiting_approval"
            ],
            "{channel}, newest first"
        );
    }
}
