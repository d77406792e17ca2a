//! What a mail server may do wrong, and what Watchbill makes of it.

use std::time::Duration;

use engine::settings::{MailSettings, Smtp};
use engine::{Engine, Settings};
use model::identity::Role;
use secrecy::SecretString;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::sink::{At, Fault, Rule, Sink};
use super::{
    choose, engine_with, failure, let_time_pass, only, only_row, parts, reader, rows, send_all,
    subject, waiting,
};
use crate::support::{states, worker};

fn impatient(pool: PgPool, smtp: Smtp) -> Engine {
    let settings = engine_with(pool.clone(), Some(smtp)).settings.mail.clone();
    Engine::new(
        pool,
        Settings {
            mail: MailSettings {
                step_timeout: Duration::from_millis(200),
                ..settings
            },
            ..Settings::default()
        },
    )
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_fault_at_any_verb_is_tried_again_on_a_fresh_connection(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool.clone(), Some(sink.plain()));
    let quick = impatient(pool, sink.plain());
    reader(&engine, "approver@example.org", &[Role::Approver]).await;
    waiting(&engine, None).await;
    let mut tries = 0;
    for at in At::PLAIN {
        for fault in [
            Fault::Answer("451 4.3.0 come back later"),
            Fault::Drop,
            Fault::Hang,
        ] {
            sink.rule(&[(at, fault)]);
            let before = sink.connections();
            let engine = if fault == Fault::Hang {
                &quick
            } else {
                &engine
            };
            send_all(engine).await;
            tries += 1;
            assert_eq!(sink.connections(), before + 1, "{at:?} {fault:?}");
            let row = only_row(engine).await;
            assert_eq!(row.tries, tries, "{at:?} {fault:?} {row:?}");
            assert!(!row.delivered && !row.abandoned, "{at:?} {fault:?} {row:?}");
            assert!(row.last_error.is_some(), "{at:?} {fault:?} {row:?}");
            let_time_pass(engine).await;
        }
    }
    // A 5xx that is not about the address is the configuration's, and waits for its repair.
    for at in [At::Greeting, At::Ehlo, At::Mail, At::Data, At::AfterData] {
        sink.rule(&[(at, Fault::Answer("554 5.3.0 no"))]);
        send_all(&engine).await;
        let row = only_row(&engine).await;
        assert!(!row.delivered && !row.abandoned, "{at:?} {row:?}");
        let_time_pass(&engine).await;
    }
    // So is most of what servers answer to RCPT, where they put off what they hold against us.
    for answer in [
        "554 5.7.1 relaying denied",
        "553 sorry, not in my list of allowed rcpthosts (#5.7.1)",
        "550 5.1.8 <watchbill@example.org>: Sender address rejected: Domain not found",
        "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname",
        "530 5.7.0 authentication required",
        "552 5.2.2 mailbox full",
        "550-5.7.1 two lines\r\n550 5.7.1 about us",
    ] {
        sink.rule(&[(At::Rcpt, Fault::Answer(answer))]);
        let before = only_row(&engine).await.tries;
        send_all(&engine).await;
        let row = only_row(&engine).await;
        assert_eq!(row.tries, before + 1, "{answer} {row:?}");
        assert!(!row.delivered && !row.abandoned, "{answer} {row:?}");
        let_time_pass(&engine).await;
    }

    assert!(sink.received().is_empty());
    sink.rule(&[]);
    let_time_pass(&engine).await;
    send_all(&engine).await;
    assert_eq!(sink.received().len(), 1);
    assert!(rows(&engine).await[0].delivered);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_refused_address_is_disabled_and_the_admins_are_told(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    let gone = reader(&engine, "gone@example.org", &[Role::Approver]).await;
    reader(&engine, "approver@example.org", &[Role::Approver]).await;
    let admin = reader(&engine, "admin@example.org", &[Role::Admin]).await;
    sink.rules(vec![gone_rule()]);
    waiting(&engine, None).await;
    send_all(&engine).await;
    let told = sink.received();
    assert!(told.iter().any(|one| one.to == ["approver@example.org"]));
    let about = told
        .iter()
        .find(|one| subject(one) == "Mail to gone@example.org is refused")
        .expect("the admin is told");
    assert_eq!(about.to, ["admin@example.org"]);
    let (text, _) = parts(about);
    assert!(
        text.contains("550") && text.contains("no such user"),
        "{text}"
    );
    let row = rows(&engine).await.swap_remove(0);
    assert!(row.login == "gone@example.org" && row.abandoned, "{row:?}");

    // Nothing more goes there, and nobody hears of it twice.
    waiting(&engine, None).await;
    send_all(&engine).await;
    let written = rows(&engine).await;
    assert_eq!(
        written
            .iter()
            .filter(|row| row.login == "gone@example.org")
            .count(),
        1
    );
    assert_eq!(
        written
            .iter()
            .filter(|row| row.kind == "address_disabled")
            .count(),
        1
    );

    // Writing the address anew lifts it.
    sink.rule(&[]);
    let edit = engine::notify::PreferencesEdit {
        email: Some("gone@example.org".to_owned()),
        ..Default::default()
    };
    let account = gone.account().unwrap();
    engine::notify::set_preferences(&engine, &admin, account, &edit)
        .await
        .unwrap();
    waiting(&engine, None).await;
    send_all(&engine).await;
    assert!(
        sink.received()
            .iter()
            .any(|one| one.to == ["gone@example.org"])
    );

    // The same address is refused anew, and the admins hear of that too.
    sink.rules(vec![gone_rule()]);
    waiting(&engine, None).await;
    send_all(&engine).await;
    let told = sink.received();
    let about = told
        .iter()
        .filter(|one| subject(one) == "Mail to gone@example.org is refused");
    assert_eq!(about.count(), 2);
}

/// The server knows nobody by this address.
fn gone_rule() -> Rule {
    Rule {
        at: At::Rcpt,
        fault: Fault::Answer("550 5.1.1 no such user"),
        only: Some("gone@example.org"),
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_stored_address_that_is_none_is_disabled(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    reader(&engine, "approver@example.org", &[Role::Approver]).await;
    sqlx::query("UPDATE accounts SET email = E'a@b\\r\\nRCPT TO:<all@example.org>'")
        .execute(&engine.pool)
        .await
        .unwrap();
    waiting(&engine, None).await;
    send_all(&engine).await;
    assert_eq!(sink.connections(), 0);
    assert!(rows(&engine).await[0].abandoned);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn an_address_that_hangs_holds_up_nobody_else(pool: PgPool) {
    let sink = Sink::new().await;
    // Twenty seconds a step: the others come long before the hanging ones end.
    let engine = engine_with(pool, Some(sink.plain()));
    for number in 0..4 {
        let login = format!("hanging-{number}@example.org");
        reader(&engine, &login, &[Role::Approver]).await;
    }
    for number in 0..12 {
        let login = format!("approver-{number}@example.org");
        reader(&engine, &login, &[Role::Approver]).await;
    }
    sink.rules(
        [
            "hanging-0@example.org",
            "hanging-1@example.org",
            "hanging-2@example.org",
            "hanging-3@example.org",
        ]
        .into_iter()
        .map(|address| Rule {
            at: At::Rcpt,
            fault: Fault::Hang,
            only: Some(address),
        })
        .collect(),
    );
    waiting(&engine, None).await;
    let stop = CancellationToken::new();
    let sending = {
        let (engine, stop) = (engine.clone(), stop.clone());
        tokio::spawn(async move { engine::notify::mail::deliver(&engine, stop).await })
    };
    sink.until(12).await;
    sending.abort();
    drop(stop);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn no_mail_server_never_keeps_a_task_from_finishing(pool: PgPool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sink = Sink::new().await;
    let nobody = Smtp {
        port: listener.local_addr().unwrap().port(),
        ..sink.plain()
    };
    drop(listener);
    let engine = engine_with(pool, Some(nobody));
    let operator = reader(&engine, "operator@example.org", &[Role::Operator]).await;
    choose(
        &engine,
        &operator,
        engine::notify::PreferencesEdit {
            failures: Some(true),
            ..Default::default()
        },
    )
    .await;
    failure(&engine).await;
    send_all(&engine).await;
    let row = only_row(&engine).await;
    assert!(row.tries == 1 && !row.abandoned, "{row:?}");
    assert!(
        row.last_error
            .as_deref()
            .unwrap()
            .starts_with("connection and EHLO: "),
        "{row:?}"
    );
    let next = crate::support::run(
        &engine,
        &crate::support::plan(vec![crate::support::task("next", &[])]),
        None,
    )
    .await;
    let claimed = crate::support::claim_one(&engine, &worker(&engine)).await;
    crate::support::end(&engine, &claimed, model::task::Outcome::Succeeded).await;
    assert_eq!(
        states(&engine, next).await[0].1,
        model::task::TaskState::Succeeded
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn starttls_and_a_login_guard_the_way(pool: PgPool) {
    let sink = Sink::new().await;
    let with_login = Smtp {
        user: Some("night".to_owned()),
        password: Some(SecretString::from("canary-password")),
        ..sink.starttls()
    };
    let engine = engine_with(pool.clone(), Some(with_login.clone()));
    reader(&engine, "approver@example.org", &[Role::Approver]).await;
    waiting(&engine, None).await;
    for (at, fault) in [
        (At::Ehlo, Fault::Answer("250 sink.example.org")),
        (At::StartTls, Fault::Answer("454 not now")),
        (
            At::Auth,
            Fault::Answer("535 5.7.8 canary-password AG5pZ2h0AGNhbmFyeS1wYXNzd29yZA== is wrong"),
        ),
    ] {
        sink.rule(&[(at, fault)]);
        send_all(&engine).await;
        let error = rows(&engine).await[0].last_error.clone().unwrap();
        assert!(
            !error.contains("canary") && !error.contains("AG5pZ2h0"),
            "{error}"
        );
        let_time_pass(&engine).await;
    }
    // A certificate that nothing vouches for is no server of ours.
    sink.rule(&[]);
    let untrusting = Smtp {
        ca_file: None,
        ..with_login
    };
    let stranger = engine_with(pool, Some(untrusting));
    send_all(&stranger).await;
    assert!(sink.received().is_empty());

    let_time_pass(&engine).await;
    send_all(&engine).await;
    let one = &only(&sink);
    assert!(one.encrypted && one.authenticated);
    assert!(sink.certificate().exists());
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_test_message_says_what_happened_at_each_step(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    let probe = engine::notify::mail::probe(&engine, Some("approver@example.org"))
        .await
        .unwrap();
    assert!(probe.went);
    let steps: Vec<String> = probe
        .steps
        .iter()
        .map(|said| said.step.to_string())
        .collect();
    assert_eq!(
        steps,
        [
            "connection and EHLO",
            "MAIL FROM",
            "RCPT TO",
            "DATA",
            "message"
        ]
    );
    assert_eq!(subject(&sink.received()[0]), "Watchbill test message");
    sink.rule(&[(At::Rcpt, Fault::Answer("550 5.1.1 no such user"))]);
    let probe = engine::notify::mail::probe(&engine, None).await.unwrap();
    assert!(!probe.went);
    assert_eq!(probe.to, "watchbill@example.org");
    assert!(probe.steps.last().unwrap().text.contains("no such user"));
    assert!(
        engine::notify::mail::probe(&engine, Some("a@b\r\nX: y"))
            .await
            .is_err()
    );
}
