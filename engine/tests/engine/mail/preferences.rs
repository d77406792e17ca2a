//! What people choose, and who may choose it.

use engine::identity::accounts::{NewAccount, create};
use engine::notify::{PreferencesEdit, preferences, set_preferences};
use engine::settings::MailSettings;
use engine::{Engine, Error, Settings};
use model::identity::{Principal, PrincipalKind, Role, Scope};
use model::notify::NotifyMode;
use secrecy::SecretString;
use sqlx::PgPool;
use std::os::unix::fs::PermissionsExt as _;

use super::sink::Sink;
use super::{choose, engine_with, reader, rows, send_all, waiting};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn every_wrong_field_is_named_and_nothing_is_stored(pool: PgPool) {
    let engine = engine_with(pool, None);
    let person = reader(&engine, "approver@example.org", &[Role::Approver]).await;
    let account = person.account().unwrap();
    let text = |text: &str| Some(text.to_owned());
    let edit = PreferencesEdit {
        email: text("a@example.org\r\nBcc: b@example.org"),
        language: text("de"),
        zone: text("Mars/Olympus"),
        mode: text("never"),
        digest_hour: text("24"),
        quiet_from: text("22:00"),
        quiet_until: text(""),
        failures: Some(true),
        failures_in_a_row: text("0"),
        working_hours: text("always"),
    };
    let Err(Error::Invalid(problems)) = set_preferences(&engine, &person, account, &edit).await
    else {
        panic!("it is refused")
    };
    let fields: Vec<&str> = problems
        .iter()
        .map(|problem| problem.field.as_str())
        .collect();
    assert_eq!(
        fields,
        [
            "email",
            "language",
            "zone",
            "mode",
            "digest_hour",
            "failures_in_a_row",
            "working_hours",
            "quiet_until"
        ]
    );
    let kept = preferences(&engine, &person, account).await.unwrap();
    assert_eq!(kept.email.as_deref(), Some("approver@example.org"));
    assert!(!kept.failures);
    for wrong in [
        "",
        "a",
        "a@b@c",
        "a@example.org, b@example.org",
        "é@example.org",
        "A <a@b.c>",
    ] {
        let edit = PreferencesEdit {
            email: text(wrong),
            ..PreferencesEdit::default()
        };
        let taken = set_preferences(&engine, &person, account, &edit).await;
        assert_eq!(taken.is_ok(), wrong.is_empty(), "{wrong:?}");
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn times_in_the_wrong_order_are_told_apart_from_badly_written_ones(pool: PgPool) {
    let engine = engine_with(pool, None);
    let person = reader(&engine, "approver@example.org", &[Role::Approver]).await;
    let account = person.account().unwrap();
    let text = |text: &str| Some(text.to_owned());
    let quiet = |from: &str, until: &str| PreferencesEdit {
        quiet_from: text(from),
        quiet_until: text(until),
        ..PreferencesEdit::default()
    };
    let working = |hours: &str| PreferencesEdit {
        working_hours: text(hours),
        ..PreferencesEdit::default()
    };
    for (edit, field, words) in [
        (quiet("22:00", "22:00"), "quiet_until", "must differ"),
        (quiet("22:00", "7"), "quiet_until", "Write both times"),
        (quiet("", "07:00"), "quiet_from", "Write both times"),
        (
            working("Mon-Fri 22:00-06:00"),
            "working_hours",
            "The end must be later than the start",
        ),
        (
            working("Mon-Fri 09:00-09:00"),
            "working_hours",
            "The end must be later than the start",
        ),
        (
            working("Mon-Fri 9-18"),
            "working_hours",
            "like Mon-Fri 09:00-18:00",
        ),
        (
            working("Mon-Fry 09:00-18:00"),
            "working_hours",
            "like Mon-Fri 09:00-18:00",
        ),
    ] {
        let Err(Error::Invalid(problems)) = set_preferences(&engine, &person, account, &edit).await
        else {
            panic!("{edit:?} is refused")
        };
        let [problem] = &problems[..] else {
            panic!("one problem: {problems:?}")
        };
        assert_eq!(problem.field, field, "{edit:?}");
        assert!(problem.message.contains(words), "{}", problem.message);
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn ones_own_needs_a_session_and_anothers_needs_admin(pool: PgPool) {
    let engine = engine_with(pool, None);
    let person = reader(&engine, "approver@example.org", &[Role::Approver]).await;
    let other = reader(&engine, "viewer@example.org", &[Role::Viewer]).await;
    let admin = reader(&engine, "admin@example.org", &[Role::Admin]).await;
    let account = person.account().unwrap();
    let edit = PreferencesEdit {
        mode: Some("none".to_owned()),
        ..PreferencesEdit::default()
    };
    let token = Principal {
        kind: PrincipalKind::PersonToken {
            account,
            token: model::id::TokenId(1),
            scopes: Scope::ALL.to_vec(),
        },
        ..person.clone()
    };
    for refused in [&other, &token] {
        let outcome = set_preferences(&engine, refused, account, &edit).await;
        assert!(matches!(outcome, Err(Error::Forbidden(_))), "{outcome:?}");
    }
    assert!(preferences(&engine, &other, account).await.is_err());
    for allowed in [&person, &admin] {
        let now = set_preferences(&engine, allowed, account, &edit)
            .await
            .unwrap();
        assert_eq!(now.mode, NotifyMode::None);
    }
    let written: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit WHERE action = 'account.preferences'")
            .fetch_one(&engine.pool)
            .await
            .unwrap();
    assert_eq!(written, 4, "the second same choice changes nothing");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_login_that_is_an_address_is_where_mail_goes(pool: PgPool) {
    let engine = engine_with(pool, None);
    let host = Principal::system("test");
    let new = |login: &str, email: Option<&str>, role| NewAccount {
        login: login.to_owned(),
        password: SecretString::from("four unrelated words here"),
        roles: vec![role],
        email: email.map(str::to_owned),
    };
    for (account, email, failures) in [
        (
            new("operator@example.org", None, Role::Operator),
            Some("operator@example.org"),
            true,
        ),
        (new("approver", None, Role::Approver), None, false),
        (
            new("viewer", Some("v@example.org"), Role::Viewer),
            Some("v@example.org"),
            false,
        ),
    ] {
        let id = create(&engine, &host, &account).await.unwrap();
        let chosen = preferences(&engine, &host, id).await.unwrap();
        assert_eq!(chosen.email.as_deref(), email);
        assert_eq!(chosen.failures, failures);
    }
    let wrong = create(&engine, &host, &new("x", Some("nobody"), Role::Viewer)).await;
    assert!(matches!(wrong, Err(Error::Invalid(_))), "{wrong:?}");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_refused_address_is_tried_again_only_when_it_is_meant(pool: PgPool) {
    let engine = engine_with(pool, None);
    let person = reader(&engine, "approver@example.org", &[Role::Approver]).await;
    let account = person.account().unwrap();
    let text = |text: &str| Some(text.to_owned());
    let form = |email: &str, language: &str| PreferencesEdit {
        email: text(email),
        language: text(language),
        ..PreferencesEdit::default()
    };
    let alone = PreferencesEdit {
        email: text("approver@example.org"),
        ..PreferencesEdit::default()
    };
    for (edit, is_lifted) in [
        (form("approver@example.org", "fr"), false),
        (form("approver@example.org", "fr"), false),
        (alone, true),
        (form("other@example.org", "en"), true),
        (form("", "en"), true),
    ] {
        sqlx::query(
            "UPDATE accounts SET email_disabled_at = watchbill_now(), email_disabled_reason = 'no such user'
             WHERE id = $1",
        )
        .bind(account.0)
        .execute(&engine.pool)
        .await
        .unwrap();
        choose(&engine, &person, edit.clone()).await;
        let now = preferences(&engine, &person, account).await.unwrap();
        assert_eq!(now.email_disabled_at.is_none(), is_lifted, "{edit:?}");
        assert_eq!(now.email_disabled_reason.is_none(), is_lifted, "{edit:?}");
        assert_eq!(now.email, edit.email.filter(|email| !email.is_empty()));
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn whoever_wants_none_gets_none(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    let person = reader(&engine, "approver@example.org", &[Role::Approver]).await;
    let mode = |mode: &str| PreferencesEdit {
        mode: Some(mode.to_owned()),
        ..PreferencesEdit::default()
    };
    waiting(&engine, None).await;
    choose(&engine, &person, mode("none")).await;
    waiting(&engine, None).await;
    send_all(&engine).await;
    assert!(sink.received().is_empty());
    assert_eq!(
        rows(&engine).await.len(),
        1,
        "the second one is not even written"
    );
    choose(&engine, &person, mode("at_once")).await;
    waiting(&engine, None).await;
    send_all(&engine).await;
    assert_eq!(sink.received().len(), 1);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn without_a_server_messages_are_files_that_admins_can_read(pool: PgPool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail");
    let engine = Engine::new(
        pool,
        Settings {
            mail: MailSettings {
                folder: Some(path.clone()),
                ..MailSettings::default()
            },
            ..Settings::default()
        },
    );
    let approver = reader(&engine, "approver@example.org", &[Role::Approver]).await;
    let admin = crate::support::person(&engine, "admin@example.org", &[Role::Admin]).await;
    let approval = waiting(&engine, None).await;
    send_all(&engine).await;
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    let files: Vec<_> = std::fs::read_dir(&path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let [file] = &files[..] else {
        panic!("one file: {files:?}")
    };
    assert_eq!(mode(file), 0o600);
    assert_eq!(file.extension().unwrap(), "eml");
    let mail = std::fs::read_to_string(file).unwrap();
    assert!(mail.contains("To: approver@example.org\r\n"), "{mail}");

    let listed = engine::notify::mail::list(&engine, &admin).await.unwrap();
    let [row] = &listed[..] else {
        panic!("one message")
    };
    assert!(row.delivered_at.is_some() && row.subject.as_deref().unwrap().starts_with("Sign by"));
    let detail = engine::notify::mail::load(&engine, &admin, row.id)
        .await
        .unwrap();
    let link = format!("http://127.0.0.1:4180/approvals/{approval}");
    assert!(detail.text.unwrap().contains(&link));
    assert!(
        engine::notify::mail::list(&engine, &approver)
            .await
            .is_err()
    );
    assert!(
        engine::notify::mail::load(&engine, &approver, row.id)
            .await
            .is_err()
    );
}
