//! A quorum that nobody can reach any more: admins are told once, at once, and it is never
//! met by asking for fewer.

use std::time::Duration;

use chrono::TimeDelta;
use engine::approvals::delegations::{self, NewDelegation};
use engine::approvals::groups;
use engine::identity::accounts::enable;
use engine::lifecycle::people::{disable, put_group, revoke_delegation, set_roles};
use engine::lifecycle::watch_quorums;
use engine::plans::PlanOrigin;
use engine::upkeep::findings;
use engine::{Engine, Error};
use model::approval::Verdict;
use model::id::{AccountId, ApprovalId};
use model::identity::{Principal, Role};
use model::plan::{EscalationStep, Gate, Signer};
use model::task::GatePhase;
use sqlx::PgPool;

use super::sink::Sink;
use super::{engine_with, parts, reader, rows, send_all, subject, waiting_under};
use crate::sign_off::{approver, delegate, say};
use crate::support::{gate, move_clock, person};

fn account(person: &Principal) -> AccountId {
    person.account().expect("an account")
}

fn of(signer: Signer, required: u32) -> Gate {
    Gate {
        from: vec![signer],
        required,
        ..gate(GatePhase::AfterResult)
    }
}

fn group(name: &str) -> Signer {
    Signer::Group(name.to_owned())
}

async fn set(
    engine: &Engine,
    admin: &Principal,
    name: &str,
    logins: &[&str],
) -> engine::Result<()> {
    let logins: Vec<String> = logins.iter().map(|login| (*login).to_owned()).collect();
    put_group(engine, admin, name, &logins).await.map(drop)
}

/// To whom it was told that too few can sign, and how often.
async fn told(engine: &Engine) -> Vec<String> {
    let rows = rows(engine).await.into_iter();
    rows.filter(|row| row.kind == "approval_out_of_reach")
        .map(|row| row.login)
        .collect()
}

/// What `doctor` and the dashboard say of requests.
async fn said(engine: &Engine) -> Vec<String> {
    let found = findings(engine).await.expect("findings").into_iter();
    found
        .filter(|one| one.code == "approval.out_of_reach")
        .map(|one| one.message)
        .collect()
}

async fn state(engine: &Engine, approval: ApprovalId) -> String {
    sqlx::query_scalar("SELECT state FROM approvals WHERE id = $1")
        .bind(approval.0)
        .fetch_one(&engine.pool)
        .await
        .expect("the request")
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_group_that_loses_its_people_is_told_to_the_admins_once(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    let admin = reader(&engine, "admin@example.org", &[Role::Admin]).await;
    let one = approver(&engine, "one@example.org").await;
    let two = approver(&engine, "two@example.org").await;
    set(
        &engine,
        &admin,
        "release",
        &["one@example.org", "two@example.org"],
    )
    .await
    .expect("a group");
    let approval = waiting_under(&engine, None, of(group("release"), 2)).await;
    assert_eq!((told(&engine).await, said(&engine).await), (vec![], vec![]));

    disable(&engine, &admin, account(&two))
        .await
        .expect("disabled");
    assert_eq!(told(&engine).await, ["admin@example.org"]);
    let sentence = format!(
        "Approval {approval} needs 2, 1 can still sign (plan nightly, task change): give somebody the role or \
         enable their account, add them to the group, or cancel the task."
    );
    assert_eq!(said(&engine).await, [sentence]);
    let shown = engine::history::dashboard(&engine, &admin, engine.clock.now())
        .await
        .expect("a dashboard");
    assert!(
        shown
            .notices
            .iter()
            .any(|it| it.contains("needs 2, 1 can still sign")),
        "{:?}",
        shown.notices
    );
    send_all(&engine).await;
    let letters = sink.received();
    let letter = letters.last().expect("a letter");
    let title = subject(letter);
    assert!(
        title.starts_with("Too few can sign: nightly / change ("),
        "{title}"
    );
    assert!(
        parts(letter).0.contains("2 more needed, 1 can still sign"),
        "{}",
        parts(letter).0
    );

    // What else goes wrong with the same request is no news.
    set_roles(&engine, &admin, account(&one), &[Role::Viewer])
        .await
        .expect("the role is gone");
    watch_quorums(&engine).await.expect("a pass");
    assert_eq!(told(&engine).await, ["admin@example.org"]);
    assert_eq!(said(&engine).await.len(), 1);
    assert_eq!(
        state(&engine, approval).await,
        "pending",
        "it is never met by shrinking"
    );

    // It goes when enough can sign again.
    set_roles(&engine, &admin, account(&one), &[Role::Approver])
        .await
        .expect("the role is back");
    enable(&engine, &admin, account(&two))
        .await
        .expect("enabled");
    assert_eq!(said(&engine).await, Vec::<String>::new());
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn every_way_to_lose_the_last_who_can_sign_is_told_in_its_own_transaction(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    let admin = reader(&engine, "admin@example.org", &[Role::Admin]).await;
    let one = approver(&engine, "one@example.org").await;
    let two = approver(&engine, "two@example.org").await;
    let lead = approver(&engine, "lead@example.org").await;
    let waits = |signer: Signer, required| waiting_under(&engine, None, of(signer, required));
    let user = |login: &str| Signer::User(login.to_owned());

    // From its beginning.
    waits(user("nobody@example.org"), 1).await;
    assert_eq!(
        told(&engine).await.len(),
        1,
        "a request that nobody can ever sign"
    );

    // A role.
    waits(user("one@example.org"), 1).await;
    set_roles(&engine, &admin, account(&one), &[Role::Viewer])
        .await
        .expect("the role is gone");
    assert_eq!(told(&engine).await.len(), 2, "a role that was taken away");

    // A member of a group.
    set(
        &engine,
        &admin,
        "release",
        &["two@example.org", "lead@example.org"],
    )
    .await
    .expect("a group");
    waits(group("release"), 2).await;
    set(&engine, &admin, "release", &["two@example.org"])
        .await
        .expect("one fewer");
    assert_eq!(told(&engine).await.len(), 3, "a group that shrank");

    // The lead has signed for the second one, so only a deputy can give the lead's signature.
    let both = Gate {
        from: vec![user("two@example.org"), group("leads")],
        ..of(user("two@example.org"), 2)
    };
    delegate(&engine, &two, "lead@example.org").await;
    let approval = waiting_under(&engine, None, both).await;
    assert_eq!(told(&engine).await.len(), 4, "nobody is in group:leads");
    say(&engine, &lead, approval, Verdict::Approve)
        .await
        .expect("in the second one's name");
    set(&engine, &admin, "leads", &["lead@example.org"])
        .await
        .expect("a group");
    assert!(
        said(&engine)
            .await
            .iter()
            .any(|it| it.contains("needs 1 more, 0 can still sign")),
        "the lead has answered, and nobody acts for them: {:?}",
        said(&engine).await
    );
    let delegation = delegate(&engine, &lead, "admin@example.org").await;
    let about = format!("Approval {approval} ");
    assert!(
        !said(&engine).await.iter().any(|it| it.starts_with(&about)),
        "the admin can sign for the lead"
    );
    revoke_delegation(&engine, &lead, delegation)
        .await
        .expect("it ends");
    assert!(said(&engine).await.iter().any(|it| it.starts_with(&about)));
    assert_eq!(
        told(&engine).await.len(),
        4,
        "of this request they were told before"
    );

    // A refusal that is not the last word.
    let most = Gate {
        refusal: model::plan::RefusalRule::Majority,
        from: vec![
            user("two@example.org"),
            user("lead@example.org"),
            user("third@example.org"),
        ],
        ..of(user("two@example.org"), 2)
    };
    let third = approver(&engine, "third@example.org").await;
    let approval = waiting_under(&engine, None, most).await;
    disable(&engine, &admin, account(&third))
        .await
        .expect("disabled");
    assert_eq!(told(&engine).await.len(), 4, "two can still sign");
    enable(&engine, &admin, account(&third))
        .await
        .expect("enabled");
    say(&engine, &two, approval, Verdict::Reject)
        .await
        .expect("a refusal");
    assert_eq!(told(&engine).await.len(), 4);
    disable(&engine, &admin, account(&third))
        .await
        .expect("disabled");
    assert_eq!(
        told(&engine).await.len(),
        5,
        "two must sign, and one is left"
    );
}

/// A request for three: one signature is given, and of the two that can still come the second
/// can be given by the deputy alone, whose colleague has answered for another.
async fn two_can_still_sign(engine: &Engine, deputies: TimeDelta) -> (ApprovalId, Principal) {
    let admin = Principal::system("test");
    let xenia = approver(engine, "xenia@example.org").await;
    let vera = approver(engine, "vera@example.org").await;
    let anna = approver(engine, "anna@example.org").await;
    let deputy = approver(engine, "deputy@example.org").await;
    approver(engine, "zoe@example.org").await;
    delegate(engine, &xenia, "vera@example.org").await;
    for from in [&anna, &vera] {
        let now = engine.clock.now();
        let new = NewDelegation {
            to: "deputy@example.org".to_owned(),
            starts_at: now - TimeDelta::hours(1),
            ends_at: now + deputies,
            note: None,
        };
        delegations::create(engine, from, &new)
            .await
            .expect("a delegation");
    }
    set(engine, &admin, "late", &["zoe@example.org"])
        .await
        .expect("a group");
    let three = Gate {
        from: vec![
            Signer::User("xenia@example.org".to_owned()),
            Signer::User("anna@example.org".to_owned()),
            group("late"),
        ],
        ..of(group("late"), 3)
    };
    let approval = waiting_under(engine, None, three).await;
    say(engine, &vera, approval, Verdict::Approve)
        .await
        .expect("in the first one's name");
    set(engine, &admin, "late", &["vera@example.org"])
        .await
        .expect("another member");
    assert_eq!(told(engine).await, Vec::<String>::new());
    (approval, deputy)
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn an_answer_of_one_of_the_last_is_told_when_it_is_given(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    reader(&engine, "admin@example.org", &[Role::Admin]).await;
    let (approval, deputy) = two_can_still_sign(&engine, TimeDelta::days(7)).await;
    // The deputy signs for who could have signed themselves, and for nobody else after that.
    say(&engine, &deputy, approval, Verdict::Approve)
        .await
        .expect("in a colleague's name");
    assert_eq!(told(&engine).await, ["admin@example.org"]);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_delegation_that_runs_out_is_found_by_the_watch(pool: PgPool) {
    let sink = Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    reader(&engine, "admin@example.org", &[Role::Admin]).await;
    two_can_still_sign(&engine, TimeDelta::hours(1)).await;
    assert_eq!(watch_quorums(&engine).await.expect("a pass"), 0);
    move_clock(&engine, Duration::from_secs(2 * 3_600)).await;
    assert_eq!(watch_quorums(&engine).await.expect("a pass"), 1);
    watch_quorums(&engine).await.expect("another pass");
    assert_eq!(told(&engine).await, ["admin@example.org"]);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn nobody_empties_a_group_that_a_request_asks_for(pool: PgPool) {
    let engine = engine_with(pool, None);
    let admin = person(&engine, "admin", &[Role::Admin]).await;
    approver(&engine, "one@example.org").await;
    for name in ["release", "leads", "others"] {
        set(&engine, &admin, name, &["one@example.org"])
            .await
            .expect("a group");
    }
    let chain = Gate {
        escalate: vec![EscalationStep {
            after_seconds: 3_600,
            to: vec![Signer::Role(Role::Admin), group("leads")],
        }],
        ..of(group("release"), 1)
    };
    let first = waiting_under(&engine, None, chain.clone()).await;
    let second = waiting_under(&engine, None, chain).await;
    for name in ["release", "leads"] {
        for refused in [
            set(&engine, &admin, name, &[]).await,
            groups::delete(&engine, &admin, name).await,
        ] {
            let expected = format!(
                "approvals {first}, {second} ask for group:{name}, and nobody would be left in it: decide them or \
                 cancel the tasks first, or leave somebody in the group"
            );
            assert!(
                matches!(&refused, Err(Error::Conflict(why)) if *why == expected),
                "{name}: {refused:?}"
            );
        }
    }
    let kept = groups::list(&engine, &admin).await.expect("the groups");
    assert!(
        kept.iter().all(|group| group.members.len() == 1),
        "{kept:?}"
    );
    set(&engine, &admin, "others", &[])
        .await
        .expect("nobody asks for it");
    groups::delete(&engine, &admin, "others")
        .await
        .expect("nor now");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_signature_counts_still_when_its_person_is_disabled(pool: PgPool) {
    let engine = engine_with(pool, None);
    let one = approver(&engine, "one@example.org").await;
    let two = approver(&engine, "two@example.org").await;
    let approval = waiting_under(&engine, None, of(Signer::Role(Role::Approver), 2)).await;
    say(&engine, &one, approval, Verdict::Approve)
        .await
        .expect("a signature");
    let admin = Principal::system("test");
    disable(&engine, &admin, account(&one))
        .await
        .expect("disabled");
    assert_eq!(
        said(&engine).await,
        Vec::<String>::new(),
        "the second one can still sign"
    );
    say(&engine, &two, approval, Verdict::Approve)
        .await
        .expect("the second signature");
    assert_eq!(state(&engine, approval).await, "approved");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_plan_that_asks_for_nobody_is_told_until_they_are_made(pool: PgPool) {
    let engine = engine_with(pool, None);
    let admin = person(&engine, "admin", &[Role::Admin]).await;
    let source = "plan: lonely\ntasks:\n  a: { run: [x], approval: { from: [\"group:release\", \"user:lead@example.org\"], required: 2 } }\n";
    engine::lifecycle::save(&engine, &admin, "lonely", source, None, PlanOrigin::Api)
        .await
        .expect("it is stored");
    let told = || async {
        let found = findings(&engine).await.expect("findings").into_iter();
        let mine: Vec<String> = found
            .filter(|one| one.code == "plan.signers")
            .map(|one| one.message)
            .collect();
        mine
    };
    assert_eq!(
        told().await,
        [
            "Plan lonely, task a: nobody who may sign is in group:release yet, user:lead@example.org is nobody who \
             may sign yet, 2 must sign and 0 could. Make the account or the group, or give the role, before a \
             request waits for it."
        ]
    );
    approver(&engine, "lead@example.org").await;
    approver(&engine, "one@example.org").await;
    set(&engine, &admin, "release", &["one@example.org"])
        .await
        .expect("a group");
    assert_eq!(told().await, Vec::<String>::new());
}
