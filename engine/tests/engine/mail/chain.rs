//! Reminders and escalations: who is told when nobody answers, and in whose hours.

use engine::approvals::act_on_due;
use engine::identity::accounts::PreferencesEdit;
use model::identity::Role;
use model::plan::{EscalationStep, Gate, Signer};
use model::task::GatePhase;
use sqlx::PgPool;

use super::sink::Sink;
use super::{approve, choose, clock_at, engine_with, reader, send_all, subject, waiting_under};
use crate::support::gate;

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
