//! Who is told, and what they read.

use engine::lifecycle::claim;
use engine::notify::PreferencesEdit;
use engine::notify::mail::{approval_escalated, approval_reminder, approval_requested};
use model::identity::Role;
use model::task::{GatePhase, Outcome};
use sqlx::PgPool;

use super::sink::Sink;
use super::{
    approve, choose, clock_at, engine_with, failure, header, let_time_pass, only, only_row, parts,
    reader, send_all, subject, waiting,
};
use crate::support::{end, gate, person, plan, run, task, worker};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn everyone_who_may_sign_is_told_once(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    clock_at(&engine, "2026-11-19T13:00:00Z").await;
    let requester = reader(&engine, "requester@example.org", &[Role::Approver]).await;
    reader(&engine, "approver@example.org", &[Role::Approver]).await;
    reader(&engine, "admin@example.org", &[Role::Admin]).await;
    reader(&engine, "viewer@example.org", &[Role::Viewer]).await;
    person(&engine, "unreachable@example.org", &[Role::Approver]).await;
    let approval = waiting(&engine, Some(&requester)).await;
    // The same cause again writes nothing.
    let mut connection = engine.pool.acquire().await.unwrap();
    approval_requested(&mut connection, &engine, approval)
        .await
        .unwrap();
    drop(connection);
    send_all(&engine).await;

    let received = sink.received();
    let mut to: Vec<String> = received.iter().flat_map(|one| one.to.clone()).collect();
    to.sort();
    assert_eq!(to, ["admin@example.org", "approver@example.org"]);
    let one = &received[0];
    assert_eq!(one.to.len(), 1, "one message a person");
    assert_eq!(
        subject(one),
        "Sign by 22 Nov 13:00: nightly / change (nightly-2026-11-19)"
            .replace("nightly-2026-11-19", &run_id(&engine).await)
    );
    let (text, html) = parts(one);
    for words in [
        "The result of nightly / change waits for your signature.",
        "Decide by: 22 Nov 13:00 (UTC); a request that nobody answers is not approved",
        "Asked for by: requester@example.org",
        "Result: https://github.com/user/repo/pull/123",
        "If you approve, next: publish",
        "| <b>4 links</b> repaired",
        &format!("https://night.example/approvals/{approval}\n"),
    ] {
        assert!(text.contains(words), "{words} is missing:\n{text}");
    }
    assert!(html.contains("&lt;b&gt;4 links&lt;/b&gt;"), "{html}");
    assert!(html.contains(&format!(
        "href=\"https://night.example/approvals/{approval}\""
    )));
    // Links carry no token and there is nothing to load.
    assert!(
        !html.contains('?') && !html.contains("<img") && !html.contains("style="),
        "{html}"
    );
    assert_eq!(
        header(one, "List-Unsubscribe").as_deref(),
        Some("<https://night.example/account>")
    );
    assert_eq!(
        header(one, "Auto-Submitted").as_deref(),
        Some("auto-generated")
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_cannot_start_any_more_is_not_named_as_next(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    reader(&engine, "approver@example.org", &[Role::Approver]).await;
    let mut change = task("change", &[]);
    change.approval = Some(gate(GatePhase::AfterResult));
    let tasks = vec![
        task("links", &[]),
        change,
        task("publish", &["change"]),
        task("announce", &["change", "links"]),
        task("archive", &["announce"]),
    ];
    run(&engine, &plan(tasks), None).await;
    for claimed in claim(&engine, &worker(&engine), 9).await.unwrap() {
        let outcome = match claimed.name.as_str() {
            "links" => Outcome::Failed,
            _ => Outcome::Succeeded,
        };
        end(&engine, &claimed, outcome).await;
    }
    send_all(&engine).await;
    let (text, _) = parts(&only(&sink));
    let next = text.lines().find(|line| line.starts_with("If you approve"));
    assert_eq!(next, Some("If you approve, next: publish"), "{text}");
}

async fn run_id(engine: &engine::Engine) -> String {
    sqlx::query_scalar("SELECT run_id FROM runs ORDER BY id DESC LIMIT 1")
        .fetch_one(&engine.pool)
        .await
        .expect("a run")
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_runs_messages_are_one_thread_and_keep_their_ids(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    reader(&engine, "approver@example.org", &[Role::Approver]).await;
    let admin = reader(&engine, "admin@example.org", &[Role::Admin]).await;
    let approval = waiting(&engine, None).await;
    let mut connection = engine.pool.acquire().await.unwrap();
    approval_reminder(&mut connection, &engine, approval, 1)
        .await
        .unwrap();
    let to = [admin.account().unwrap()];
    approval_escalated(&mut connection, &engine, approval, 1, &to)
        .await
        .unwrap();
    drop(connection);
    send_all(&engine).await;
    let received = sink.received();
    assert_eq!(received.len(), 5);
    let threads: Vec<_> = received
        .iter()
        .map(|one| header(one, "References"))
        .collect();
    assert!(
        threads[0].is_some() && threads.iter().all(|it| *it == threads[0]),
        "{threads:?}"
    );
    assert_eq!(header(&received[0], "In-Reply-To"), threads[0]);
    let mut ids: Vec<_> = received
        .iter()
        .map(|one| header(one, "Message-ID"))
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5, "{ids:?}");
    let subjects: Vec<String> = received.iter().map(subject).collect();
    assert!(
        subjects
            .iter()
            .any(|it| it.starts_with("Reminder 1. Sign by ")),
        "{subjects:?}"
    );
    assert!(
        subjects
            .iter()
            .any(|it| it.starts_with("Escalated (step 1). Sign by "))
    );

    // A second try of the same row is the same message.
    sqlx::query("UPDATE outbox SET delivered_at = NULL")
        .execute(&engine.pool)
        .await
        .unwrap();
    let_time_pass(&engine).await;
    send_all(&engine).await;
    let mut again: Vec<_> = sink.received()[5..]
        .iter()
        .map(|one| header(one, "Message-ID"))
        .collect();
    again.sort();
    assert_eq!(again, ids);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn french_readers_read_french_in_their_zone(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    clock_at(&engine, "2026-11-19T13:00:00Z").await;
    let approver = reader(&engine, "approver@example.org", &[Role::Approver]).await;
    let edit = PreferencesEdit {
        language: Some("fr".to_owned()),
        zone: Some("Europe/Paris".to_owned()),
        ..PreferencesEdit::default()
    };
    choose(&engine, &approver, edit).await;
    waiting(&engine, None).await;
    send_all(&engine).await;
    let one = &only(&sink);
    assert!(
        subject(one).starts_with("À signer avant le 22 nov. 14:00 : nightly / change ("),
        "{}",
        subject(one)
    );
    let (text, html) = parts(one);
    assert!(text.contains("22 nov. 14:00 (Europe/Paris)"), "{text}");
    assert!(html.contains("<html lang=\"fr\">"), "{html}");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_decided_request_is_not_asked_about_any_more(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    let approver = reader(&engine, "approver@example.org", &[Role::Approver]).await;
    let approval = waiting(&engine, None).await;
    approve(&engine, &approver, approval).await;
    send_all(&engine).await;
    assert!(sink.received().is_empty());
    let row = only_row(&engine).await;
    assert!(row.abandoned && !row.delivered, "{row:?}");
    assert_eq!(
        row.last_error.as_deref(),
        Some("the request is approved by now")
    );
    let findings = engine::upkeep::findings(&engine).await.unwrap();
    assert!(
        findings.iter().all(|one| one.code != "outbox.abandoned"),
        "{findings:?}"
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn whoever_lost_the_role_is_not_asked_any_more(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    reader(&engine, "approver@example.org", &[Role::Approver]).await;
    waiting(&engine, None).await;
    sqlx::query("UPDATE account_roles SET role = 'viewer'")
        .execute(&engine.pool)
        .await
        .unwrap();
    send_all(&engine).await;
    assert!(sink.received().is_empty());
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn line_breaks_in_names_inject_nothing(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    reader(&engine, "approver@example.org", &[Role::Approver]).await;
    waiting(&engine, None).await;
    sqlx::query(
        "UPDATE approvals SET task_name = E'x\\r\\nBcc: all@example.org\\r\\n\\r\\n<script>', requester = E'a\\r\\nX-Evil: 1',
             summary = E'.\\r\\nRCPT TO:<all@example.org>', run_id = E'r\\u2028\\u202Eun'",
    )
    .execute(&engine.pool)
    .await
    .unwrap();
    send_all(&engine).await;
    let one = &only(&sink);
    assert_eq!(one.to, ["approver@example.org"]);
    assert_eq!(header(one, "Bcc"), None);
    assert_eq!(header(one, "X-Evil"), None);
    assert!(
        subject(one).contains("x⟨CR⟩ Bcc: all@example.org⟨CR⟩ ⟨CR⟩ <script> (r⟨U+2028⟩⟨U+202E⟩un)"),
        "{}",
        subject(one)
    );
    let (_, html) = parts(one);
    assert!(!html.contains("<script>"), "{html}");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn failures_are_told_after_as_many_in_a_row_as_asked_for(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    for (login, after) in [("every@example.org", "1"), ("third@example.org", "3")] {
        let person = reader(&engine, login, &[Role::Operator]).await;
        let edit = PreferencesEdit {
            failures: Some(true),
            failures_in_a_row: Some(after.to_owned()),
            ..PreferencesEdit::default()
        };
        choose(&engine, &person, edit).await;
    }
    reader(&engine, "no-failures@example.org", &[Role::Admin]).await;
    for round in 1..=3 {
        failure(&engine).await;
        send_all(&engine).await;
        let expected = [1, 2, 4][round - 1];
        assert_eq!(sink.received().len(), expected, "after failure {round}");
    }
    let last = sink.received().pop().unwrap();
    assert!(subject(&last).starts_with("Failed 3 times in a row: nightly / validate ("));
    let (text, _) = parts(&last);
    assert!(text.contains("Exit code: 2"), "{text}");
    assert!(text.contains("https://night.example/tasks/"), "{text}");
}
