//! Who may sign: groups, single people, delegates, and who asked for the run.

use crate::support::{claim_one, end, engine, person, plan, run, task, worker};
use engine::Error;
use engine::approvals::groups;
use engine::lifecycle::people::{put_group, revoke_delegation};
use model::approval::{ApprovalState, Verdict};
use model::identity::Role;
use model::plan::{Gate, Signer};
use model::task::Outcome;
use sqlx::PgPool;

use super::{after, approver, delegate, pending, say, waiting};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn groups_and_single_people_are_asked_by_name(pool: PgPool) {
    let engine = engine(pool);
    let admin = person(&engine, "admin", &[Role::Admin]).await;
    let member = approver(&engine, "member@example.org").await;
    let other = approver(&engine, "other@example.org").await;
    let viewer = person(&engine, "viewer@example.org", &[Role::Viewer]).await;
    let members = [
        "member@example.org".to_owned(),
        "viewer@example.org".to_owned(),
    ];
    put_group(&engine, &admin, "release", &members)
        .await
        .expect("a group");

    let by_group = Gate {
        from: vec![Signer::Group("release".to_owned())],
        ..after(1)
    };
    let (_, approval) = waiting(&engine, by_group).await;
    for stranger in [&other, &admin, &viewer] {
        let refused = say(&engine, stranger, approval, Verdict::Approve).await;
        assert!(
            matches!(refused, Err(Error::Forbidden(_))),
            "{}: {refused:?}",
            stranger.name
        );
    }
    let kept = groups::delete(&engine, &admin, "release").await;
    assert!(
        matches!(kept, Err(Error::Conflict(_))),
        "a request waits for it: {kept:?}"
    );
    say(&engine, &member, approval, Verdict::Approve)
        .await
        .expect("a member signs");

    let by_name = Gate {
        from: vec![Signer::User("other@example.org".to_owned())],
        ..after(1)
    };
    let (_, approval) = waiting(&engine, by_name).await;
    let refused = say(&engine, &member, approval, Verdict::Approve).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    say(&engine, &other, approval, Verdict::Approve)
        .await
        .expect("the one who was named");

    let unknown = put_group(
        &engine,
        &admin,
        "release",
        &["nobody@example.org".to_owned()],
    )
    .await;
    assert!(matches!(unknown, Err(Error::Invalid(_))), "{unknown:?}");
    let forbidden = put_group(&engine, &other, "release", &[]).await;
    assert!(
        matches!(forbidden, Err(Error::Forbidden(_))),
        "{forbidden:?}"
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_delegate_gives_one_signature_in_anothers_name(pool: PgPool) {
    let engine = engine(pool);
    let lead = approver(&engine, "lead@example.org").await;
    let deputy = approver(&engine, "deputy@example.org").await;
    let delegation = delegate(&engine, &lead, "deputy@example.org").await;
    let only_lead = Gate {
        from: vec![Signer::User("lead@example.org".to_owned())],
        ..after(1)
    };
    let (_, approval) = waiting(&engine, only_lead.clone()).await;
    let signed = say(&engine, &deputy, approval, Verdict::Approve)
        .await
        .expect("a signature");
    assert_eq!(signed.state, ApprovalState::Approved);
    let (by, behalf): (String, Option<String>) =
        sqlx::query_as("SELECT decided_by, on_behalf_of_name FROM decisions")
            .fetch_one(&engine.pool)
            .await
            .expect("the decision");
    assert_eq!(
        (by.as_str(), behalf.as_deref()),
        ("deputy@example.org", Some("lead@example.org"))
    );

    // A voice counts once, whoever gives it.
    let both = Gate {
        from: vec![
            Signer::User("lead@example.org".to_owned()),
            Signer::Role(Role::Admin),
        ],
        required: 2,
        ..only_lead.clone()
    };
    let (_, approval) = waiting(&engine, both).await;
    say(&engine, &deputy, approval, Verdict::Approve)
        .await
        .expect("in the lead's name");
    let twice = say(&engine, &lead, approval, Verdict::Approve).await;
    assert!(matches!(twice, Err(Error::Conflict(_))), "{twice:?}");

    let foreign = revoke_delegation(&engine, &deputy, delegation).await;
    assert!(
        matches!(foreign, Err(Error::NotFound(_))),
        "only who made it ends it: {foreign:?}"
    );
    revoke_delegation(&engine, &lead, delegation)
        .await
        .expect("it ends");
    let (_, approval) = waiting(&engine, only_lead).await;
    let refused = say(&engine, &deputy, approval, Verdict::Approve).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn who_asked_for_the_run_signs_in_nobodys_name(pool: PgPool) {
    let engine = engine(pool);
    let lead = approver(&engine, "lead@example.org").await;
    let requester = approver(&engine, "requester@example.org").await;
    delegate(&engine, &lead, "requester@example.org").await;
    let mut first = task("change", &[]);
    first.approval = Some(Gate {
        from: vec![Signer::User("lead@example.org".to_owned())],
        ..after(1)
    });
    run(&engine, &plan(vec![first]), requester.account()).await;
    let claimed = claim_one(&engine, &worker(&engine)).await;
    end(&engine, &claimed, Outcome::Succeeded).await;
    let approval = pending(&engine, claimed.lease.task).await;
    let refused = say(&engine, &requester, approval, Verdict::Approve).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    say(&engine, &lead, approval, Verdict::Approve)
        .await
        .expect("the lead signs");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn who_retries_joins_those_who_asked(pool: PgPool) {
    let engine = engine(pool);
    let both = [Role::Operator, Role::Approver];
    let first = person(&engine, "first@example.org", &both).await;
    let second = person(&engine, "second@example.org", &both).await;
    let third = approver(&engine, "third@example.org").await;
    let mut change = task("change", &[]);
    change.approval = Some(after(1));
    let key = run(&engine, &plan(vec![change]), first.account()).await;
    let failed = claim_one(&engine, &worker(&engine)).await;
    end(&engine, &failed, Outcome::Failed).await;
    engine::lifecycle::retry_failed(&engine, &second, key)
        .await
        .expect("a retry");
    let again = claim_one(&engine, &worker(&engine)).await;
    end(&engine, &again, Outcome::Succeeded).await;

    let approval = pending(&engine, again.lease.task).await;
    for requester in [&first, &second] {
        let refused = say(&engine, requester, approval, Verdict::Approve).await;
        assert!(
            matches!(&refused, Err(Error::Forbidden(why)) if why.contains("you asked")),
            "{}: {refused:?}",
            requester.name
        );
    }
    let shown = engine::history::approval(&engine, &third, approval)
        .await
        .expect("a request");
    assert_eq!(
        shown.requester.as_deref(),
        Some("first@example.org, second@example.org")
    );
    say(&engine, &third, approval, Verdict::Approve)
        .await
        .expect("another person");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_person_in_two_groups_counts_once(pool: PgPool) {
    let engine = engine(pool);
    let admin = person(&engine, "admin", &[Role::Admin]).await;
    let one = approver(&engine, "one@example.org").await;
    let other = approver(&engine, "other@example.org").await;
    for (group, members) in [
        ("release", vec!["one@example.org".to_owned()]),
        (
            "security",
            vec!["one@example.org".to_owned(), "other@example.org".to_owned()],
        ),
    ] {
        put_group(&engine, &admin, group, &members)
            .await
            .expect("a group");
    }
    let gate = Gate {
        from: ["release", "security"]
            .map(|name| Signer::Group(name.to_owned()))
            .to_vec(),
        ..after(2)
    };
    let (_, approval) = waiting(&engine, gate).await;
    let first = say(&engine, &one, approval, Verdict::Approve)
        .await
        .expect("a signature");
    assert_eq!(first.state, ApprovalState::Pending);
    let twice = say(&engine, &one, approval, Verdict::Approve).await;
    assert!(matches!(twice, Err(Error::Conflict(_))), "{twice:?}");
    let second = say(&engine, &other, approval, Verdict::Approve)
        .await
        .expect("a second person");
    assert_eq!(second.state, ApprovalState::Approved);
}
