use std::net::IpAddr;
use std::time::Duration;

use engine::Error;
use engine::identity::login::prune;
use engine::identity::principal_of_session;
use model::identity::Role;
use secrecy::ExposeSecret;
use sqlx::PgPool;

use super::{PASSWORD, account, audited, count, host, try_login, try_login_from};
use crate::support::{engine, move_clock};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn every_wrong_try_gets_the_same_answer(pool: PgPool) {
    let engine = engine(pool);
    account(&engine, "approver", &[Role::Viewer]).await;
    let disabled = account(&engine, "colleague", &[Role::Viewer]).await;
    engine::lifecycle::people::disable(&engine, &host(), disabled)
        .await
        .unwrap();
    let mut texts = Vec::new();
    for (name, password) in [
        ("approver", "not her password at all"),
        ("nobody", PASSWORD),
        ("colleague", PASSWORD),
        ("approver\0", PASSWORD),
        ("", ""),
        ("approver", &"x".repeat(100_000)),
    ] {
        let error = try_login(&engine, name, password).await.unwrap_err();
        assert!(matches!(error, Error::Unauthenticated(_)));
        texts.push(error.to_string());
    }
    texts.dedup();
    assert_eq!(texts, ["The name or the password is wrong."]);
    let details: Vec<serde_json::Value> = sqlx::query_scalar(
        "SELECT to_jsonb(audit) FROM audit WHERE action = 'login.refused' ORDER BY id",
    )
    .fetch_all(&engine.pool)
    .await
    .unwrap();
    assert_eq!(details.len(), 6);
    let all = serde_json::to_string(&details).unwrap();
    assert!(
        !all.contains("herons") && !all.contains("not her password"),
        "{all}"
    );
    assert!(
        !all.contains("nobody"),
        "an unknown name may be a password in the wrong field"
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_login_ends_the_session_before_it(pool: PgPool) {
    let engine = engine(pool);
    account(&engine, "approver", &[Role::Viewer]).await;
    let first = try_login(&engine, "APPROVER ", PASSWORD)
        .await
        .unwrap()
        .session;
    let attempt = engine::identity::LoginAttempt {
        login: "approver".to_owned(),
        password: super::secret(PASSWORD),
        address: [127, 0, 0, 1].into(),
        previous: Some(first.value.clone()),
        user_agent: None,
        device: None,
    };
    let second = engine::identity::login(&engine, &attempt)
        .await
        .unwrap()
        .session;
    assert_ne!(first.value.expose_secret(), second.value.expose_secret());
    assert_eq!(
        principal_of_session(&engine, first.value.expose_secret())
            .await
            .unwrap(),
        None
    );
    assert!(
        principal_of_session(&engine, second.value.expose_secret())
            .await
            .unwrap()
            .is_some()
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn ten_wrong_tries_shut_an_account_for_a_while(pool: PgPool) {
    let engine = engine(pool);
    account(&engine, "approver", &[Role::Viewer]).await;
    let tries = (0..14).map(|_| try_login(&engine, "approver", "wrong"));
    let answers = futures::future::join_all(tries).await;
    let wrong = answers
        .iter()
        .filter(|answer| matches!(answer, Err(Error::Unauthenticated(_))))
        .count();
    assert_eq!(wrong, 10, "parallel tries do not slip past: {answers:?}");
    match try_login(&engine, "approver", PASSWORD).await {
        Err(Error::TooMany { retry_seconds, .. }) => assert!((1..=900).contains(&retry_seconds)),
        other => panic!("shut even for the right password: {other:?}"),
    }
    assert_eq!(
        audited(&engine)
            .await
            .iter()
            .filter(|action| *action == "login.refused")
            .count(),
        10,
        "a flood fills no audit"
    );
    move_clock(&engine, Duration::from_secs(901)).await;
    try_login(&engine, "approver", PASSWORD)
        .await
        .expect("open again, with nobody's help");
    prune(&engine).await.unwrap();
    assert_eq!(
        count(&engine, "SELECT count(*) FROM login_failures").await,
        0
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn an_unknown_account_is_limited_like_any_other(pool: PgPool) {
    let engine = engine(pool);
    for _ in 0..10 {
        assert!(matches!(
            try_login(&engine, "nobody", "wrong").await,
            Err(Error::Unauthenticated(_))
        ));
    }
    assert!(matches!(
        try_login(&engine, "nobody", "wrong").await,
        Err(Error::TooMany { .. })
    ));
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn fifty_wrong_tries_shut_an_address(pool: PgPool) {
    let engine = engine(pool);
    account(&engine, "approver", &[Role::Viewer]).await;
    sqlx::query("INSERT INTO login_failures (subject) SELECT 'address:2001:db8::/64' FROM generate_series(1, 49)")
        .execute(&engine.pool)
        .await
        .unwrap();
    let from = |text: &str| text.parse::<IpAddr>().unwrap();
    // A success neither uses a try up nor gives the address more of them.
    try_login_from(&engine, "approver", PASSWORD, from("2001:db8::1"))
        .await
        .unwrap();
    let last = try_login_from(&engine, "colleague", "wrong", from("2001:db8::2")).await;
    assert!(matches!(last, Err(Error::Unauthenticated(_))));
    let shut = try_login_from(&engine, "approver", PASSWORD, from("2001:db8::3")).await;
    assert!(
        matches!(shut, Err(Error::TooMany { .. })),
        "one network is one address"
    );
    try_login_from(&engine, "approver", PASSWORD, from("2001:db8:0:1::1"))
        .await
        .expect("another one is not");
    assert_eq!(
        count(
            &engine,
            "SELECT count(*) FROM login_failures WHERE subject = 'account:approver'"
        )
        .await,
        0,
        "a try that was refused for its address is not held against the account"
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn an_older_hash_is_renewed_at_login(pool: PgPool) {
    let engine = engine(pool);
    account(&engine, "approver", &[Role::Viewer]).await;
    // The same password under 1 MiB and one pass, as an older release might have stored it.
    let older = argon2::Argon2::new(
        argon2::Algorithm::Argon2id,
        argon2::Version::V0x13,
        argon2::Params::new(1_024, 1, 1, None).unwrap(),
    );
    let hash: argon2::password_hash::phc::PasswordHash =
        argon2::PasswordHasher::hash_password_with_salt(
            &older,
            PASSWORD.as_bytes(),
            b"0123456789abcdef",
        )
        .unwrap();
    sqlx::query("UPDATE accounts SET password_hash = $1")
        .bind(hash.to_string())
        .execute(&engine.pool)
        .await
        .unwrap();
    try_login(&engine, "approver", PASSWORD).await.unwrap();
    let stored: String = sqlx::query_scalar("SELECT password_hash FROM accounts")
        .fetch_one(&engine.pool)
        .await
        .unwrap();
    assert!(
        stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{stored}"
    );
    try_login(&engine, "approver", PASSWORD).await.unwrap();
}
