//! Quiet hours and the daily message, over clock changes too.

use engine::lifecycle::act_on_due;
use engine::notify::PreferencesEdit;
use engine::notify::mail::write_due_digests;
use model::id::ApprovalId;
use model::identity::{Principal, Role};
use model::plan::Gate;
use model::task::GatePhase;
use sqlx::PgPool;

use super::sink::Sink;
use super::{
    approve, choose, clock_at, engine_with, failure, header, only, parts, reader, rows, send_all,
    subject, waiting, waiting_under,
};
use crate::support::gate;

fn in_paris() -> PreferencesEdit {
    PreferencesEdit {
        zone: Some("Europe/Paris".to_owned()),
        ..PreferencesEdit::default()
    }
}

fn quiet_nights() -> PreferencesEdit {
    PreferencesEdit {
        quiet_from: Some("22:00".to_owned()),
        quiet_until: Some("07:00".to_owned()),
        ..in_paris()
    }
}

/// A request that ends in three hours.
async fn urgent(engine: &engine::Engine) -> ApprovalId {
    let asks = Gate {
        expires_seconds: Some(3 * 3_600),
        ..gate(GatePhase::AfterResult)
    };
    waiting_under(engine, None, asks).await
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_message_waits_until_quiet_hours_end(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    let approver = reader(&engine, "approver@example.org", &[Role::Approver]).await;
    choose(&engine, &approver, quiet_nights()).await;
    // The night in which the clocks go forward: seven o'clock is five in UTC.
    clock_at(&engine, "2026-03-28T22:30:00Z").await;
    waiting(&engine, None).await;
    for early in ["2026-03-28T22:30:00Z", "2026-03-29T04:59:59Z"] {
        clock_at(&engine, early).await;
        send_all(&engine).await;
        assert!(sink.received().is_empty(), "{early}");
        assert_eq!(rows(&engine).await[0].tries, 0, "waiting is no try");
    }
    clock_at(&engine, "2026-03-29T05:00:00Z").await;
    send_all(&engine).await;
    assert_eq!(sink.received().len(), 1);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_ends_before_the_quiet_hours_do_is_told_at_once(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    let approver = reader(&engine, "approver@example.org", &[Role::Approver]).await;
    choose(&engine, &approver, quiet_nights()).await;
    // The quiet ends at 06:00 in UTC; one request ends at 03:30, the other one days later.
    clock_at(&engine, "2026-01-29T00:30:00Z").await;
    let approval = urgent(&engine).await;
    waiting(&engine, None).await;
    send_all(&engine).await;
    let one = &only(&sink);
    let (text, _) = parts(one);
    assert!(text.contains(&format!("/approvals/{approval}\n")), "{text}");
    clock_at(&engine, "2026-01-29T06:00:00Z").await;
    send_all(&engine).await;
    assert_eq!(sink.received().len(), 2, "the other one in the morning");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn reminders_of_a_quiet_night_are_one(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    let approver = reader(&engine, "approver@example.org", &[Role::Approver]).await;
    choose(&engine, &approver, quiet_nights()).await;
    clock_at(&engine, "2026-01-28T20:00:00Z").await;
    let asks = Gate {
        remind_seconds: Some(3_600),
        ..gate(GatePhase::AfterResult)
    };
    waiting_under(&engine, None, asks).await;
    send_all(&engine).await;
    assert_eq!(sink.received().len(), 1, "the request itself");
    for hour in ["22:10", "23:20"] {
        clock_at(&engine, &format!("2026-01-28T{hour}:00Z")).await;
        assert_eq!(act_on_due(&engine).await.unwrap(), 1, "a reminder");
        send_all(&engine).await;
    }
    assert_eq!(sink.received().len(), 1, "the night is quiet");
    clock_at(&engine, "2026-01-29T06:00:00Z").await;
    send_all(&engine).await;
    assert_eq!(sink.received().len(), 2, "one reminder for both");
}

/// One message a day at this local hour.
fn daily_at(hour: &str) -> PreferencesEdit {
    PreferencesEdit {
        mode: Some("digest".to_owned()),
        digest_hour: Some(hour.to_owned()),
        failures: Some(true),
        ..in_paris()
    }
}

async fn digest_reader(engine: &engine::Engine, hour: &str) -> Principal {
    let person = reader(engine, "approver@example.org", &[Role::Approver]).await;
    choose(engine, &person, daily_at(hour)).await;
    person
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_digest_comes_once_a_local_day_over_both_clock_changes(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    // Half past two does not exist in spring and exists twice in autumn; the hour is two.
    clock_at(&engine, "2026-03-27T12:00:00Z").await;
    digest_reader(&engine, "2").await;
    waiting(&engine, None).await;
    sqlx::query("UPDATE approvals SET expires_at = NULL")
        .execute(&engine.pool)
        .await
        .unwrap();
    let mut days = Vec::new();
    for now in [
        "2026-03-28T00:59:00Z", // 01:59 in winter
        "2026-03-28T01:00:00Z", // 02:00
        "2026-03-28T01:00:30Z",
        "2026-03-29T00:59:00Z", // 01:59, then the clocks jump to three
        "2026-03-29T01:00:00Z", // 03:00
        "2026-03-29T02:00:00Z",
        "2026-03-30T00:00:00Z", // 02:00 in summer
        "2026-10-24T00:00:00Z",
        "2026-10-24T23:59:00Z", // 01:59 in summer
        "2026-10-25T00:00:00Z", // 02:00 the first time
        "2026-10-25T01:00:00Z", // 02:00 the second time
        "2026-10-26T00:59:00Z", // 01:59 in winter
        "2026-10-26T01:00:00Z",
    ] {
        clock_at(&engine, now).await;
        write_due_digests(&engine).await.unwrap();
        let before = sink.received().len();
        send_all(&engine).await;
        if sink.received().len() > before {
            assert_eq!(sink.received().len(), before + 1, "{now}");
            days.push(now);
        }
    }
    assert_eq!(
        days,
        [
            "2026-03-28T01:00:00Z",
            "2026-03-29T01:00:00Z",
            "2026-03-30T00:00:00Z",
            "2026-10-24T00:00:00Z",
            "2026-10-25T00:00:00Z",
            "2026-10-26T01:00:00Z",
        ],
        "the request is told of until it is decided, once a day"
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_digest_groups_by_risk_orders_by_deadline_and_ends_with_the_decision(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    clock_at(&engine, "2026-11-19T12:00:00Z").await;
    let approver = digest_reader(&engine, "7").await;
    let mut approvals = Vec::new();
    for (days, risk) in [(3, None), (2, None), (4, Some("two"))] {
        let approval = waiting(&engine, None).await;
        sqlx::query(
            "UPDATE approvals SET expires_at = watchbill_now() + make_interval(days => $2),
                 risk = $3
             WHERE id = $1",
        )
        .bind(approval.0)
        .bind(days)
        .bind(risk)
        .execute(&engine.pool)
        .await
        .unwrap();
        approvals.push(approval);
    }
    let failed = failure(&engine).await;
    send_all(&engine).await;
    assert!(sink.received().is_empty(), "nothing before its hour");
    assert!(rows(&engine).await.iter().all(|row| row.for_digest));

    clock_at(&engine, "2026-11-20T06:00:00Z").await;
    assert_eq!(write_due_digests(&engine).await.unwrap(), 1);
    assert_eq!(write_due_digests(&engine).await.unwrap(), 0);
    send_all(&engine).await;
    let one = &only(&sink);
    assert_eq!(subject(one), "20 Nov: 3 to sign, 1 failed");
    assert_eq!(
        header(one, "List-Unsubscribe").as_deref(),
        Some("<https://night.example/account>")
    );
    let (text, _) = parts(one);
    let place = |words: String| {
        text.find(&words)
            .unwrap_or_else(|| panic!("{words}:\n{text}"))
    };
    let order = [
        place("To sign, risk: two signatures".to_owned()),
        place(format!("/approvals/{}\n", approvals[2])),
        place(format!("/approvals/{}\n", approvals[1])),
        place(format!("/approvals/{}\n", approvals[0])),
        place(format!("/tasks/{failed}\n")),
    ];
    assert!(order.is_sorted(), "{order:?}\n{text}");
    assert!(
        rows(&engine).await.iter().all(|row| row.delivered),
        "with it, what it told of"
    );

    for approval in approvals {
        approve(&engine, &approver, approval).await;
    }
    clock_at(&engine, "2026-11-21T06:00:00Z").await;
    assert_eq!(
        write_due_digests(&engine).await.unwrap(),
        0,
        "nothing to tell"
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_cannot_wait_for_the_digest_is_told_at_once(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    clock_at(&engine, "2026-11-19T12:00:00Z").await;
    digest_reader(&engine, "7").await;
    let approval = waiting(&engine, None).await;
    sqlx::query("UPDATE approvals SET expires_at = watchbill_now() + interval '3 hours'")
        .execute(&engine.pool)
        .await
        .unwrap();
    let mut connection = engine.pool.acquire().await.unwrap();
    engine::notify::mail::approval_reminder(&mut connection, &engine, approval, 1)
        .await
        .unwrap();
    drop(connection);
    send_all(&engine).await;
    assert_eq!(sink.received().len(), 1);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn choosing_the_digest_puts_off_nothing_that_ends_before_it(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    clock_at(&engine, "2026-11-19T12:00:00Z").await;
    let approver = reader(&engine, "approver@example.org", &[Role::Approver]).await;
    let approval = urgent(&engine).await;
    waiting(&engine, None).await;
    // Two choices of the digest: the second one looks at what the first one put off.
    for hour in ["7", "8"] {
        choose(&engine, &approver, daily_at(hour)).await;
        let put_off: Vec<bool> = rows(&engine)
            .await
            .iter()
            .map(|row| row.for_digest)
            .collect();
        assert_eq!(put_off, [false, true], "{hour}");
    }
    send_all(&engine).await;
    let one = &only(&sink);
    let (text, _) = parts(one);
    assert!(text.contains(&format!("/approvals/{approval}\n")), "{text}");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn choosing_at_once_again_lets_what_waited_go(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    clock_at(&engine, "2026-11-19T12:00:00Z").await;
    let approver = digest_reader(&engine, "7").await;
    // The hour of today has passed: the first digest is tomorrow's.
    waiting(&engine, None).await;
    assert_eq!(write_due_digests(&engine).await.unwrap(), 0);
    let edit = PreferencesEdit {
        mode: Some("at_once".to_owned()),
        ..PreferencesEdit::default()
    };
    choose(&engine, &approver, edit).await;
    send_all(&engine).await;
    assert_eq!(sink.received().len(), 1);
}
