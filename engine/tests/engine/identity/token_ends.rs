//! What tokens ask for when they are made, and when they end.

use std::time::Duration;

use engine::Error;
use engine::identity::accounts::{self, PasswordChange};
use engine::identity::sessions::{Origin, logout_everywhere};
use engine::identity::tokens::{IssuedToken, NewToken, revoke};
use engine::identity::{Presence, principal_of_session};
use engine::lifecycle::people::create_token;
use model::identity::{Role, Scope};
use secrecy::ExposeSecret;
use sqlx::PgPool;

use super::tokens::{create, new, resolve};
use super::{PASSWORD, account, secret, try_login};
use crate::support::{engine, move_clock, person};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_decides_or_administers_asks_for_the_password(pool: PgPool) {
    let engine = engine(pool);
    let own = account(&engine, "owner", &[Role::Admin]).await;
    account(&engine, "colleague", &[Role::Admin]).await;
    let login = try_login(&engine, "owner", PASSWORD).await.unwrap();
    let other = try_login(&engine, "colleague", PASSWORD).await.unwrap();
    let owner = principal_of_session(&engine, login.session.value.expose_secret())
        .await
        .unwrap()
        .unwrap();
    let make = async |scope, password: &str, session| {
        let presence = Presence {
            password: Some(secret(password)),
            session,
        };
        create_token(&engine, &owner, own, &new(&[scope]), &presence).await
    };
    let asked = |made: &Result<IssuedToken, Error>| matches!(made, Err(Error::Invalid(f)) if f[0].field == "present_password");
    let session = Some(login.session.value.clone());
    for scope in [Scope::Decide, Scope::Admin] {
        make(scope, "", session.clone())
            .await
            .expect("just logged in");
        for elsewhere in [None, Some(secret("")), Some(other.session.value.clone())] {
            let made = make(scope, "", elsewhere).await;
            assert!(asked(&made), "{scope:?} {made:?}");
        }
    }
    move_clock(&engine, Duration::from_secs(601)).await;
    for scope in Scope::ALL {
        let is_grave = matches!(scope, Scope::Decide | Scope::Admin);
        let made = make(scope, "", session.clone()).await;
        assert_eq!(asked(&made), is_grave, "{scope:?} {made:?}");
        let made = make(scope, "wrong", session.clone()).await;
        assert_eq!(asked(&made), is_grave, "{scope:?} {made:?}");
        make(scope, PASSWORD, session.clone()).await.unwrap();
    }
    for _ in 0..10 {
        make(Scope::Decide, "wrong", None).await.unwrap_err();
    }
    let refused = make(Scope::Decide, PASSWORD, None).await;
    assert!(matches!(refused, Err(Error::TooMany { .. })), "{refused:?}");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn every_token_ends_and_those_of_before_are_named(pool: PgPool) {
    let engine = engine(pool);
    let approver = person(&engine, "approver", &[Role::Viewer]).await;
    let own = approver.account().unwrap();
    let usual = NewToken {
        lifetime_days: None,
        ..new(&[Scope::Read])
    };
    let issued = create(&engine, &approver, own, &usual).await.unwrap();
    let days = (issued.expires_at - engine.clock.now()).num_hours();
    assert!((90 * 24 - 1..=90 * 24).contains(&days), "{days}");
    let named = async || {
        let found = engine::upkeep::findings(&engine).await.unwrap();
        let endless = found.iter().filter(|it| it.code == "token.without_end");
        endless.map(|it| it.message.clone()).collect::<Vec<_>>()
    };
    assert!(named().await.is_empty());
    sqlx::query("UPDATE tokens SET expires_at = NULL")
        .execute(&engine.pool)
        .await
        .unwrap();
    assert!(
        resolve(&engine, &issued.value).await.is_some(),
        "it goes on"
    );
    let told = named().await;
    assert!(
        told.len() == 1 && told[0].contains("nightly script") && told[0].contains("token revoke"),
        "{told:?}"
    );
    revoke(&engine, &approver, issued.id).await.unwrap();
    assert!(named().await.is_empty());
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn tokens_end_with_the_password_or_the_sessions_where_that_is_wanted(pool: PgPool) {
    let engine = engine(pool);
    let own = account(&engine, "owner", &[Role::Viewer]).await;
    let other = person(&engine, "colleague", &[Role::Viewer]).await;
    let read = new(&[Scope::Read]);
    let foreign = create(&engine, &other, other.account().unwrap(), &read)
        .await
        .unwrap();
    let mut passwords = [PASSWORD, "eight brown herons fly", "nine white herons rest"].windows(2);
    for end_tokens in [false, true] {
        let [present, next] = passwords.next().unwrap() else {
            unreachable!()
        };
        let login = try_login(&engine, "owner", present).await.unwrap();
        let owner = principal_of_session(&engine, login.session.value.expose_secret())
            .await
            .unwrap()
            .unwrap();
        let token = create(&engine, &owner, own, &read).await.unwrap();
        let change = PasswordChange {
            present: Some(secret(present)),
            new: secret(next),
            end_tokens,
            origin: Origin::default(),
        };
        accounts::set_password(&engine, &owner, own, &change)
            .await
            .unwrap();
        let lives = resolve(&engine, &token.value).await.is_some();
        assert_eq!(lives, !end_tokens, "with the password");

        let token = create(&engine, &owner, own, &read).await.unwrap();
        logout_everywhere(&engine, &owner, end_tokens)
            .await
            .unwrap();
        let lives = resolve(&engine, &token.value).await.is_some();
        assert_eq!(lives, !end_tokens, "with the sessions");
    }
    assert!(resolve(&engine, &foreign.value).await.is_some());
}
