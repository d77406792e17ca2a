use std::time::Duration;

use engine::identity::Presence;
use engine::identity::principal_of_session;
use engine::identity::sessions::{Origin, end_one, list, logout, logout_everywhere, prune};
use engine::identity::tokens::NewToken;
use engine::lifecycle::people::create_token;
use engine::{Error, authorise};
use model::identity::{Permission, PrincipalKind, Role, Scope};
use secrecy::ExposeSecret;
use sqlx::PgPool;

use super::{PASSWORD, account, audited, count, given_account, secret, set_password, try_login};
use crate::support::{engine, move_clock};

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_value_is_stored_hashed_and_ends_with_logout(pool: PgPool) {
    let engine = engine(pool);
    account(&engine, "approver", &[Role::Viewer]).await;
    let session = try_login(&engine, "approver", PASSWORD)
        .await
        .unwrap()
        .session;
    let value = session.value.expose_secret();
    assert_eq!(value.len(), 43, "256 bits");
    let stored: Vec<u8> = sqlx::query_scalar("SELECT token_hash FROM sessions")
        .fetch_one(&engine.pool)
        .await
        .unwrap();
    assert_eq!(stored.len(), 32);
    assert_ne!(stored, value.as_bytes());
    let approver = principal_of_session(&engine, value)
        .await
        .unwrap()
        .expect("it is live");
    assert_eq!(approver.name, "approver");
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
    account(&engine, "approver", &[Role::Viewer]).await;
    let session = try_login(&engine, "approver", PASSWORD)
        .await
        .unwrap()
        .session;
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
    account(&engine, "approver", &[Role::Viewer]).await;
    let session = try_login(&engine, "approver", PASSWORD)
        .await
        .unwrap()
        .session;
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
    account(&engine, "approver", &[Role::Viewer]).await;
    let session = try_login(&engine, "approver", PASSWORD)
        .await
        .unwrap()
        .session;
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

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_given_password_allows_nothing_but_another(pool: PgPool) {
    let engine = engine(pool);
    let id = given_account(&engine, "approver", &[Role::Admin]).await;
    let session = try_login(&engine, "approver", PASSWORD)
        .await
        .unwrap()
        .session;
    let approver = principal_of_session(&engine, session.value.expose_secret())
        .await
        .unwrap()
        .expect("it is live");
    assert_eq!(
        approver.kind,
        PrincipalKind::PendingPassword { account: id }
    );
    for permission in [Permission::Read, Permission::Decide, Permission::Administer] {
        let refused = authorise(&approver, permission).unwrap_err();
        assert!(refused.to_string().contains("choose your own"), "{refused}");
    }
    let new = NewToken {
        name: "ci".to_owned(),
        scopes: vec![Scope::Read],
        lifetime_days: None,
    };
    assert!(matches!(
        create_token(&engine, &approver, id, &new, &Presence::default()).await,
        Err(Error::Forbidden(_))
    ));

    let own = secret("a sentence that only she knows");
    let fresh = set_password(&engine, &approver, id, Some(&secret(PASSWORD)), &own)
        .await
        .unwrap()
        .expect("a session in its place");
    let approver = principal_of_session(&engine, fresh.value.expose_secret())
        .await
        .unwrap()
        .expect("it is live");
    assert_eq!(approver.kind, PrincipalKind::Session { account: id });
    authorise(&approver, Permission::Administer).unwrap();
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn one_session_ends_all_of_its_person_and_nobody_elses(pool: PgPool) {
    let engine = engine(pool);
    account(&engine, "approver", &[Role::Viewer]).await;
    account(&engine, "colleague", &[Role::Viewer]).await;
    let mut sessions = Vec::new();
    for name in ["approver", "approver", "colleague"] {
        let session = try_login(&engine, name, PASSWORD).await.unwrap().session;
        sessions.push(session.value.expose_secret().to_owned());
    }
    let approver = principal_of_session(&engine, &sessions[0])
        .await
        .unwrap()
        .expect("it is live");
    assert_eq!(
        logout_everywhere(&engine, &approver, false).await.unwrap(),
        2
    );
    let mut live = Vec::new();
    for value in &sessions {
        live.push(
            principal_of_session(&engine, value)
                .await
                .unwrap()
                .is_some(),
        );
    }
    assert_eq!(live, [false, false, true]);
    assert_eq!(
        audited(&engine).await.last().map(String::as_str),
        Some("session.logout_everywhere")
    );
    let host = super::host();
    assert!(matches!(
        logout_everywhere(&engine, &host, false).await,
        Err(Error::Forbidden(_))
    ));
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_person_sees_their_sessions_and_ends_each(pool: PgPool) {
    let engine = engine(pool);
    account(&engine, "approver", &[Role::Viewer]).await;
    account(&engine, "colleague", &[Role::Admin]).await;
    let first = try_login(&engine, "approver", PASSWORD).await.unwrap();
    let second = try_login(&engine, "approver", PASSWORD).await.unwrap();
    let other = try_login(&engine, "colleague", PASSWORD).await.unwrap();
    let person = async |value: &str| principal_of_session(&engine, value).await.unwrap();
    let approver = person(first.session.value.expose_secret()).await.unwrap();
    let origin = Origin {
        session: Some(first.session.value.clone()),
        ..Origin::default()
    };
    let seen = list(&engine, &approver, &origin).await.unwrap();
    assert_eq!(
        seen.iter().map(|it| it.is_present).collect::<Vec<_>>(),
        [true, false]
    );
    for session in &seen {
        assert_eq!(session.address.as_deref(), Some("127.0.0.1"));
        let browser = session.browser.as_ref().unwrap();
        assert_eq!(
            (browser.name.as_str(), browser.system.as_deref()),
            ("Firefox", Some("Linux"))
        );
    }
    let colleague = person(other.session.value.expose_secret()).await.unwrap();
    let refused = end_one(&engine, &colleague, seen[1].id).await;
    assert!(
        matches!(refused, Err(Error::NotFound(_))),
        "it is another's"
    );
    end_one(&engine, &approver, seen[1].id).await.unwrap();
    let again = end_one(&engine, &approver, seen[1].id).await;
    assert!(matches!(again, Err(Error::NotFound(_))));
    assert!(person(first.session.value.expose_secret()).await.is_some());
    assert!(person(second.session.value.expose_secret()).await.is_none());
    assert_eq!(
        audited(&engine).await.last().map(String::as_str),
        Some("session.end")
    );

    // A token tells nobody where its person is, and ends nothing.
    let token = model::identity::Principal {
        kind: PrincipalKind::PersonToken {
            account: approver.account().unwrap(),
            token: model::id::TokenId(1),
            scopes: Scope::ALL.to_vec(),
        },
        ..approver.clone()
    };
    assert!(matches!(
        list(&engine, &token, &origin).await,
        Err(Error::Forbidden(_))
    ));
    assert!(matches!(
        end_one(&engine, &token, seen[0].id).await,
        Err(Error::Forbidden(_))
    ));

    // What is over is not listed.
    move_clock(&engine, Duration::from_secs(13 * HOUR)).await;
    assert_eq!(list(&engine, &approver, &origin).await.unwrap(), []);
}
