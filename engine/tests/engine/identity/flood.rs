//! Strangers who guess at an account, and its owner meanwhile.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use engine::identity::{LoggedIn, principal_of_session};
use engine::{Engine, Error};
use futures::StreamExt as _;
use model::identity::Role;
use secrecy::ExposeSecret;
use sqlx::PgPool;

use super::{
    PASSWORD, account, audited, count, secret, set_password, try_login_from, try_login_in,
};
use crate::support::{engine, move_clock};

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

const fn stranger(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, number))
}

/// Wrong tries from 50 addresses in turn. Returns how many passwords were looked at.
async fn guess(engine: &Engine, tries: u32) -> usize {
    let answers = futures::stream::iter((0..tries).map(|number| {
        let address = stranger(u8::try_from(number % 50).expect("below 50"));
        try_login_from(engine, "owner", "wrong", address)
    }));
    let answers: Vec<_> = answers.buffer_unordered(8).collect().await;
    let looked_at = |answer: &&Result<LoggedIn, Error>| match answer {
        Err(Error::Unauthenticated(_)) => true,
        Err(Error::TooMany { retry_seconds, .. }) => {
            assert!((1..=901).contains(retry_seconds), "{retry_seconds}");
            false
        }
        other => panic!("{other:?}"),
    };
    answers.iter().filter(looked_at).count()
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn ten_thousand_wrong_tries_keep_the_owner_out_of_nothing(pool: PgPool) {
    let engine = engine(pool);
    let id = account(&engine, "owner", &[Role::Admin]).await;
    let before = try_login_from(&engine, "owner", PASSWORD, HOME)
        .await
        .unwrap();

    let looked_at = guess(&engine, 10_000).await;
    assert!((30..=80).contains(&looked_at), "{looked_at} were looked at");
    let refusals = audited(&engine).await;
    let refusals = refusals.iter().filter(|it| *it == "login.refused");
    assert_eq!(refusals.count(), looked_at, "a flood fills no audit");

    // A browser that was logged in before, wherever it is by now.
    let device = Some(&before.device);
    for address in [HOME, ELSEWHERE, stranger(7)] {
        let again = try_login_in(&engine, "owner", PASSWORD, address, device).await;
        let again = again.unwrap_or_else(|error| panic!("from {address}: {error}"));
        assert_eq!(again.device.expose_secret(), before.device.expose_secret());
    }
    // Another browser, where nobody guessed; and one behind a guesser's address, later.
    try_login_from(&engine, "owner", PASSWORD, ELSEWHERE)
        .await
        .expect("an address that has not tried yet has a try");
    let refused = try_login_from(&engine, "owner", PASSWORD, stranger(7)).await;
    assert!(
        matches!(refused, Err(Error::TooMany { retry_seconds, .. }) if retry_seconds <= 901),
        "{refused:?}"
    );
    // Whoever is logged in changes their password.
    let owner = principal_of_session(&engine, before.session.value.expose_secret())
        .await
        .unwrap()
        .expect("it is live");
    let (present, next) = (secret(PASSWORD), secret("eight brown herons fly"));
    set_password(&engine, &owner, id, Some(&present), &next)
        .await
        .expect("strangers' tries do not count there");

    // The guessers go on, and a quarter of an hour later so does the owner, anywhere.
    guess(&engine, 500).await;
    move_clock(&engine, Duration::from_secs(901)).await;
    try_login_from(&engine, "owner", "eight brown herons fly", stranger(7))
        .await
        .expect("open again, with nobody's help");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_known_browser_has_a_limit_of_its_own(pool: PgPool) {
    let engine = engine(pool);
    account(&engine, "owner", &[Role::Viewer]).await;
    account(&engine, "colleague", &[Role::Viewer]).await;
    let known = try_login_from(&engine, "owner", PASSWORD, HOME)
        .await
        .unwrap();
    let device = Some(&known.device);
    for _ in 0..10 {
        let wrong = try_login_in(&engine, "owner", "wrong", HOME, device).await;
        assert!(matches!(wrong, Err(Error::Unauthenticated(_))));
    }
    let shut = try_login_in(&engine, "owner", PASSWORD, HOME, device).await;
    assert!(matches!(shut, Err(Error::TooMany { .. })), "{shut:?}");
    try_login_from(&engine, "owner", PASSWORD, HOME)
        .await
        .expect("what it used up is its own");

    // To another account it is a stranger, until that one logs in there as well.
    try_login_in(&engine, "colleague", "wrong", HOME, device)
        .await
        .unwrap_err();
    let counted = "SELECT count(*) FROM login_failures WHERE subject = 'account:colleague'";
    assert_eq!(count(&engine, counted).await, 1);
    let both = try_login_in(&engine, "colleague", PASSWORD, HOME, device)
        .await
        .unwrap();
    assert_eq!(both.device.expose_secret(), known.device.expose_secret());
    try_login_in(&engine, "colleague", "wrong", HOME, device)
        .await
        .unwrap_err();
    assert_eq!(count(&engine, counted).await, 1, "it is known by now");

    // A value that was never given out is not taken over.
    let made_up = secret("made-up");
    let fresh = try_login_in(&engine, "owner", PASSWORD, ELSEWHERE, Some(&made_up))
        .await
        .unwrap();
    assert_ne!(fresh.device.expose_secret(), "made-up");
    // Nobody logged in with it for 400 days: it is forgotten.
    move_clock(&engine, Duration::from_secs(401 * 86_400)).await;
    engine::identity::login::prune(&engine).await.unwrap();
    assert_eq!(
        count(&engine, "SELECT count(*) FROM login_devices").await,
        0
    );
}
