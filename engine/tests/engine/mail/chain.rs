//! Reminders and escalations: who is told when nobody answers, and in whose hours.

use std::time::Duration;

use engine::approvals::acknowledge;
use engine::lifecycle::act_on_due;
use engine::notify::PreferencesEdit;
use engine::notify::mail::approval_reminder;
use engine::{Engine, Error};
use model::approval::{Eligibility, Verdict};
use model::id::ApprovalId;
use model::identity::{Principal, Role};
use model::plan::{EscalationStep, Gate, Signer};
use model::task::GatePhase;
use model::view::Reminding;
use sqlx::PgPool;

use super::sink::Sink;
use super::{
    approve, choose, clock_at, engine_with, reader, rows, send_all, subject, waiting_under,
};
use crate::sign_off::{delegate, say};
use crate::support::{gate, move_clock};

/// Who got a message since the last look, with its subject's first word.
fn told(sink: &Sink, seen: &mut usize) -> Vec<(String, String)> {
    let received = sink.received();
    let mut told: Vec<(String, String)> = received[*seen..]
        .iter()
        .map(|one| {
            let word = subject(one).split([' ', ':']).next().map(str::to_owned);
            (one.to[0].clone(), word.unwrap_or_default())
        })
        .collect();
    told.sort();
    *seen = received.len();
    told
}

/// The same without what it says.
fn asked(sink: &Sink, seen: &mut usize) -> Vec<String> {
    told(sink, seen).into_iter().map(|(to, _)| to).collect()
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn who_does_not_answer_is_reminded_and_others_are_asked_in_working_hours(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    // A Friday, 17:00 in Paris.
    clock_at(&engine, "2026-11-20T16:00:00Z").await;
    let approver = reader(&engine, "approver@example.org", &[Role::Approver]).await;
    let office = PreferencesEdit {
        zone: Some("Europe/Paris".to_owned()),
        working_hours: Some("Mon-Fri 09:00-18:00".to_owned()),
        ..PreferencesEdit::default()
    };
    choose(&engine, &approver, office).await;
    reader(&engine, "admin@example.org", &[Role::Admin]).await;
    let chain = Gate {
        from: vec![Signer::User("approver@example.org".to_owned())],
        remind_seconds: Some(24 * 3_600),
        escalate: vec![EscalationStep {
            after_seconds: 4 * 3_600,
            to: vec![Signer::Role(Role::Admin)],
        }],
        ..gate(GatePhase::AfterResult)
    };
    let approval = waiting_under(&engine, None, chain).await;
    let mut seen = 0;
    send_all(&engine).await;
    assert_eq!(told(&sink, &mut seen).len(), 1, "the one who was named");

    // Saturday: a day has passed, but only one hour of theirs.
    clock_at(&engine, "2026-11-21T16:30:00Z").await;
    assert_eq!(act_on_due(&engine).await.unwrap(), 1);
    send_all(&engine).await;
    let reminded = told(&sink, &mut seen);
    assert_eq!(reminded.len(), 1, "{reminded:?}");
    assert_eq!(reminded[0].0, "approver@example.org");

    // Monday noon: the fourth hour has passed.
    clock_at(&engine, "2026-11-23T10:59:00Z").await;
    act_on_due(&engine).await.unwrap();
    send_all(&engine).await;
    let early = told(&sink, &mut seen);
    assert!(
        early.iter().all(|(to, _)| to == "approver@example.org"),
        "{early:?}"
    );
    clock_at(&engine, "2026-11-23T11:00:30Z").await;
    assert_eq!(act_on_due(&engine).await.unwrap(), 1);
    send_all(&engine).await;
    let asked = told(&sink, &mut seen);
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].0, "admin@example.org");

    // Once it is decided nobody hears of it again.
    approve(&engine, &approver, approval).await;
    clock_at(&engine, "2026-11-30T12:00:00Z").await;
    assert_eq!(act_on_due(&engine).await.unwrap(), 0);
    send_all(&engine).await;
    assert!(told(&sink, &mut seen).is_empty());
}

async fn remind(engine: &Engine, approval: ApprovalId) {
    let mut connection = engine.pool.acquire().await.expect("a connection");
    approval_reminder(&mut connection, engine, approval, 1)
        .await
        .expect("it is written");
}

/// Whose answer is awaited, as the page tells this reader, and what it tells of themselves.
async fn awaited(
    engine: &Engine,
    reader: &Principal,
    approval: ApprovalId,
) -> (Vec<String>, Eligibility) {
    let shown = engine::history::approval(engine, reader, approval)
        .await
        .expect("a request");
    assert_eq!(shown.may_decide, shown.eligibility.may_sign());
    (shown.may_sign, shown.eligibility)
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn who_has_signed_is_not_asked_in_a_colleagues_place(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    let bob = reader(&engine, "bob@example.org", &[Role::Approver]).await;
    let carol = reader(&engine, "carol@example.org", &[Role::Approver]).await;
    delegate(&engine, &carol, "bob@example.org").await;
    let two = Gate {
        required: 2,
        ..gate(GatePhase::AfterResult)
    };
    let approval = waiting_under(&engine, None, two).await;
    assert_eq!(
        awaited(&engine, &bob, approval).await,
        (
            vec!["bob@example.org".to_owned(), "carol@example.org".to_owned()],
            Eligibility::MaySign
        )
    );
    approve(&engine, &bob, approval).await;

    let only_carol = vec!["carol@example.org".to_owned()];
    assert_eq!(
        awaited(&engine, &bob, approval).await,
        (
            only_carol.clone(),
            Eligibility::Answered { on_behalf_of: None }
        )
    );
    let refused = say(&engine, &bob, approval, Verdict::Approve).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    remind(&engine, approval).await;
    let written: Vec<(String, String)> = rows(&engine)
        .await
        .into_iter()
        .map(|row| (row.login, row.kind))
        .collect();
    let row = |login: &str, kind: &str| (login.to_owned(), kind.to_owned());
    assert_eq!(
        written,
        [
            row("bob@example.org", "approval_requested"),
            row("carol@example.org", "approval_requested"),
            row("carol@example.org", "approval_reminder"),
        ]
    );
    // What was written to Bob before he signed is not sent after it.
    send_all(&engine).await;
    let received = sink.received();
    assert_eq!(received.len(), 2, "{received:?}");
    assert!(received.iter().all(|one| one.to == only_carol));
    assert_eq!(
        awaited(&engine, &carol, approval).await,
        (only_carol, Eligibility::MaySign)
    );
    approve(&engine, &carol, approval).await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_delegate_is_asked_while_they_may_decide(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    let lead = reader(&engine, "lead@example.org", &[Role::Approver]).await;
    let deputy = reader(&engine, "deputy@example.org", &[Role::Approver]).await;
    delegate(&engine, &lead, "deputy@example.org").await;
    let asks = Gate {
        from: vec![Signer::User("lead@example.org".to_owned())],
        ..gate(GatePhase::AfterResult)
    };
    let mut seen = 0;
    let approval = waiting_under(&engine, None, asks.clone()).await;
    send_all(&engine).await;
    assert_eq!(
        asked(&sink, &mut seen),
        ["deputy@example.org", "lead@example.org"]
    );

    sqlx::query("UPDATE account_roles SET role = 'viewer' WHERE account_id = $1")
        .bind(deputy.account().unwrap().0)
        .execute(&engine.pool)
        .await
        .unwrap();
    remind(&engine, approval).await;
    waiting_under(&engine, None, asks).await;
    assert_eq!(rows(&engine).await.len(), 4, "two more, to the lead alone");
    send_all(&engine).await;
    assert_eq!(
        asked(&sink, &mut seen),
        ["lead@example.org", "lead@example.org"]
    );
    let refused = say(&engine, &deputy, approval, Verdict::Approve).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn an_escalation_reaches_only_who_may_sign(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    reader(&engine, "named@example.org", &[Role::Approver]).await;
    let starter = reader(&engine, "starter@example.org", &[Role::Admin]).await;
    let admin = reader(&engine, "admin@example.org", &[Role::Admin]).await;
    let for_starter = reader(&engine, "for-starter@example.org", &[Role::Approver]).await;
    let for_admin = reader(&engine, "for-admin@example.org", &[Role::Approver]).await;
    delegate(&engine, &starter, "for-starter@example.org").await;
    delegate(&engine, &admin, "for-admin@example.org").await;
    let chain = Gate {
        from: vec![Signer::User("named@example.org".to_owned())],
        escalate: vec![EscalationStep {
            after_seconds: 3_600,
            to: vec![Signer::Role(Role::Admin)],
        }],
        ..gate(GatePhase::AfterResult)
    };
    let approval = waiting_under(&engine, Some(&starter), chain).await;
    let mut seen = 0;
    send_all(&engine).await;
    assert_eq!(asked(&sink, &mut seen), ["named@example.org"]);

    move_clock(&engine, Duration::from_secs(3_660)).await;
    assert_eq!(act_on_due(&engine).await.unwrap(), 1);
    send_all(&engine).await;
    assert_eq!(
        asked(&sink, &mut seen),
        ["admin@example.org", "for-admin@example.org"]
    );
    for requester in [&starter, &for_starter] {
        let refused = say(&engine, requester, approval, Verdict::Approve).await;
        assert!(
            matches!(refused, Err(Error::Forbidden(_))),
            "{}: {refused:?}",
            requester.name
        );
    }
    approve(&engine, &for_admin, approval).await;
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn who_says_that_they_know_is_reminded_no_more_and_may_still_sign(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    clock_at(&engine, "2026-11-20T16:00:00Z").await;
    let one = reader(&engine, "one@example.org", &[Role::Approver]).await;
    reader(&engine, "two@example.org", &[Role::Approver]).await;
    let viewer = reader(&engine, "viewer@example.org", &[Role::Viewer]).await;
    let reminding = Gate {
        remind_seconds: Some(3_600),
        ..gate(GatePhase::AfterResult)
    };
    let approval = waiting_under(&engine, None, reminding).await;
    let mut seen = 0;
    send_all(&engine).await;
    assert_eq!(told(&sink, &mut seen).len(), 2);

    let told_of = async |reader: &Principal| {
        let detail = engine::history::approval(&engine, reader, approval).await;
        detail.expect("a request").reminding
    };
    assert_eq!(told_of(&one).await, Reminding::UntilAnswered);
    assert_eq!(told_of(&viewer).await, Reminding::No);
    assert!(matches!(
        acknowledge(&engine, &viewer, approval).await,
        Err(Error::Forbidden(_))
    ));
    for _ in 0..2 {
        acknowledge(&engine, &one, approval).await.expect("said");
    }
    assert_eq!(told_of(&one).await, Reminding::Acknowledged);
    let audited: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit WHERE action = 'approval.acknowledge'")
            .fetch_one(&engine.pool)
            .await
            .expect("a count");
    assert_eq!(audited, 1);

    clock_at(&engine, "2026-11-20T17:00:30Z").await;
    assert_eq!(act_on_due(&engine).await.unwrap(), 1);
    send_all(&engine).await;
    assert_eq!(asked(&sink, &mut seen), ["two@example.org"]);

    approve(&engine, &one, approval).await;
    assert!(matches!(
        acknowledge(&engine, &one, approval).await,
        Err(Error::Conflict(_))
    ));
    let none = ApprovalId(approval.0 + 1);
    assert!(matches!(
        acknowledge(&engine, &one, none).await,
        Err(Error::NotFound(_))
    ));
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_reminder_on_its_way_is_dropped_once_its_reader_knows(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    let one = reader(&engine, "one@example.org", &[Role::Approver]).await;
    let approval = waiting_under(&engine, None, gate(GatePhase::AfterResult)).await;
    let mut seen = 0;
    send_all(&engine).await;
    assert_eq!(told(&sink, &mut seen).len(), 1);
    remind(&engine, approval).await;
    acknowledge(&engine, &one, approval).await.expect("said");
    send_all(&engine).await;
    assert_eq!(told(&sink, &mut seen), []);
    let last = rows(&engine).await.pop().expect("the reminder");
    assert!(last.abandoned && !last.delivered, "{last:?}");
    assert_eq!(last.last_error.as_deref(), Some("the person knows of it"));
}
