//! Plan versions that weaken a gate: proposed, and in effect once they are signed.

mod files;
mod older;
mod signers;

use engine::lifecycle::{Channel, Decide, Decided, Saved, save, start};
use engine::plans::{PlanOrigin, current};
use engine::{Engine, Error, Result, Settings, history};
use model::approval::{ApprovalState, Verdict};
use model::id::{AccountId, ApprovalId, TaskId, TokenId};
use model::identity::{Principal, PrincipalKind, Role, Scope};
use model::task::TaskState;
use serde_json::json;
use sqlx::PgPool;

use crate::support::{decide, person, state};

/// `deploy` waits for an approver.
pub const GATED: &str = "plan: release
triggers: [{cron: '0 2 * * *'}]
tasks:
  build: {run: [make]}
  deploy: {run: [make, deploy], needs: [build], approval: {at: start, from: [role:approver]}}
";
/// The same without its gate, and due at another time.
pub const FREE: &str = "plan: release
triggers: [{cron: '0 3 * * *'}]
tasks:
  build: {run: [make]}
  deploy: {run: [make, deploy], needs: [build]}
";
/// The first one with something that asks nobody less.
const STRICTER: &str = "plan: release
description: signed by two
triggers: [{cron: '0 2 * * *'}]
tasks:
  build: {run: [make]}
  deploy: {run: [make, deploy], needs: [build], approval: {at: start, from: [role:approver], required: 2}}
";

pub async fn store(engine: &Engine, who: &Principal, text: &str) -> Saved {
    save(engine, who, "release", text, None, PlanOrigin::Api)
        .await
        .expect("it is stored")
}

pub async fn answer(
    engine: &Engine,
    who: &Principal,
    approval: ApprovalId,
    verdict: Verdict,
) -> Result<Decided> {
    let answer = Decide {
        approval,
        digest: None,
        verdict,
        note: Some("seen".to_owned()),
        inputs: None,
        channel: Channel::Page,
    };
    decide(engine, who, &answer).await
}

/// The version that runs; 0 while none does.
pub async fn runs(engine: &Engine) -> i32 {
    match current(engine, "release").await {
        Ok(stored) => stored.version,
        Err(Error::NotFound(_)) => 0,
        Err(error) => panic!("{error}"),
    }
}

pub async fn standing(engine: &Engine, version: i32) -> String {
    sqlx::query_scalar(
        "SELECT o.state FROM proposals o JOIN plan_versions v ON v.id = o.plan_version_id WHERE v.version = $1",
    )
    .bind(version)
    .fetch_one(&engine.pool)
    .await
    .expect("a proposal")
}

pub async fn task_of(engine: &Engine, approval: ApprovalId) -> TaskId {
    let id = sqlx::query_scalar("SELECT task_id FROM approvals WHERE id = $1")
        .bind(approval.0)
        .fetch_one(&engine.pool)
        .await
        .expect("a request");
    TaskId(id)
}

pub fn token_of(who: &Principal, scopes: &[Scope]) -> Principal {
    Principal {
        kind: PrincipalKind::PersonToken {
            account: account(who),
            token: TokenId(1),
            scopes: scopes.to_vec(),
        },
        ..who.clone()
    }
}

pub fn account(who: &Principal) -> AccountId {
    who.account().expect("an account")
}

pub struct House {
    pub engine: Engine,
    /// May run and edit plans, and not sign.
    pub operator: Principal,
    pub approver: Principal,
}

impl House {
    pub async fn new(pool: PgPool, settings: Settings) -> Self {
        let engine = Engine::new(pool, settings);
        let operator = person(&engine, "operator@example.org", &[Role::Operator]).await;
        let approver = person(&engine, "approver@example.org", &[Role::Approver]).await;
        Self {
            engine,
            operator,
            approver,
        }
    }

    /// With the gated plan in effect.
    pub async fn gated(pool: PgPool) -> Self {
        let house = Self::new(pool, Settings::default()).await;
        let saved = store(&house.engine, &house.operator, GATED).await;
        assert_eq!(
            saved.proposed,
            Vec::new(),
            "a first version without secrets"
        );
        house
    }

    /// The request of a version that takes the gate away.
    pub async fn weaken(&self) -> ApprovalId {
        let saved = store(&self.engine, &self.operator, FREE).await;
        assert_eq!(saved.proposed.len(), 1, "{saved:?}");
        saved.proposed[0]
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_version_without_the_gate_runs_once_it_is_signed(pool: PgPool) {
    let house = House::gated(pool).await;
    let (engine, operator) = (&house.engine, &house.operator);
    let approval = house.weaken().await;
    assert_eq!(
        (runs(engine).await, standing(engine, 2).await),
        (1, "proposed".to_owned())
    );
    let due: Vec<(String, bool)> = sqlx::query_as("SELECT key, enabled FROM triggers")
        .fetch_all(&engine.pool)
        .await
        .expect("triggers");
    assert_eq!(
        due,
        [("0 2 * * *".to_owned(), true)],
        "the schedule waits, too"
    );
    let (run, _) = start(engine, operator, "release", json!({}))
        .await
        .expect("it starts");
    let used: i32 = sqlx::query_scalar(
        "SELECT v.version FROM runs r JOIN plan_versions v ON v.id = r.plan_version_id WHERE r.id = $1",
    )
    .bind(run.0)
    .fetch_one(&engine.pool)
    .await
    .expect("a run");
    assert_eq!(used, 1);

    let shown = history::approval(engine, &house.approver, approval)
        .await
        .expect("it is shown");
    assert_eq!(shown.row.task, "version 2 of release");
    assert_eq!(shown.row.plan.as_deref(), Some("release"));
    let diff = shown.patches[0].text.as_str();
    assert!(
        diff.contains("+++ release version 2") && diff.contains("approval: {at: start"),
        "{diff}"
    );
    assert_eq!(
        shown.outputs.expect("outputs")["weakenings"],
        json!(["deploy: nobody is asked any more before it starts"])
    );
    let page = history::plan(engine, operator, "release")
        .await
        .expect("a plan");
    let proposed = page.proposed.expect("a proposal");
    assert_eq!((proposed.version, proposed.approvals), (2, vec![approval]));

    let decided = answer(engine, &house.approver, approval, Verdict::Approve)
        .await
        .expect("signed");
    assert_eq!(
        (decided.state, runs(engine).await),
        (ApprovalState::Approved, 2)
    );
    assert_eq!(state(engine, decided.task).await, TaskState::Succeeded);
    assert_eq!(standing(engine, 2).await, "effective");
    let due: Vec<(String, bool)> = sqlx::query_as("SELECT key, enabled FROM triggers ORDER BY key")
        .fetch_all(&engine.pool)
        .await
        .expect("triggers");
    assert_eq!(
        due,
        [
            ("0 2 * * *".to_owned(), false),
            ("0 3 * * *".to_owned(), true)
        ]
    );
    let audit: Vec<(String, String)> = sqlx::query_as(
        "SELECT action, actor FROM audit WHERE subject = 'plan/release' ORDER BY id",
    )
    .fetch_all(&engine.pool)
    .await
    .expect("the audit");
    let audit: Vec<(&str, &str)> = audit
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    let (operator, approver) = ("operator@example.org", "approver@example.org");
    assert_eq!(
        audit,
        [
            ("plan.save", operator),
            ("plan.save", operator),
            ("plan.effect", approver)
        ]
    );
    // Back to the gate is a version like any other, and asks nobody less.
    let back = store(engine, &house.operator, GATED).await;
    assert_eq!(
        (back.version, back.proposed.len(), runs(engine).await),
        (3, 0, 3)
    );
    // Back again to what was signed once is signed again.
    assert_eq!(store(engine, &house.operator, FREE).await.proposed.len(), 1);
    assert_eq!(runs(engine).await, 3);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_is_refused_or_late_never_runs(pool: PgPool) {
    let house = House::gated(pool).await;
    let engine = &house.engine;
    let approval = house.weaken().await;
    let sent_back = answer(engine, &house.approver, approval, Verdict::RequestChanges).await;
    assert!(
        matches!(sent_back, Err(Error::Conflict(_))),
        "{sent_back:?}"
    );
    answer(engine, &house.approver, approval, Verdict::Reject)
        .await
        .expect("refused");
    assert_eq!(
        (runs(engine).await, standing(engine, 2).await),
        (1, "refused".to_owned())
    );
    let task = task_of(engine, approval).await;
    assert_eq!(state(engine, task).await, TaskState::Failed);
    let again = engine::lifecycle::rerun(engine, &house.operator, task).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    // A person may ask again.
    assert_eq!(house.weaken().await.0, approval.0 + 1);
    engine::lifecycle::cancel(
        engine,
        &house.operator,
        task_of(engine, ApprovalId(approval.0 + 1)).await,
        None,
    )
    .await
    .expect("taken back");
    assert_eq!(
        (runs(engine).await, standing(engine, 3).await),
        (1, "withdrawn".to_owned())
    );

    let hurried = GATED.replace(
        "from: [role:approver]",
        "from: [role:approver], expires: 1m",
    );
    assert_eq!(
        store(engine, &house.operator, &hurried).await.proposed,
        Vec::new()
    );
    house.weaken().await;
    crate::support::move_clock(engine, std::time::Duration::from_secs(61)).await;
    engine::lifecycle::act_on_due(engine).await.expect("a pass");
    assert_eq!(
        (runs(engine).await, standing(engine, 5).await),
        (4, "refused".to_owned())
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_newer_version_takes_the_place_of_a_proposal(pool: PgPool) {
    let house = House::gated(pool).await;
    let (engine, operator) = (&house.engine, &house.operator);
    let first = house.weaken().await;
    assert_eq!(
        house.weaken().await,
        first,
        "the same text is the same proposal"
    );
    let other = FREE.replace("[make]", "[make, all]");
    let second = store(engine, operator, &other).await.proposed[0];
    assert_eq!(
        (standing(engine, 2).await, standing(engine, 3).await),
        ("superseded".into(), "proposed".into())
    );
    let late = answer(engine, &house.approver, first, Verdict::Approve).await;
    assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
    let shown = history::approval(engine, operator, first)
        .await
        .expect("it is shown");
    assert_eq!(shown.row.state, ApprovalState::Superseded);

    // One that weakens nothing takes effect, and the comparison of the open one is void.
    let stricter = store(engine, operator, STRICTER).await;
    assert_eq!((stricter.version, runs(engine).await), (4, 4));
    let late = answer(engine, &house.approver, second, Verdict::Approve).await;
    assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
    assert_eq!(runs(engine).await, 4);

    // What runs, stored again, withdraws what is proposed.
    house.weaken().await;
    assert_eq!(store(engine, operator, STRICTER).await.version, 4);
    assert_eq!(standing(engine, 5).await, "withdrawn");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_proposal_is_nothing_that_runs_or_is_reported(pool: PgPool) {
    let house = House::gated(pool).await;
    let engine = &house.engine;
    let task = task_of(engine, house.weaken().await).await;
    let reporter = Principal {
        kind: PrincipalKind::TrustedReporter,
        name: "reporter".to_owned(),
        roles: Vec::new(),
    };
    let patch = engine::reported::ReportPatch {
        log_excerpt: Some(Some("done".to_owned())),
        ..engine::reported::ReportPatch::default()
    };
    let patched = engine::reported::patch(engine, &reporter, task, &patch).await;
    assert!(matches!(patched, Err(Error::Conflict(_))), "{patched:?}");
    let held = engine::lifecycle::hold(engine, &house.operator, task).await;
    assert!(matches!(held, Err(Error::Conflict(_))), "{held:?}");
    let worker = crate::support::worker(engine);
    let claimed = engine::lifecycle::claim(engine, &worker, 8)
        .await
        .expect("a claim");
    assert!(claimed.is_empty(), "{claimed:?}");
    assert_eq!(state(engine, task).await, TaskState::AwaitingApproval);
}
