//! Plans that an older server stored without what YAML had dropped, at the upgrade.

use engine::lifecycle::{Channel, Decide, save};
use engine::plans::{PlanOrigin, pause, resume};
use engine::upkeep::{Rechecked, Severity, findings, recheck};
use engine::{Engine, Error};
use model::approval::Verdict;
use model::id::{RunKey, TokenId};
use model::identity::{Principal, PrincipalKind, Role, Scope};
use model::plan::{Gate, Plan, RiskLevel, RiskRule, Signer, Work};
use model::task::{GatePhase, Outcome, TaskState};
use serde_json::json;
use sqlx::PgPool;

use crate::mail::{engine_with, reader};
use crate::support::{claim_one, decide, end, engine, person, plan, run, states, task, worker};

const LOST: &str = "plan: nightly\ntasks:\n  change:\n    run: [x]\n    approval:\n      risk:\n        \
                    - level: auto\n          when: !outputs.danger\n";
const MENDED: &str = "plan: nightly\ntasks:\n  change:\n    run: [x]\n    approval:\n      risk:\n        \
                      - level: auto\n          when: \"!outputs.danger\"\n";

/// The plan as the server before read [`LOST`]: the rule has no condition, and so lets all pass.
fn without_condition() -> Plan {
    let mut change = task("change", &[]);
    let rule = RiskRule {
        when: None,
        level: RiskLevel::Auto,
    };
    change.approval = Some(Gate {
        risk: vec![rule],
        ..Gate::new(GatePhase::AfterResult, vec![Signer::Role(Role::Approver)])
    });
    plan(vec![change])
}

/// Stores a version as an older server did: its text, and what it had read of it.
async fn stored(engine: &Engine, text: &str, plan: &Plan) -> i64 {
    sqlx::query_scalar(
        "WITH p AS (INSERT INTO plans (name, current_version, source) VALUES ($1, 1, 'api')
                    ON CONFLICT (name) DO UPDATE SET current_version = plans.current_version + 1
                    RETURNING id, current_version)
         INSERT INTO plan_versions (plan_id, version, content_hash, source_text, definition, created_by)
         SELECT id, current_version, '', $2, $3, 'test' FROM p RETURNING id",
    )
    .bind(&plan.name)
    .bind(text)
    .bind(serde_json::to_value(plan).expect("a plan is JSON"))
    .fetch_one(&engine.pool)
    .await
    .expect("the plan is stored")
}

async fn paused_by(engine: &Engine) -> Option<String> {
    sqlx::query_scalar("SELECT paused_by FROM plans WHERE name = 'nightly'")
        .fetch_one(&engine.pool)
        .await
        .expect("the plan is there")
}

async fn codes(engine: &Engine) -> Vec<(&'static str, Severity, String)> {
    findings(engine)
        .await
        .expect("findings")
        .into_iter()
        .filter(|one| one.code.starts_with("plan.") && one.code != "plan.signers")
        .map(|one| (one.code, one.severity, one.message))
        .collect()
}

async fn start(engine: &Engine, person: &Principal) -> engine::Result<RunKey> {
    let started = engine::lifecycle::start(engine, person, "nightly", json!({})).await;
    started.map(|(run, _)| run)
}

fn token_of(person: &Principal) -> Principal {
    Principal {
        kind: PrincipalKind::PersonToken {
            account: person.account().expect("a person"),
            token: TokenId(1),
            scopes: vec![Scope::Run, Scope::Plans],
        },
        ..person.clone()
    }
}

#[track_caller]
fn is_refused<T: std::fmt::Debug>(answer: engine::Result<T>, words: &str) {
    match answer {
        Err(Error::Conflict(sentence)) => assert!(sentence.contains(words), "{sentence}"),
        other => panic!("wanted a conflict, got {other:?}"),
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_lost_a_condition_is_paused_and_told_once(pool: PgPool) {
    let sink = crate::mail::Sink::new().await;
    let engine = engine_with(pool, Some(sink.plain()));
    reader(&engine, "admin@example.org", &[Role::Admin]).await;
    reader(&engine, "operator@example.org", &[Role::Operator]).await;
    let version = stored(&engine, LOST, &without_condition()).await;

    let (one, two) = tokio::join!(recheck(&engine), recheck(&engine));
    assert!(one.expect("a pass").held + two.expect("a pass").held >= 1);
    assert_eq!(
        recheck(&engine).await.expect("a pass"),
        Rechecked::default()
    );

    assert_eq!(paused_by(&engine).await.as_deref(), Some("upgrade check"));
    let found = codes(&engine).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].0, found[0].1),
        ("plan.lost_gate", Severity::Warning)
    );
    let place = "8:17: tasks.change.approval.risk[0].when: put it in quotes: \"!outputs.danger\"";
    assert!(found[0].2.contains(place), "{found:?}");
    let mails: Vec<(String, i64)> = sqlx::query_as(
        "SELECT a.login, (o.payload->>'version')::bigint FROM outbox o JOIN accounts a ON a.id = o.recipient_account_id
         WHERE o.channel = 'mail' AND o.payload->>'kind' = 'plan_held'",
    )
    .fetch_all(&engine.pool)
    .await
    .expect("rows");
    assert_eq!(mails, [("admin@example.org".to_owned(), version)]);
    let audited: Vec<(String, String)> =
        sqlx::query_as("SELECT actor, subject FROM audit WHERE action = 'plan.hold'")
            .fetch_all(&engine.pool)
            .await
            .expect("rows");
    assert_eq!(
        audited,
        [("upgrade check".to_owned(), "plan/nightly".to_owned())]
    );

    crate::mail::send_all(&engine).await;
    let letter = crate::mail::only(&sink);
    let subject = crate::mail::subject(&letter);
    assert_eq!(
        subject,
        "Plan nightly is paused: it lost a gate or a condition"
    );
    let (text, _) = crate::mail::parts(&letter);
    for words in [
        "Version 1 of plan nightly",
        place,
        "https://night.example/plans/nightly",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn nothing_starts_from_what_lost_a_gate(pool: PgPool) {
    let engine = engine(pool);
    let operator = person(&engine, "otto", &[Role::Operator]).await;
    let failed = run(&engine, &without_condition(), None).await;
    sqlx::query("ALTER TABLE plan_versions DISABLE TRIGGER plan_versions_immutable")
        .execute(&engine.pool)
        .await
        .expect("the test may");
    sqlx::query("UPDATE plan_versions SET source_text = $1")
        .bind(LOST)
        .execute(&engine.pool)
        .await
        .expect("a text");
    let claimed = claim_one(&engine, &worker(&engine)).await;
    end(&engine, &claimed, Outcome::Failed).await;
    // A run that waits for another one has not begun.
    let waiting = start(&engine, &operator).await.expect("not checked yet");
    sqlx::query("UPDATE runs SET waits_for_run = $2 WHERE id = $1")
        .bind(waiting.0)
        .bind(failed.0)
        .execute(&engine.pool)
        .await
        .expect("a run");

    recheck(&engine).await.expect("a pass");
    is_refused(
        start(&engine, &operator).await,
        "save it again with the text in quotes, or resume",
    );
    is_refused(
        engine::lifecycle::retry_failed(&engine, &operator, failed).await,
        "lost a gate or a condition",
    );
    is_refused(
        engine::lifecycle::rerun(&engine, &operator, claimed.lease.task).await,
        "lost a gate or a condition",
    );
    assert_eq!(
        states(&engine, waiting).await,
        [("change".to_owned(), TaskState::Cancelled)]
    );

    // An older version is read when somebody wants to try it again.
    stored(&engine, MENDED, &without_condition()).await;
    sqlx::query("DELETE FROM plan_checks")
        .execute(&engine.pool)
        .await
        .expect("as if it had never been read");
    is_refused(
        engine::lifecycle::retry_failed(&engine, &operator, failed).await,
        "start the plan's present version instead",
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_person_who_resumes_it_is_not_overruled(pool: PgPool) {
    let engine = engine(pool);
    let operator = person(&engine, "otto", &[Role::Operator]).await;
    let approver = person(&engine, "ada", &[Role::Approver]).await;
    stored(&engine, LOST, &without_condition()).await;
    recheck(&engine).await.expect("a pass");
    assert!(resume(&engine, &approver, "nightly").await.is_err());
    let token = token_of(&operator);
    let by_token = resume(&engine, &token, "nightly").await;
    assert!(matches!(by_token, Err(Error::Forbidden(_))), "{by_token:?}");
    resume(&engine, &operator, "nightly")
        .await
        .expect("resumed");
    recheck(&engine).await.expect("a pass");
    // Not even by a check that has learned more since.
    sqlx::query("UPDATE plan_checks SET revision = 0")
        .execute(&engine.pool)
        .await
        .expect("as if an older check had said it");
    recheck(&engine).await.expect("a pass");
    assert_eq!(paused_by(&engine).await, None);
    start(&engine, &operator).await.expect("a run");
    let found = codes(&engine).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].0, found[0].1),
        ("plan.lost_gate_accepted", Severity::Notice)
    );
    assert!(found[0].2.contains("otto resumed it"), "{found:?}");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn no_token_stores_a_clean_text_over_a_lost_gate(pool: PgPool) {
    let engine = engine(pool);
    let operator = person(&engine, "otto", &[Role::Operator]).await;
    // Of the gate nothing was left, so that the comparison finds nothing either.
    stored(&engine, LOST, &plan(vec![task("change", &[])])).await;
    recheck(&engine).await.expect("a pass");
    let text = "plan: nightly\ntasks: {change: {run: [x]}}\n";
    let store = async |who: &Principal| {
        save(&engine, who, "nightly", text, None, PlanOrigin::Api)
            .await
            .expect("a version")
    };
    let saved = store(&token_of(&operator)).await;
    assert_eq!((saved.running, saved.proposed.len()), (1, 1), "{saved:?}");
    assert_eq!(paused_by(&engine).await.as_deref(), Some("upgrade check"));
    let saved = store(&operator).await;
    assert_eq!(saved.running, saved.version, "{saved:?}");
    assert_eq!(paused_by(&engine).await, None);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_an_older_server_resumed_is_held_until_it_is_accepted(pool: PgPool) {
    let engine = engine(pool);
    let operator = person(&engine, "otto", &[Role::Operator]).await;
    stored(&engine, LOST, &without_condition()).await;
    recheck(&engine).await.expect("a pass");
    sqlx::query("UPDATE plans SET paused_at = NULL, paused_by = NULL")
        .execute(&engine.pool)
        .await
        .expect("the statement of the version before");
    is_refused(
        start(&engine, &operator).await,
        "nothing is started from it",
    );
    resume(&engine, &operator, "nightly")
        .await
        .expect("accepted");
    start(&engine, &operator).await.expect("a run");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_mended_version_goes_on_by_itself(pool: PgPool) {
    let engine = engine(pool);
    let operator = person(&engine, "otto", &[Role::Operator]).await;
    stored(&engine, LOST, &without_condition()).await;
    recheck(&engine).await.expect("a pass");
    let store = |text| save(&engine, &operator, "nightly", text, None, PlanOrigin::Api);
    let again = store(LOST).await;
    assert!(matches!(again, Err(Error::Invalid(_))), "{again:?}");
    // What the mended version weakens is not known, so those whom the gate asked sign it.
    let approver = person(&engine, "anna", &[Role::Approver]).await;
    let lead = person(&engine, "lena", &[Role::Approver]).await;
    let saved = store(MENDED).await.expect("a version");
    assert_eq!(paused_by(&engine).await.as_deref(), Some("upgrade check"));
    for approval in saved.proposed {
        for signer in [&approver, &lead] {
            let answer = Decide {
                approval,
                digest: None,
                verdict: Verdict::Approve,
                note: None,
                inputs: None,
                channel: Channel::Page,
            };
            decide(&engine, signer, &answer).await.expect("signed");
        }
    }
    assert_eq!(paused_by(&engine).await, None);
    start(&engine, &operator).await.expect("a run");
    assert_eq!(codes(&engine).await, []);

    // What a person paused stays so.
    stored(&engine, LOST, &without_condition()).await;
    pause(&engine, &operator, "nightly").await.expect("paused");
    recheck(&engine).await.expect("a pass");
    let other = MENDED.replace("[x]", "[y]");
    store(other.as_str()).await.expect("a version");
    assert_eq!(paused_by(&engine).await.as_deref(), Some("otto"));
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_lost_no_gate_goes_on_and_is_named(pool: PgPool) {
    let engine = engine(pool);
    let operator = person(&engine, "otto", &[Role::Operator]).await;
    let text = "plan: nightly\ntimezone: !Europe/Paris\ntasks: {change: {run: [x]}}\n";
    stored(&engine, text, &plan(vec![task("change", &[])])).await;
    let read = recheck(&engine).await.expect("a pass");
    assert_eq!((read.read, read.refused, read.held), (1, 1, 0));
    assert_eq!(paused_by(&engine).await, None);
    start(&engine, &operator).await.expect("a run");
    let found = codes(&engine).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].0, found[0].1),
        ("plan.refused_today", Severity::Notice)
    );
    let words =
        "version 1 would be refused today: 2:11: timezone: put it in quotes: \"!Europe/Paris\"";
    assert!(found[0].2.contains(words), "{found:?}");
}

/// What the check of the release before let pass, and today's does not.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_template_with_a_loop_goes_on_and_is_named(pool: PgPool) {
    let engine = engine(pool);
    let operator = person(&engine, "otto", &[Role::Operator]).await;
    let argument = "{% for site in inputs.sites %}{{ site }}{% endfor %}";
    let text = format!("plan: nightly\ntasks:\n  change:\n    run: [x, \"{argument}\"]\n");
    let mut change = task("change", &[]);
    change.work = Work::run(["x", argument]);
    let version = stored(&engine, &text, &plan(vec![change])).await;
    sqlx::query("INSERT INTO plan_checks (plan_version_id, revision) VALUES ($1, 1)")
        .bind(version)
        .execute(&engine.pool)
        .await
        .expect("it was read before");
    let read = recheck(&engine).await.expect("a pass");
    assert_eq!((read.read, read.refused, read.held), (1, 1, 0));
    start(&engine, &operator).await.expect("a run");
    let found = codes(&engine).await;
    let named = found.iter().any(|(code, _, message)| {
        *code == "plan.refused_today"
            && message.contains("a template has no 'for': hand the list over")
    });
    assert!(named, "{found:?}");
    let refused = save(&engine, &operator, "nightly", &text, None, PlanOrigin::Api).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn many_plans_are_read_once(pool: PgPool) {
    let engine = engine(pool);
    sqlx::query(
        "WITH p AS (INSERT INTO plans (name, current_version, source)
                    SELECT 'p' || n, 1, 'api' FROM generate_series(1, 230) n RETURNING id, name)
         INSERT INTO plan_versions (plan_id, version, content_hash, source_text, definition, created_by)
         SELECT id, 1, '', 'plan: ' || name || E'\\ntasks: {a: {run: [x]}}\\n', '{}', 'test' FROM p",
    )
    .execute(&engine.pool)
    .await
    .expect("plans");
    let read = recheck(&engine).await.expect("a pass");
    assert_eq!((read.read, read.refused), (230, 0));
    assert_eq!(
        recheck(&engine).await.expect("a pass"),
        Rechecked::default()
    );
}
