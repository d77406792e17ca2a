//! What the tests share: plans, workers, people and a clock that can be moved.

use std::time::Duration;

use engine::lifecycle::{self, Decide, Decided, NewRun, materialise};
use engine::lifecycle::{claim, finish};
use engine::tasks::digest::Digest;
use engine::tasks::{AttemptResult, Claimed, Finish, Finished, WorkerIdentity};
use engine::{Engine, Settings};
use model::id::{AccountId, ApprovalId, PlanId, PlanVersionId, RunKey, TaskId};
use model::identity::{Principal, PrincipalKind, Role};
use model::plan::{CommentRule, Gate, Plan, PlanTask, Signer, Work};
use model::task::{GatePhase, Outcome, TaskState};
use sqlx::PgPool;

pub fn engine(pool: PgPool) -> Engine {
    Engine::new(pool, Settings::default())
}

pub fn worker(engine: &Engine) -> WorkerIdentity {
    WorkerIdentity {
        id: engine.random.uuid(),
        name: "test".to_owned(),
        labels: Vec::new(),
    }
}

/// A task that does nothing in particular.
pub fn task(name: &str, needs: &[&str]) -> PlanTask {
    PlanTask {
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        ..PlanTask::new(name, Work::run(["true"]))
    }
}

/// A gate that one approver opens.
pub fn gate(phase: GatePhase) -> Gate {
    Gate {
        comment: CommentRule::Optional,
        ..Gate::new(phase, vec![Signer::Role(Role::Approver)])
    }
}

pub fn plan(tasks: Vec<PlanTask>) -> Plan {
    Plan {
        name: "nightly".to_owned(),
        description: String::new(),
        timezone: "Europe/Paris".to_owned(),
        run_id: "nightly-{date}".to_owned(),
        inputs: Vec::new(),
        triggers: Vec::new(),
        tasks,
    }
}

/// Stores the plan and makes a run of it, as asked for by `requester`.
pub async fn run(engine: &Engine, plan: &Plan, requester: Option<AccountId>) -> RunKey {
    let definition = serde_json::to_value(plan).expect("a plan is JSON");
    let (plan_id, version_id): (i64, i64) = sqlx::query_as(
        "WITH p AS (INSERT INTO plans (name, current_version, source) VALUES ($1, 1, 'api')
                    ON CONFLICT (name) DO UPDATE SET current_version = plans.current_version + 1
                    RETURNING id, current_version)
         INSERT INTO plan_versions (plan_id, version, content_hash, source_text, definition, created_by)
         SELECT id, current_version, '', '', $2, 'test' FROM p RETURNING plan_id, id",
    )
    .bind(&plan.name)
    .bind(definition)
    .fetch_one(&engine.pool)
    .await
    .expect("the plan is stored");
    let mut transaction = engine.pool.begin().await.expect("a transaction");
    let (run, _) = materialise(
        engine,
        &mut transaction,
        &NewRun {
            plan_id: PlanId(plan_id),
            plan_version_id: PlanVersionId(version_id),
            plan,
            trigger: None,
            due_at: engine.clock.now(),
            started_by: "test",
            requester,
            inputs: serde_json::json!({}),
            waits_for: None,
        },
    )
    .await
    .expect("the run is made");
    transaction.commit().await.expect("the run is committed");
    run
}

/// An account with these roles, and a session of it.
pub async fn person(engine: &Engine, login: &str, roles: &[Role]) -> Principal {
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO accounts (login, password_hash) VALUES ($1, 'none') RETURNING id",
    )
    .bind(login)
    .fetch_one(&engine.pool)
    .await
    .expect("the account is new");
    for role in roles {
        sqlx::query("INSERT INTO account_roles VALUES ($1, $2)")
            .bind(id)
            .bind(role.as_str())
            .execute(&engine.pool)
            .await
            .expect("the role is known");
    }
    Principal {
        kind: PrincipalKind::Session {
            account: AccountId(id),
        },
        name: login.to_owned(),
        roles: roles.to_vec(),
    }
}

pub async fn claim_one(engine: &Engine, worker: &WorkerIdentity) -> Claimed {
    claim(engine, worker, 1)
        .await
        .expect("the claim goes through")
        .pop()
        .expect("something is ready")
}

pub async fn end(engine: &Engine, claimed: &Claimed, outcome: Outcome) -> Finished {
    finish_with(engine, claimed, AttemptResult::bare(outcome)).await
}

pub async fn finish_with(engine: &Engine, claimed: &Claimed, result: AttemptResult) -> Finished {
    let lease = claimed.lease;
    finish(engine, vec![Finish { lease, result }])
        .await
        .expect("the finish goes through")
        .pop()
        .expect("one answer per finish")
}

pub async fn state(engine: &Engine, task: TaskId) -> TaskState {
    let text: String = sqlx::query_scalar("SELECT state FROM tasks WHERE id = $1")
        .bind(task.0)
        .fetch_one(&engine.pool)
        .await
        .expect("the task exists");
    text.parse().expect("a stored state is known")
}

/// The states of a run's tasks, by name.
pub async fn states(engine: &Engine, run: RunKey) -> Vec<(String, TaskState)> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT name, state FROM tasks WHERE run = $1 ORDER BY position")
            .bind(run.0)
            .fetch_all(&engine.pool)
            .await
            .expect("the run exists");
    rows.into_iter()
        .map(|(name, state)| (name, state.parse().expect("a stored state is known")))
        .collect()
}

/// Moves the database's clock this far from the real one.
pub async fn move_clock(engine: &Engine, ahead: Duration) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "CREATE OR REPLACE FUNCTION watchbill_now() RETURNS timestamptz LANGUAGE sql STABLE
         AS 'SELECT statement_timestamp() + interval ''{} seconds'''",
        ahead.as_secs()
    )))
    .execute(&engine.pool)
    .await
    .expect("the clock moves");
}

/// What a person looks at who opens this request now.
pub async fn seen(engine: &Engine, approval: ApprovalId) -> Option<Digest> {
    let digest: Option<Vec<u8>> = sqlx::query_scalar("SELECT digest FROM approvals WHERE id = $1")
        .bind(approval.0)
        .fetch_optional(&engine.pool)
        .await
        .expect("a look");
    digest.map(|digest| digest.try_into().expect("32 bytes"))
}

/// Answers, after a look at the request where the answer does not say at what.
pub async fn decide(engine: &Engine, who: &Principal, answer: &Decide) -> engine::Result<Decided> {
    let mut answer = answer.clone();
    if answer.digest.is_none() {
        answer.digest = seen(engine, answer.approval).await;
    }
    lifecycle::decide(engine, who, &answer).await
}

/// Waits until this many sessions wait for a lock, or there is nothing to wait for.
pub async fn until(engine: &Engine, waiting: i64, over: impl Fn() -> bool) {
    let looking = async {
        while !over() {
            let now: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND backend_type = 'client backend' AND wait_event_type = 'Lock'",
            )
            .fetch_one(&engine.pool)
            .await
            .expect("the sessions");
            if now >= waiting {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), looking)
        .await
        .expect("it comes to a lock within a minute");
}
