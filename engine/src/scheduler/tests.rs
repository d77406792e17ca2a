//! The scheduler over a real database whose clock the test sets.

use chrono::{DateTime, TimeDelta, Utc};
use model::id::RunKey;
use model::identity::Principal;
use sqlx::PgPool;

use super::{reconcile, tick};
use crate::lifecycle::save;
use crate::plans::{PlanOrigin, pause, resume};
use crate::{Engine, Settings, lifecycle};

/// An engine with this plan stored at this moment.
async fn engine(pool: PgPool, now: &str, text: &str) -> Engine {
    sqlx::raw_sql(
        "CREATE TABLE test_clock (at timestamptz NOT NULL);
         INSERT INTO test_clock VALUES ('epoch');
         CREATE OR REPLACE FUNCTION watchbill_now() RETURNS timestamptz
             LANGUAGE sql STABLE AS 'SELECT at FROM test_clock'",
    )
    .execute(&pool)
    .await
    .expect("the clock can be replaced");
    let engine = Engine::new(pool, Settings::default());
    set_clock(&engine, at(now)).await;
    store(&engine, text).await;
    engine
}

async fn store(engine: &Engine, text: &str) {
    save(
        engine,
        &Principal::system("test"),
        "p",
        text,
        None,
        PlanOrigin::Api,
    )
    .await
    .expect("the plan is stored");
}

async fn set_clock(engine: &Engine, now: DateTime<Utc>) {
    sqlx::query("UPDATE test_clock SET at = $1")
        .bind(now)
        .execute(&engine.pool)
        .await
        .expect("the clock is set");
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("the test's own time")
}

fn plan(trigger: &str) -> String {
    format!(
        "plan: p\nrun_id: p-{{date}}-{{time}}\ntriggers: [{{{trigger}}}]\ntasks: {{a: {{run: [x]}}}}\n"
    )
}

/// Every occurrence: its moment, and its skip's reason or `run`.
async fn occurrences(engine: &Engine) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT to_char(due_at AT TIME ZONE 'UTC', 'MM-DD HH24:MI ') || coalesce(skip_reason, 'run')
         FROM occurrences ORDER BY due_at",
    )
    .fetch_all(&engine.pool)
    .await
    .expect("occurrences")
}

async fn number(engine: &Engine, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql)
        .fetch_one(&engine.pool)
        .await
        .expect("a number")
}

/// Ends every open run as if its tasks had been cancelled.
async fn end_runs(engine: &Engine) {
    let open: Vec<i64> = sqlx::query_scalar("SELECT id FROM runs WHERE finished_at IS NULL")
        .fetch_all(&engine.pool)
        .await
        .expect("runs");
    for run in open {
        lifecycle::cancel_run(engine, &Principal::system("test"), RunKey(run))
            .await
            .expect("a run is cancelled");
    }
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn three_schedulers_make_one_run_per_moment(pool: PgPool) {
    let first = engine(
        pool.clone(),
        "2025-01-15T00:00:30Z",
        &plan("cron: '* * * * *', overlap: allow, misfire: all"),
    )
    .await;
    let schedulers = [
        first.clone(),
        Engine::new(pool.clone(), Settings::default()),
        Engine::new(pool, Settings::default()),
    ];
    let start = at("2025-01-15T00:00:30Z");
    for minute in 1..=60 {
        set_clock(&first, start + TimeDelta::minutes(minute)).await;
        let ticks = schedulers
            .clone()
            .map(|engine| tokio::spawn(async move { tick(&engine).await }));
        for tick in ticks {
            tick.await.expect("no panic").expect("no error");
        }
    }
    // A pass that met a locked row left its moment for the next one.
    tick(&first).await.expect("a last pass");
    assert_eq!(number(&first, "SELECT count(*) FROM occurrences").await, 60);
    assert_eq!(number(&first, "SELECT count(*) FROM runs").await, 60);
    assert_eq!(
        number(&first, "SELECT count(DISTINCT run_id) FROM occurrences").await,
        60
    );
    assert_eq!(number(&first, "SELECT count(*) FROM tasks").await, 60);
    assert_eq!(number(&first, "SELECT count(*) FROM occurrences o JOIN runs r ON r.id = o.run_id AND r.due_at = o.due_at AND r.trigger_id = o.trigger_id").await, 60);
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn an_outage_follows_the_policy(pool: PgPool) {
    let engine = engine(
        pool,
        "2025-01-15T00:30:00Z",
        &plan("cron: '0 * * * *', overlap: allow, misfire: latest"),
    )
    .await;
    set_clock(&engine, at("2025-01-15T03:20:00Z")).await;
    tick(&engine).await.expect("a pass");
    assert_eq!(
        occurrences(&engine).await,
        [
            "01-15 01:00 misfire",
            "01-15 02:00 misfire",
            "01-15 03:00 run"
        ]
    );

    store(
        &engine,
        &plan("cron: '0 * * * *', overlap: allow, misfire: skip"),
    )
    .await;
    set_clock(&engine, at("2025-01-15T04:20:00Z")).await;
    tick(&engine).await.expect("a pass");
    assert_eq!(occurrences(&engine).await[3..], ["01-15 04:00 misfire"]);

    store(
        &engine,
        &plan("cron: '0 * * * *', overlap: allow, misfire: all"),
    )
    .await;
    set_clock(&engine, at("2025-01-15T06:00:05Z")).await;
    tick(&engine).await.expect("a pass");
    assert_eq!(
        occurrences(&engine).await[4..],
        ["01-15 05:00 run", "01-15 06:00 run"]
    );
    assert_eq!(tick(&engine).await.expect("a pass").runs, 0);
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn an_outage_of_a_year_is_capped_and_audited(pool: PgPool) {
    let engine = engine(
        pool,
        "2024-01-15T00:30:00Z",
        &plan("cron: '0 * * * *', overlap: allow, misfire: all"),
    )
    .await;
    set_clock(&engine, at("2025-01-15T00:30:00Z")).await;
    tick(&engine).await.expect("a pass");
    assert_eq!(number(&engine, "SELECT count(*) FROM runs").await, 100);
    assert_eq!(
        number(
            &engine,
            "SELECT count(*) FROM occurrences WHERE skip_reason = 'misfire_cap'"
        )
        .await,
        900
    );
    let details: serde_json::Value =
        sqlx::query_scalar("SELECT details FROM audit WHERE action = 'trigger.misfire'")
            .fetch_one(&engine.pool)
            .await
            .expect("an audit row");
    assert_eq!(details["not_recorded_one_by_one"], 366 * 24 - 1_000);
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn an_earlier_run_makes_the_next_skip(pool: PgPool) {
    let engine = engine(pool, "2025-01-15T00:30:00Z", &plan("cron: '0 * * * *'")).await;
    for hour in ["01", "02"] {
        set_clock(&engine, at(&format!("2025-01-15T{hour}:00:00Z"))).await;
        tick(&engine).await.expect("a pass");
    }
    end_runs(&engine).await;
    set_clock(&engine, at("2025-01-15T03:00:00Z")).await;
    tick(&engine).await.expect("a pass");
    // Nothing moves in this run until a person has signed: the night goes on without it.
    sqlx::query("UPDATE tasks SET state = 'awaiting_approval' WHERE state = 'queued'")
        .execute(&engine.pool)
        .await
        .expect("an update");
    set_clock(&engine, at("2025-01-15T04:00:00Z")).await;
    tick(&engine).await.expect("a pass");
    assert_eq!(
        occurrences(&engine).await,
        [
            "01-15 01:00 run",
            "01-15 02:00 overlap",
            "01-15 03:00 run",
            "01-15 04:00 run"
        ]
    );
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn queued_runs_start_one_after_the_other(pool: PgPool) {
    let engine = engine(
        pool,
        "2025-01-15T00:30:00Z",
        &plan("cron: '0 * * * *', overlap: queue"),
    )
    .await;
    for hour in ["01", "02", "03"] {
        set_clock(&engine, at(&format!("2025-01-15T{hour}:00:00Z"))).await;
        tick(&engine).await.expect("a pass");
    }
    let waits: Vec<Option<i64>> = sqlx::query_scalar("SELECT waits_for_run FROM runs ORDER BY id")
        .fetch_all(&engine.pool)
        .await
        .expect("runs");
    assert_eq!(waits.iter().filter(|run| run.is_some()).count(), 2);
    assert_eq!(
        number(&engine, "SELECT count(*) FROM tasks WHERE state = 'queued'").await,
        1
    );
    let first: i64 = number(&engine, "SELECT min(id) FROM runs").await;
    lifecycle::cancel_run(&engine, &Principal::system("test"), RunKey(first))
        .await
        .expect("a cancel");
    assert_eq!(
        number(&engine, "SELECT count(*) FROM tasks WHERE state = 'queued'").await,
        1
    );
    assert_eq!(
        number(&engine, "SELECT run FROM tasks WHERE state = 'queued'").await,
        waits[2].expect("the second run")
    );
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn a_newer_run_may_take_the_place_of_an_earlier_one(pool: PgPool) {
    let engine = engine(
        pool,
        "2025-01-15T00:30:00Z",
        &plan("cron: '0 * * * *', overlap: cancel"),
    )
    .await;
    for hour in ["01", "02"] {
        set_clock(&engine, at(&format!("2025-01-15T{hour}:00:00Z"))).await;
        tick(&engine).await.expect("a pass");
    }
    assert_eq!(
        number(
            &engine,
            "SELECT count(*) FROM runs WHERE finished_at IS NULL"
        )
        .await,
        1
    );
    assert_eq!(
        number(
            &engine,
            "SELECT count(*) FROM tasks WHERE state = 'cancelled'"
        )
        .await,
        1
    );
    assert_eq!(
        occurrences(&engine).await,
        ["01-15 01:00 run", "01-15 02:00 run"]
    );
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn a_paused_plan_records_skips(pool: PgPool) {
    let engine = engine(
        pool,
        "2025-01-15T00:30:00Z",
        &plan("cron: '0 * * * *', misfire: all"),
    )
    .await;
    let person = Principal::system("test");
    pause(&engine, &person, "p").await.expect("a pause");
    assert!(pause(&engine, &person, "p").await.is_err());
    set_clock(&engine, at("2025-01-15T02:00:00Z")).await;
    tick(&engine).await.expect("a pass");
    resume(&engine, &person, "p").await.expect("a resume");
    assert!(resume(&engine, &person, "p").await.is_err());
    set_clock(&engine, at("2025-01-15T03:00:00Z")).await;
    tick(&engine).await.expect("a pass");
    assert_eq!(
        occurrences(&engine).await,
        [
            "01-15 01:00 paused",
            "01-15 02:00 paused",
            "01-15 03:00 run"
        ]
    );
    assert_eq!(
        number(
            &engine,
            "SELECT count(*) FROM audit WHERE action IN ('plan.pause', 'plan.resume')"
        )
        .await,
        2
    );
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn a_clock_that_steps_back_fires_nothing_again(pool: PgPool) {
    let text = plan("cron: '0 * * * *', overlap: allow");
    let engine = engine(pool, "2025-01-15T00:30:00Z", &text).await;
    set_clock(&engine, at("2025-01-15T01:00:00Z")).await;
    tick(&engine).await.expect("a pass");
    set_clock(&engine, at("2025-01-15T00:10:00Z")).await;
    assert_eq!(tick(&engine).await.expect("a pass").runs, 0);
    // Even where the plan is armed anew in between.
    sqlx::query("UPDATE triggers SET next_due_at = NULL")
        .execute(&engine.pool)
        .await
        .expect("an update");
    assert_eq!(reconcile(&engine).await.expect("a pass"), 1);
    set_clock(&engine, at("2025-01-15T01:00:30Z")).await;
    assert_eq!(tick(&engine).await.expect("a pass").runs, 0);
    set_clock(&engine, at("2025-01-15T02:00:30Z")).await;
    assert_eq!(tick(&engine).await.expect("a pass").runs, 1);
    assert_eq!(
        occurrences(&engine).await,
        ["01-15 01:00 run", "01-15 02:00 run"]
    );
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn a_zone_that_vanished_stops_the_trigger_with_a_reason(pool: PgPool) {
    let text = plan("cron: '0 * * * *'");
    let engine = engine(pool, "2025-01-15T00:30:00Z", &text).await;
    sqlx::raw_sql(
        "INSERT INTO plan_versions (plan_id, version, content_hash, source_text, definition, created_by)
             SELECT plan_id, 2, '', '', jsonb_set(definition, '{timezone}', '\"Mars/Olympus\"'), 'test' FROM plan_versions;
         UPDATE plans SET current_version = 2",
    )
    .execute(&engine.pool)
    .await
    .expect("a version");
    set_clock(&engine, at("2025-01-15T01:00:00Z")).await;
    tick(&engine).await.expect("a pass");
    tick(&engine).await.expect("a pass");
    reconcile(&engine).await.expect("a pass");
    assert_eq!(number(&engine, "SELECT count(*) FROM triggers WHERE problem LIKE '%Mars/Olympus%' AND next_due_at IS NULL").await, 1);
    assert_eq!(
        number(
            &engine,
            "SELECT count(*) FROM audit WHERE action = 'trigger.stop'"
        )
        .await,
        1
    );
    assert!(occurrences(&engine).await.is_empty());
    store(
        &engine,
        &text.replace("tasks:", "timezone: Europe/Paris\ntasks:"),
    )
    .await;
    assert_eq!(
        number(
            &engine,
            "SELECT count(*) FROM triggers WHERE problem IS NULL AND next_due_at IS NOT NULL"
        )
        .await,
        1
    );
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn the_loops_end_when_they_are_told(pool: PgPool) {
    let engine = engine(pool, "2025-01-15T01:30:00Z", &plan("cron: '0 * * * *'")).await;
    set_clock(&engine, at("2025-01-15T02:00:00Z")).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let loops = tokio::spawn(super::run(engine.clone(), stop.clone()));
    while occurrences(&engine).await.is_empty() {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    loops.await.expect("no panic");
    assert_eq!(occurrences(&engine).await, ["01-15 02:00 run"]);
}
