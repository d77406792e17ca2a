//! The signers of a proposal: those whom the weakened gates asked for, and never its author.

use engine::lifecycle::{Channel, Decide, start};
use engine::plans::NewVersions;
use engine::{Engine, Error, Settings};
use model::approval::Verdict;
use model::id::ApprovalId;
use model::identity::{Principal, Role, Scope};
use serde_json::json;
use sqlx::PgPool;

use super::{FREE, GATED, House, account, answer, runs, standing, store, token_of};
use crate::support::{person, seen};

async fn sole_decider(engine: &Engine, approval: ApprovalId) -> bool {
    sqlx::query_scalar("SELECT sole_decider FROM decisions WHERE approval_id = $1")
        .bind(approval.0)
        .fetch_one(&engine.pool)
        .await
        .expect("a decision")
}

async fn requesters(engine: &Engine, approval: ApprovalId) -> Vec<i64> {
    sqlx::query_scalar("SELECT requesters FROM approvals WHERE id = $1")
        .bind(approval.0)
        .fetch_one(&engine.pool)
        .await
        .expect("a request")
}

/// May edit plans and sign: the one who could do both alone.
async fn both(house: &House) -> Principal {
    person(
        &house.engine,
        "both@example.org",
        &[Role::Operator, Role::Approver],
    )
    .await
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn its_author_cannot_sign_it(pool: PgPool) {
    let house = House::gated(pool).await;
    let engine = &house.engine;
    let both = both(&house).await;
    // What the former gate says of requesters changes nothing about that.
    let allowed = GATED.replace(
        "from: [role:approver]",
        "from: [role:approver], requester: allowed",
    );
    let first = store(engine, &both, &allowed).await.proposed[0];
    let own = answer(engine, &both, first, Verdict::Approve).await;
    assert!(matches!(own, Err(Error::Forbidden(_))), "{own:?}");
    answer(engine, &house.approver, first, Verdict::Approve)
        .await
        .expect("signed");
    let second = store(engine, &both, FREE).await.proposed[0];
    let own = answer(engine, &both, second, Verdict::Approve).await;
    assert!(matches!(own, Err(Error::Forbidden(_))), "{own:?}");
    assert_eq!(requesters(engine, second).await, [account(&both).0]);
    answer(engine, &house.approver, second, Verdict::Approve)
        .await
        .expect("signed");
    assert_eq!(
        (runs(engine).await, sole_decider(engine, second).await),
        (3, false)
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_author_of_a_version_is_a_requester_of_its_runs(pool: PgPool) {
    let house = House::new(pool, Settings::default()).await;
    let engine = &house.engine;
    let both = both(&house).await;
    store(engine, &both, &GATED.replace(", needs: [build]", "")).await;
    for starter in [Principal::system("scheduler"), house.operator.clone()] {
        start(engine, &starter, "release", json!({}))
            .await
            .expect("it starts");
        let approval: i64 = sqlx::query_scalar("SELECT max(id) FROM approvals")
            .fetch_one(&engine.pool)
            .await
            .expect("a request");
        let approval = ApprovalId(approval);
        assert!(
            requesters(engine, approval)
                .await
                .contains(&account(&both).0)
        );
        let own = answer(engine, &both, approval, Verdict::Approve).await;
        assert!(matches!(own, Err(Error::Forbidden(_))), "{own:?}");
        answer(engine, &house.approver, approval, Verdict::Approve)
            .await
            .expect("signed");
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn no_token_signs_one(pool: PgPool) {
    let house = House::gated(pool).await;
    let engine = &house.engine;
    let approval = house.weaken().await;
    let token = token_of(&house.approver, &Scope::ALL);
    for verdict in [Verdict::Approve, Verdict::Reject] {
        let signed = answer(engine, &token, approval, verdict).await;
        assert!(
            matches!(&signed, Err(Error::Forbidden(text)) if text.contains("no token")),
            "{signed:?}"
        );
    }
    assert_eq!(
        (runs(engine).await, standing(engine, 2).await),
        (1, "proposed".to_owned())
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_sole_account_signs_alone_and_its_token_does_not(pool: PgPool) {
    let engine = Engine::new(pool, Settings::default());
    let admin = person(&engine, "admin@example.org", &[Role::Admin]).await;
    let token = token_of(&admin, &Scope::ALL);
    store(&engine, &token, GATED).await;
    assert_eq!(runs(&engine).await, 1, "it weakens nothing");
    let approval = store(&engine, &token, FREE).await.proposed[0];
    assert_eq!(runs(&engine).await, 1);
    let signed = answer(&engine, &token, approval, Verdict::Approve).await;
    assert!(matches!(signed, Err(Error::Forbidden(_))), "{signed:?}");
    answer(&engine, &admin, approval, Verdict::Approve)
        .await
        .expect("signed");
    assert_eq!(runs(&engine).await, 2);
    assert!(sole_decider(&engine, approval).await, "the record says so");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn of_two_gates_both_are_asked_as_often_as_they_asked(pool: PgPool) {
    let house = House::new(pool, Settings::default()).await;
    let engine = &house.engine;
    let lead = person(engine, "lead@example.org", &[Role::Approver]).await;
    let third = person(engine, "third@example.org", &[Role::Approver]).await;
    let two = "plan: release
tasks:
  check: {run: [make, check], approval: {from: ['user:lead@example.org']}}
  deploy: {run: [make, deploy], needs: [check], approval: {at: start, from: [role:approver], required: 2}}
";
    store(engine, &house.operator, two).await;
    let saved = store(
        engine,
        &house.operator,
        "plan: release\ntasks:\n  deploy: {run: [make, deploy]}\n",
    )
    .await;
    let [of_lead, of_approvers] = saved.proposed[..] else {
        panic!("{saved:?}");
    };
    let other = answer(engine, &house.approver, of_lead, Verdict::Approve).await;
    assert!(matches!(other, Err(Error::Forbidden(_))), "{other:?}");
    answer(engine, &house.approver, of_approvers, Verdict::Approve)
        .await
        .expect("one of two");
    answer(engine, &third, of_approvers, Verdict::Approve)
        .await
        .expect("two of two");
    assert_eq!(runs(engine).await, 1, "one gate is not asked yet");
    answer(engine, &lead, of_lead, Verdict::Approve)
        .await
        .expect("the other gate");
    assert_eq!(
        (runs(engine).await, standing(engine, 2).await),
        (2, "effective".to_owned())
    );

    // Where one refuses, what the others said is void.
    store(engine, &house.operator, two).await;
    let saved = store(
        engine,
        &house.operator,
        "plan: release\ntasks:\n  deploy: {run: [make, deploy]}\n",
    )
    .await;
    answer(engine, &lead, saved.proposed[0], Verdict::Approve)
        .await
        .expect("signed");
    answer(engine, &third, saved.proposed[1], Verdict::Reject)
        .await
        .expect("refused");
    assert_eq!(
        (runs(engine).await, standing(engine, saved.version).await),
        (3, "refused".to_owned())
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn who_lost_the_role_cannot_sign(pool: PgPool) {
    let house = House::gated(pool).await;
    let engine = &house.engine;
    let second = person(engine, "second@example.org", &[Role::Approver]).await;
    let approval = house.weaken().await;
    let admin = Principal::system("test");
    engine::lifecycle::people::set_roles(engine, &admin, account(&house.approver), &[Role::Viewer])
        .await
        .expect("demoted");
    let signed = answer(engine, &house.approver, approval, Verdict::Approve).await;
    assert!(matches!(signed, Err(Error::Forbidden(_))), "{signed:?}");
    answer(engine, &second, approval, Verdict::Approve)
        .await
        .expect("signed");
    assert_eq!(runs(engine).await, 2);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_first_use_of_a_secret_is_proposed(pool: PgPool) {
    let mut settings = Settings::default();
    settings
        .secret_plans
        .insert("OPEN".to_owned(), vec!["release".to_owned()]);
    settings
        .secret_plans
        .insert("OTHERS".to_owned(), vec!["nightly".to_owned()]);
    let house = House::new(pool, settings).await;
    let engine = &house.engine;
    let with = |secret: &str| {
        format!(
            "plan: release\ntasks:\n  deploy: {{run: [make], environment: {{KEY: {{secret: {secret}}}}}}}\n"
        )
    };
    let saved = store(engine, &house.operator, &with("OTHERS")).await;
    assert_eq!(
        (saved.running, saved.proposed.len(), runs(engine).await),
        (0, 1, 0)
    );
    let nothing = start(engine, &house.operator, "release", json!({})).await;
    assert!(matches!(nothing, Err(Error::NotFound(_))), "{nothing:?}");
    // Nothing asked for anybody before: one approver does.
    answer(engine, &house.approver, saved.proposed[0], Verdict::Approve)
        .await
        .expect("signed");
    assert_eq!(runs(engine).await, 1);
    let open = store(engine, &house.operator, &with("OPEN")).await;
    assert_eq!((open.proposed.len(), runs(engine).await), (0, 2));
    assert_eq!(
        store(engine, &house.operator, &with("OTHERS"))
            .await
            .proposed
            .len(),
        1
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_token_may_be_kept_from_storing_what_runs(pool: PgPool) {
    let settings = Settings {
        plans_by_token: NewVersions::Proposed,
        ..Settings::default()
    };
    let house = House::new(pool, settings).await;
    let engine = &house.engine;
    store(engine, &house.operator, GATED).await;
    let same = GATED.replace("plan: release\n", "plan: release\ndescription: the same\n");
    let token = token_of(&house.operator, &[Scope::Plans]);
    let saved = store(engine, &token, &same).await;
    assert_eq!((saved.proposed.len(), runs(engine).await), (1, 1));
    answer(engine, &house.approver, saved.proposed[0], Verdict::Approve)
        .await
        .expect("signed");
    assert_eq!(runs(engine).await, 2);
    assert_eq!(
        store(engine, &house.operator, GATED).await.proposed,
        Vec::new()
    );
}

/// The setting changes while the version waits: what is weaker now is more than was signed.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_is_weaker_at_the_moment_of_effect_is_asked_anew(pool: PgPool) {
    let mut settings = Settings::default();
    settings
        .secret_plans
        .insert("KEY".to_owned(), vec!["release".to_owned()]);
    let house = House::new(pool.clone(), settings).await;
    store(&house.engine, &house.operator, GATED).await;
    let with = FREE.replace(
        "run: [make]",
        "run: [make], environment: {KEY: {secret: KEY}}",
    );
    let first = store(&house.engine, &house.operator, &with).await.proposed[0];
    let engine = Engine::new(pool, Settings::default());
    answer(&engine, &house.approver, first, Verdict::Approve)
        .await
        .expect("signed");
    assert_eq!(
        (runs(&engine).await, standing(&engine, 2).await),
        (1, "proposed".to_owned())
    );
    answer(
        &engine,
        &house.approver,
        ApprovalId(first.0 + 1),
        Verdict::Approve,
    )
    .await
    .expect("signed again");
    assert_eq!(
        (runs(&engine).await, standing(&engine, 2).await),
        (2, "effective".to_owned())
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn nobody_signs_one_without_a_look(pool: PgPool) {
    let house = House::gated(pool).await;
    let engine = &house.engine;
    let approval = house.weaken().await;
    let blind = Decide {
        approval,
        digest: None,
        verdict: Verdict::Approve,
        note: None,
        inputs: None,
        channel: Channel::Api,
    };
    let answer = engine::lifecycle::decide(engine, &house.approver, &blind).await;
    assert!(matches!(answer, Err(Error::DigestNeeded(_))), "{answer:?}");
    // A message does not show all that changes.
    let clicked = Decide {
        digest: seen(engine, approval).await,
        channel: Channel::Slack,
        ..blind
    };
    let answer = engine::lifecycle::decide(engine, &house.approver, &clicked).await;
    assert!(matches!(answer, Err(Error::Forbidden(_))), "{answer:?}");
}
