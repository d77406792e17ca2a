//! From one version to the next: the schema, after a dump; and a database of another PostgreSQL.

use engine::tasks::enqueue;
use model::identity::Principal;
use sqlx::postgres::PgPoolOptions;

use server::cluster::Cluster;

use crate::support::Home;

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_before_is_dumped_and_then_migrated() {
    let home = Home::new();
    let cluster = Cluster::attach(&home.data()).await.expect("attached");
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .connect_with(cluster.owner())
        .await
        .expect("connected");
    engine::MIGRATOR.run_to(4, &pool).await.expect("version 4");
    sqlx::raw_sql(
        "WITH a AS (INSERT INTO accounts (login, password_hash) VALUES ('kept', 'x') RETURNING id)
         INSERT INTO sessions (token_hash, account_id, expires_at)
         SELECT 'before', id, now() + interval '1 day' FROM a",
    )
    .execute(&pool)
    .await
    .expect("an account of before, logged in");
    pool.close().await;

    let mut served = home.serve();
    let (engine, own) = home.engine().await;
    let logins: Vec<String> = sqlx::query_scalar("SELECT login FROM accounts")
        .fetch_all(&engine.pool)
        .await
        .expect("accounts");
    assert_eq!(logins, ["kept"]);
    let sessions: Vec<(i64, Option<String>)> = sqlx::query_as("SELECT id, address FROM sessions")
        .fetch_all(&engine.pool)
        .await
        .expect("sessions");
    assert!(matches!(sessions.as_slice(), [(_, None)]), "{sessions:?}");
    enqueue(&engine, &Principal::system("test"), &[])
        .await
        .expect("the schema is current");
    let dumps: Vec<_> = std::fs::read_dir(home.data().join("backups"))
        .expect("a folder")
        .map(|entry| entry.expect("a file").metadata().expect("its size").len())
        .collect();
    assert!(
        matches!(dumps.as_slice(), [size] if *size > 1_000),
        "{dumps:?}\n{}",
        home.log()
    );
    assert!(served.terminate().success(), "{}", home.log());
    engine.pool.close().await;
    own.leave().await;
    cluster.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_postgresql_is_refused_with_what_to_do() {
    let home = Home::new();
    let cluster = Cluster::attach(&home.data()).await.expect("attached");
    cluster.leave().await;
    let version = home.data().join("postgres/data/PG_VERSION");
    let made = std::fs::read_to_string(&version).expect("the version");
    std::fs::write(&version, "9\n").expect("written");
    let output = home.command("serve").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    for words in [
        "was made by PostgreSQL 9",
        "install PostgreSQL 9",
        made.trim(),
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
