use std::time::Duration;

use engine::identity::principal_of_session;
use engine::identity::sessions::{logout, prune};
use model::identity::Role;
use secrecy::ExposeSecret;
use sqlx::PgPool;

use super::{PASSWORD, account, audited, count, try_login};
use crate::support::{engine, move_clock};

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_value_is_stored_hashed_and_ends_with_logout(pool: PgPool) {
    let engine = engine(pool);
    account(&engine, "marie", &[Role::Viewer]).await;
    let session = try_login(&engine, "marie", PASSWORD).await.unwrap().session;
    let value = session.value.expose_secret();
    assert_eq!(value.len(), 43, "256 bits");
    let stored: Vec<u8> = sqlx::query_scalar("SELECT token_hash FROM sessions")
        .fetch_one(&engine.pool)
        .await
        .unwrap();
    assert_eq!(stored.len(), 32);
    assert_ne!(stored, value.as_bytes());
    let marie = principal_of_session(&engine, value)
        .await
        .unwrap()
        .expect("it is live");
    assert_eq!(marie.name, "marie");
    assert!(logout(&engine, value).await.unwrap());
    assert!(!logout(&engine, value).await.unwrap(), "again is no error");
    assert_eq!(principal_of_session(&engine, value).await.unwrap(), None);
    assert_eq!(
        audited(&engine).await,
        ["account.create", "session.login", "session.logout"]
    );
    for wrong in ["", "x", "\0", "' OR 1=1 --"] {
        assert_eq!(principal_of_session(&engine, wrong).await.unwrap(), None);
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn twelve_idle_hours_end_a_session(pool: PgPool) {
    let engine = engine(pool);
    account(&engine, "marie", &[Role::Viewer]).await;
    let session = try_login(&engine, "marie", PASSWORD).await.unwrap().session;
    let value = session.value.expose_secret();
    move_clock(&engine, Duration::from_secs(11 * HOUR)).await;
    assert!(
        principal_of_session(&engine, value)
            .await
            .unwrap()
            .is_some()
    );
    move_clock(&engine, Duration::from_secs(22 * HOUR)).await;
    assert!(
        principal_of_session(&engine, value)
            .await
            .unwrap()
            .is_some(),
        "seen eleven hours ago"
    );
    move_clock(&engine, Duration::from_secs(34 * HOUR + MINUTE)).await;
    assert_eq!(principal_of_session(&engine, value).await.unwrap(), None);
    assert_eq!(prune(&engine).await.unwrap(), 1);
    assert_eq!(count(&engine, "SELECT count(*) FROM sessions").await, 0);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn seven_days_end_a_session_in_use(pool: PgPool) {
    let engine = engine(pool);
    account(&engine, "marie", &[Role::Viewer]).await;
    let session = try_login(&engine, "marie", PASSWORD).await.unwrap().session;
    let value = session.value.expose_secret();
    for step in 1..=16 {
        move_clock(&engine, Duration::from_secs(step * 10 * HOUR)).await;
        assert!(
            principal_of_session(&engine, value)
                .await
                .unwrap()
                .is_some(),
            "{step}"
        );
    }
    move_clock(&engine, Duration::from_secs(7 * 24 * HOUR + MINUTE)).await;
    assert_eq!(principal_of_session(&engine, value).await.unwrap(), None);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn last_seen_is_written_at_most_once_a_minute(pool: PgPool) {
    let engine = engine(pool);
    account(&engine, "marie", &[Role::Viewer]).await;
    let session = try_login(&engine, "marie", PASSWORD).await.unwrap().session;
    let value = session.value.expose_secret();
    let version = async || count(&engine, "SELECT xmin::text::bigint FROM sessions").await;
    let first = version().await;
    for _ in 0..5 {
        principal_of_session(&engine, value).await.unwrap();
    }
    assert_eq!(version().await, first);
    move_clock(&engine, Duration::from_secs(MINUTE + 1)).await;
    principal_of_session(&engine, value).await.unwrap();
    let second = version().await;
    assert_ne!(second, first);
    principal_of_session(&engine, value).await.unwrap();
    assert_eq!(version().await, second);
    assert_eq!(prune(&engine).await.unwrap(), 0);
}
