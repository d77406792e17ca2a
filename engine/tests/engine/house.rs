//! Keeping house: what is kept long enough goes, decisions and audit stay, and the application's
//! role can change neither them nor a table (invariant 20).

use std::time::Duration;

use engine::lifecycle::claim;
use engine::reported::prune_before;
use engine::upkeep::{
    SchemaState, ensure_partitions, findings, gauges, grant_application, migrate, migrations,
    readiness, retention, schema_state,
};
use model::identity::Role;
use model::task::Outcome;
use sqlx::PgPool;

use crate::support::{
    claim_one, end, engine, move_clock, person, plan, run, states, task, until, worker,
};

const DAY: u64 = 24 * 60 * 60;

async fn count(pool: &PgPool, table: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
        .fetch_one(pool)
        .await
        .expect("a count")
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn finished_runs_go_after_their_days_and_open_ones_stay(pool: PgPool) {
    let engine = engine(pool.clone());
    let worker = worker(&engine);
    run(&engine, &plan(vec![task("done", &[])]), None).await;
    let claimed = claim_one(&engine, &worker).await;
    end(&engine, &claimed, Outcome::Succeeded).await;
    sqlx::query("INSERT INTO log_chunks (task_id, attempt, seq, content) VALUES ($1, 1, 0, 'x')")
        .bind(claimed.lease.task.0)
        .execute(&pool)
        .await
        .expect("a log");
    sqlx::query("INSERT INTO audit (actor, action, subject) VALUES ('a', 'task.end', $1)")
        .bind(format!("task/{}", claimed.lease.task))
        .execute(&pool)
        .await
        .expect("an audit entry");
    let mut open = plan(vec![task("open", &[])]);
    open.name = "other".to_owned();
    open.run_id = "other-{date}".to_owned();
    run(&engine, &open, None).await;

    let nothing = retention(&engine).await.expect("a pass");
    assert_eq!((nothing.runs, nothing.logs), (0, 0), "all is young");

    move_clock(&engine, Duration::from_secs(31 * DAY)).await;
    let logs = retention(&engine).await.expect("a pass");
    assert_eq!((logs.runs, logs.logs), (0, 1), "logs go first");
    assert_eq!(count(&pool, "log_chunks").await, 0);

    move_clock(&engine, Duration::from_secs(401 * DAY)).await;
    let pruned = retention(&engine).await.expect("a pass");
    assert_eq!((pruned.runs, pruned.tasks), (1, 1));
    assert_eq!(count(&pool, "runs").await, 1, "the open run stays");
    assert_eq!(count(&pool, "attempts").await, 0);
    assert_eq!(count(&pool, "audit").await, 1, "the audit stays");
    assert_eq!(
        claim(&engine, &worker, 8).await.expect("a claim").len(),
        1,
        "what was open can still run"
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn pruning_waits_for_a_verb_and_spares_what_it_moves(pool: PgPool) {
    let engine = engine(pool.clone());
    let admin = person(&engine, "admin@example.org", &[Role::Admin]).await;
    let worker = worker(&engine);
    let key = run(&engine, &plan(vec![task("done", &[])]), None).await;
    let claimed = claim_one(&engine, &worker).await;
    end(&engine, &claimed, Outcome::Failed).await;
    let cutoff = engine.clock.now() + chrono::TimeDelta::days(1);

    // As every verb does: the run, then its tasks.
    let mut verb = pool.begin().await.expect("a transaction");
    sqlx::raw_sql("SET LOCAL lock_timeout = '20s'; SELECT FROM runs FOR UPDATE")
        .execute(&mut *verb)
        .await
        .expect("the run's lock");
    let pruning = {
        let engine = engine.clone();
        tokio::spawn(async move { prune_before(&engine, &admin, cutoff).await })
    };
    until(&engine, 1, || pruning.is_finished()).await;
    sqlx::raw_sql(
        "SELECT FROM tasks FOR UPDATE;
         UPDATE tasks SET state = 'queued'; UPDATE runs SET finished_at = NULL",
    )
    .execute(&mut *verb)
    .await
    .expect("nobody has the tasks who waits for the run");
    verb.commit().await.expect("the verb ends");

    let pruned = pruning.await.expect("it ends").expect("a pass");
    assert_eq!(pruned.deleted, 0);
    assert_eq!(states(&engine, key).await.len(), 1);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn partitions_follow_the_ids_and_the_empty_ones_go(pool: PgPool) {
    let engine = engine(pool.clone());
    ensure_partitions(&engine).await.expect("a pass");
    sqlx::query("SELECT setval('tasks_id_seq', 3500000)")
        .execute(&pool)
        .await
        .expect("the sequence moves");
    ensure_partitions(&engine).await.expect("a pass");
    let exists = async |name: &str| -> bool {
        sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
            .bind(name)
            .fetch_one(&pool)
            .await
            .expect("an answer")
    };
    assert!(exists("attempts_p3").await && exists("attempts_p4").await);
    run(&engine, &plan(vec![task("late", &[])]), None).await;
    let pruned = retention(&engine).await.expect("a pass");
    assert_eq!(pruned.partitions, 6, "two below, of three tables each");
    assert!(!exists("attempts_p0").await);
    ensure_partitions(&engine).await.expect("a pass");
    assert!(!exists("attempts_p0").await, "what went is not made again");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_application_adds_to_the_audit_and_changes_nothing(pool: PgPool) {
    // Roles are the whole server's: the database's name makes this one's own.
    let database: String = sqlx::query_scalar("SELECT current_database()")
        .fetch_one(&pool)
        .await
        .expect("a name");
    let role = format!("app_{database}");
    let quoted = format!("\"{role}\"");
    let statement = async |text: String| {
        let mut connection = pool.acquire().await.expect("a connection");
        let before = format!("SET ROLE {quoted}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(before))
            .execute(&mut *connection)
            .await
            .expect("the role exists");
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(text))
            .execute(&mut *connection)
            .await;
        sqlx::raw_sql("RESET ROLE")
            .execute(&mut *connection)
            .await
            .expect("a reset");
        done
    };
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE ROLE {quoted}")))
        .execute(&pool)
        .await
        .expect("a role");
    grant_application(&pool, &role).await.expect("grants");
    grant_application(&pool, &role)
        .await
        .expect("grants are repeated at each start");

    let entry = "INSERT INTO audit (actor, action, subject) VALUES ('a', 'b', 'c')";
    statement(entry.to_owned())
        .await
        .expect("it may add to the audit");
    statement("SELECT * FROM audit".to_owned())
        .await
        .expect("it may read it");
    statement("SELECT ensure_task_partitions(1)".to_owned())
        .await
        .expect("partitions are made for it");
    statement("SELECT setval('tasks_id_seq', 10)".to_owned())
        .await
        .expect("an import moves on past the ids that it kept");
    for refused in [
        "UPDATE audit SET actor = 'x'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "UPDATE decisions SET verdict = 'approve'",
        "DELETE FROM decisions",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_append_only ON audit",
        "UPDATE plan_versions SET definition = '{}'",
        "CREATE TABLE mine (id int)",
        "DROP TABLE tasks",
        "DELETE FROM _sqlx_migrations",
        "CREATE OR REPLACE FUNCTION watchbill_now() RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'",
    ] {
        let error = statement(refused.to_owned()).await.expect_err(refused);
        let code = error
            .as_database_error()
            .and_then(|error| error.code().map(|code| code.to_string()));
        assert_eq!(code.as_deref(), Some("42501"), "{refused}: {error}");
    }
    let after = format!("DROP OWNED BY {quoted}; DROP ROLE {quoted}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(after))
        .execute(&pool)
        .await
        .expect("gone");
}

#[sqlx::test(migrations = false)]
async fn migrations_are_applied_once_listed_and_newer_ones_refused(pool: PgPool) {
    assert_eq!(
        schema_state(&pool).await.expect("a state"),
        SchemaState::Empty
    );
    assert!(readiness(&engine(pool.clone())).await.is_err());
    let (one, two) = tokio::join!(migrate(&pool), migrate(&pool));
    let known = engine::MIGRATOR.iter().count();
    assert!(one.expect("migrated") + two.expect("migrated") >= known);
    assert_eq!(
        schema_state(&pool).await.expect("a state"),
        SchemaState::Current
    );
    readiness(&engine(pool.clone())).await.expect("ready");
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', true, '', 0)",
    )
    .execute(&pool)
    .await
    .expect("a row");
    let refusal = migrate(&pool).await.expect_err("newer").to_string();
    assert!(
        refusal.contains("migration 9999, which this watchbill does not know"),
        "{refusal}"
    );
    let rows = migrations(&pool).await.expect("a list");
    assert_eq!(rows.len(), known + 1);
    readiness(&engine(pool))
        .await
        .expect("two versions run side by side");
}

#[sqlx::test(migrations = false)]
async fn the_lighter_queue_keeps_what_was_queued_and_leased(pool: PgPool) {
    engine::MIGRATOR.run_to(4, &pool).await.expect("version 4");
    sqlx::raw_sql(
        "INSERT INTO tasks (id, name, origin, state, attempt, external_id) VALUES
             (1, 'runs', 'native', 'running', 1, NULL), (2, 'told', 'reported', 'running', 0, 'job-2');
         INSERT INTO leases (task_id, attempt, token, worker_id, queue, expires_at)
             VALUES (1, 1, gen_random_uuid(), gen_random_uuid(), 'default', watchbill_now());
         INSERT INTO attempts (task_id, number, worker_id, worker_name, token, started_at)
             SELECT task_id, attempt, worker_id, 'old', token, watchbill_now() FROM leases",
    )
    .execute(&pool)
    .await
    .expect("rows of before");
    assert_eq!(
        migrate(&pool).await.expect("migrated"),
        engine::MIGRATOR.iter().count() - 4
    );
    let open: Vec<(i64, i32, String, bool)> = sqlx::query_as(
        "SELECT task_id, number, worker_name, finished_at IS NULL FROM attempts_and_open",
    )
    .fetch_all(&pool)
    .await
    .expect("attempts");
    assert_eq!(
        open,
        [(1, 1, "old".to_owned(), true)],
        "its lease tells of it"
    );
    // A server of the version before may still run beside this one, and closes what it opened.
    assert_eq!(count(&pool, "attempts").await, 1);
    let rescued = engine::lifecycle::rescue(&engine(pool.clone())).await;
    assert_eq!(rescued.expect("a pass"), 1);
    assert_eq!(
        count(&pool, "leases").await,
        0,
        "the lapsed lease was found"
    );
    let ended: Vec<(i64, i32, String, Option<String>)> =
        sqlx::query_as("SELECT task_id, number, worker_name, outcome FROM attempts_and_open")
            .fetch_all(&pool)
            .await
            .expect("attempts");
    let lost = Some("worker_lost".to_owned());
    assert_eq!(ended, [(1, 1, "old".to_owned(), lost)]);
    let twice = "INSERT INTO tasks (id, name, origin, state, external_id)
                 VALUES (3, 'again', 'reported', 'running', 'job-2')";
    let refused = sqlx::query(twice).execute(&pool).await.expect_err("taken");
    assert!(
        refused.to_string().contains("tasks_external_id"),
        "{refused}"
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_stands_still_is_found_and_measured(pool: PgPool) {
    let engine = engine(pool.clone());
    run(&engine, &plan(vec![task("one", &[])]), None).await;
    let calm = findings(&engine).await.expect("findings");
    assert!(
        calm.iter().all(|one| !one.code.starts_with("worker.")),
        "{calm:?}"
    );
    sqlx::query("INSERT INTO triggers (plan_id, key) SELECT id, '30 2 * * *' FROM plans")
        .execute(&pool)
        .await
        .expect("a trigger");
    move_clock(&engine, Duration::from_secs(120)).await;
    let codes: Vec<_> = findings(&engine)
        .await
        .expect("findings")
        .iter()
        .map(|one| one.code)
        .collect();
    assert!(
        codes.contains(&"plan.nothing_due") && codes.contains(&"worker.none"),
        "{codes:?}"
    );
    let gauges = gauges(&engine).await.expect("gauges");
    assert_eq!(gauges.queues[0].depth, 1);
    assert!(gauges.queues[0].oldest_seconds >= 120.0);
    assert!(gauges.plans[0].nothing_due);
    assert_eq!(gauges.plans[0].last_success, None);
    let claimed = claim_one(&engine, &worker(&engine)).await;
    end(&engine, &claimed, Outcome::Succeeded).await;
    let after = engine::upkeep::gauges(&engine).await.expect("gauges");
    assert!(after.plans[0].last_success.is_some());
}
