//! What a person hears of tokens in their name.

use engine::identity::{NewToken, Presence};
use engine::lifecycle::people::create_token;
use engine::notify::PreferencesEdit;
use model::identity::{Principal, Role, Scope};
use sqlx::PgPool;

use super::sink::Sink;
use super::{choose, clock_at, engine_with, parts, reader, send_all, subject};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_person_hears_at_once_of_a_token_in_their_name(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    clock_at(&engine, "2026-11-19T13:00:00Z").await;
    let owner = reader(&engine, "owner@example.org", &[Role::Admin]).await;
    reader(&engine, "admin@example.org", &[Role::Admin]).await;
    // Neither the daily message nor the night is waited for.
    let later = PreferencesEdit {
        mode: Some("digest".to_owned()),
        quiet_from: Some("12:00".to_owned()),
        quiet_until: Some("18:00".to_owned()),
        ..PreferencesEdit::default()
    };
    choose(&engine, &owner, later).await;
    let new = NewToken {
        name: "nightly script".to_owned(),
        scopes: vec![Scope::Read, Scope::Decide],
        lifetime_days: None,
    };
    let host = Principal::system("command line");
    let account = owner.account().unwrap();
    let issued = create_token(&engine, &host, account, &new, &Presence::default())
        .await
        .unwrap();
    send_all(&engine).await;
    let received = sink.received();
    let [one] = received.as_slice() else {
        panic!("{} messages", received.len());
    };
    assert_eq!(one.to, ["owner@example.org"]);
    assert_eq!(
        subject(one),
        "A token was made in your name: nightly script"
    );
    let (text, html) = parts(one);
    for words in [
        "Scopes: read, decide",
        "Made by: command line",
        "Ends: 17 Feb 2027 13:00",
        "https://night.example/account",
        "If that was not you",
    ] {
        assert!(text.contains(words), "{words} is missing:\n{text}");
    }
    let value = secrecy::ExposeSecret::expose_secret(&issued.value);
    assert!(!text.contains(value) && !html.contains(value));
}
