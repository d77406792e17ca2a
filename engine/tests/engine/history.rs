//! Pages and exports while other people write.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use engine::Engine;
use engine::history::{self, CsvColumns};
use engine::reported::{self, ImportSource, NewReport};
use futures::TryStreamExt as _;
use model::identity::Principal;
use model::reported::Status;
use model::view::TaskFilter;
use sqlx::PgPool;

use crate::support::engine;

async fn report(engine: &Engine, name: &str, status: Status) -> i64 {
    let report = NewReport {
        task: name.to_owned(),
        run_id: "night".to_owned(),
        status,
        started_at: None,
        finished_at: None,
        duration_ms: None,
        inputs: None,
        outputs_uri: None,
        log_excerpt: None,
        approval_state: None,
        webhook_notified_at: None,
    };
    reported::create(engine, &Principal::system("test"), &report)
        .await
        .expect("the report is good")
        .id
        .0
}

/// Many finished tasks at once, several at the same moment.
async fn many(engine: &Engine, count: i32) {
    sqlx::query(
        "INSERT INTO tasks (name, origin, state, created_at, started_at, finished_at, sort_at)
         SELECT 'task.' || n % 3, 'reported', (ARRAY['succeeded', 'failed', 'running'])[1 + n % 3], at, at, at, at
         FROM (SELECT n, timestamptz '2025-01-01' + n / 5 * interval '1 second' AS at
               FROM generate_series(1, $1) n) s",
    )
    .bind(count)
    .execute(&engine.pool)
    .await
    .expect("the rows are good");
}

async fn ids(engine: &Engine) -> BTreeSet<i64> {
    let ids: Vec<i64> = sqlx::query_scalar("SELECT id FROM tasks")
        .fetch_all(&engine.pool)
        .await
        .expect("tasks can be read");
    ids.into_iter().collect()
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn pages_show_each_row_once_while_others_insert(pool: PgPool) {
    let engine = engine(pool);
    let system = Principal::system("test");
    many(&engine, 237).await;
    let there = ids(&engine).await;
    for filter in [
        TaskFilter::default(),
        TaskFilter {
            statuses: Status::ALL.to_vec(),
            ..TaskFilter::default()
        },
        TaskFilter {
            tasks: vec![
                "task.0".to_owned(),
                "task.1".to_owned(),
                "task.2".to_owned(),
            ],
            ..TaskFilter::default()
        },
    ] {
        let mut seen = Vec::new();
        let mut before = None;
        loop {
            let page = history::tasks(&engine, &system, &filter, before, 10)
                .await
                .expect("a page");
            let sorted = page
                .items
                .windows(2)
                .all(|pair| (pair[0].sort_at, pair[0].id) > (pair[1].sort_at, pair[1].id));
            assert!(sorted, "newest first");
            seen.extend(page.items.iter().map(|row| row.id.0));
            // Somebody writes between any two pages, and one shown row is pruned.
            report(&engine, "task.0", Status::Succeeded).await;
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        let unique: BTreeSet<i64> = seen.iter().copied().collect();
        assert_eq!(unique.len(), seen.len(), "no row twice");
        assert!(there.is_subset(&unique), "no gap");
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_cursor_outlives_the_row_it_names(pool: PgPool) {
    let engine = engine(pool);
    let system = Principal::system("test");
    many(&engine, 20).await;
    let filter = TaskFilter::default();
    let first = history::tasks(&engine, &system, &filter, None, 10)
        .await
        .expect("a page");
    sqlx::query("DELETE FROM tasks WHERE id = $1")
        .bind(first.items[9].id.0)
        .execute(&engine.pool)
        .await
        .expect("it is deleted");
    let second = history::tasks(&engine, &system, &filter, first.next, 10)
        .await
        .expect("a page");
    assert_eq!(second.items.len(), 10);
    assert_eq!(second.next, None);
}

/// The ids of an export, as they come; `between` runs after each piece.
async fn export(engine: &Engine, mut between: impl AsyncFnMut(usize)) -> Vec<i64> {
    let system = Principal::system("test");
    let filter = TaskFilter::default();
    let mut stream = history::csv(engine, &system, &filter, CsvColumns::All, None)
        .await
        .expect("an export begins");
    let mut bytes = Vec::new();
    let mut pieces = 0;
    while let Some(piece) = stream.try_next().await.expect("a piece") {
        bytes.extend(piece);
        pieces += 1;
        between(pieces).await;
    }
    let text = String::from_utf8(bytes).expect("UTF-8");
    text.lines()
        .skip(1)
        .map(|line| {
            line.split(',')
                .next()
                .unwrap_or_default()
                .parse()
                .expect("an id")
        })
        .collect()
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn an_export_has_each_row_once_though_rows_move(pool: PgPool) {
    let engine = engine(pool);
    many(&engine, 5_000).await;
    let there = ids(&engine).await;
    let exported = export(&engine, async |piece| {
        // Rows that were sent, and rows that were not, start now and so become the newest.
        sqlx::query("UPDATE tasks SET started_at = watchbill_now(), sort_at = watchbill_now() WHERE id % 97 = $1")
            .bind(i64::try_from(piece).expect("few pieces"))
            .execute(&engine.pool)
            .await
            .expect("they move");
        report(&engine, "new", Status::Running).await;
    })
    .await;
    let unique: BTreeSet<i64> = exported.iter().copied().collect();
    assert_eq!(unique.len(), exported.len(), "no row twice");
    assert_eq!(
        unique, there,
        "every row that was there, and none that came later"
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn an_import_keeps_ids_and_can_be_repeated(pool: PgPool) {
    let engine = engine(pool);
    let system = Principal::system("import");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("agents_tasks.csv");
    let header = "id,task,run_id,status,started_at,finished_at,duration_ms,inputs,outputs_uri,log_excerpt,approval_state,approver,webhook_notified_at";
    let mut text = format!(
        "{header}\n\
         7,seo.validate,nightly-2025-01-15,succeeded,2025-01-15 02:30:00,2025-01-15 02:35:00,300000,\"{{\"\"flags\"\": [\"\"--strict\"\"]}}\",https://x.example/pull/1,ok,approved,kim,\n\
         9,dx.integrate,nightly-2025-01-15,awaiting_approval,2025-01-15T02:40:00,,,,https://x.example/pull/2,,pending,,2025-01-15 02:41:00\n"
    );
    for id in 100..1_700 {
        let run = id % 5;
        writeln!(
            text,
            "{id},code.review,nightly-{run},failed,2025-01-16 02:30:00.5+00,,,,,,,,"
        )
        .expect("a String takes all");
    }
    std::fs::write(&path, text).expect("the file is written");
    let source = ImportSource::File(path.clone());
    let first = reported::import(&engine, &system, &source)
        .await
        .expect("the import");
    assert_eq!((first.imported, first.present), (1602, 0));
    let second = reported::import(&engine, &system, &source)
        .await
        .expect("the import");
    assert_eq!((second.imported, second.present), (0, 1602));

    let row = history::task_row(&engine, &system, 7.into())
        .await
        .expect("it is there");
    assert_eq!(row.approver.as_deref(), Some("kim"));
    assert_eq!(
        row.started_at.expect("a time").to_rfc3339(),
        "2025-01-15T02:30:00+00:00"
    );
    let (pending, _) = history::approvals(&engine, &system)
        .await
        .expect("the inbox");
    assert_eq!(pending[0].task_id.0, 9);
    assert!(
        report(&engine, "new", Status::Running).await > 1699,
        "ids go on past the imported ones"
    );

    // Another task under an imported id is no repetition.
    std::fs::write(&path, "id,task,run_id,status\n7,other,elsewhere,failed\n")
        .expect("the file is written");
    assert!(matches!(
        reported::import(&engine, &system, &source).await,
        Err(engine::Error::Conflict(_))
    ));
    std::fs::write(&path, "id,task,run_id,status\n8,other,elsewhere,done\n")
        .expect("the file is written");
    let wrong = reported::import(&engine, &system, &source)
        .await
        .expect_err("the status is none");
    assert!(wrong.to_string().contains("row 8"), "{wrong}");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn an_import_from_a_database(pool: PgPool) {
    let engine = engine(pool);
    // Our own view has the reference's columns, so its rows can be read as the reference's.
    report(&engine, "seo.validate", Status::Succeeded).await;
    let name: String = sqlx::query_scalar("SELECT current_database()")
        .fetch_one(&engine.pool)
        .await
        .expect("a name");
    let base = std::env::var("DATABASE_URL").expect("tests have a database");
    let (server, _) = base.rsplit_once('/').expect("an address with a database");
    let source = ImportSource::Database(format!("{server}/{name}"));
    let done = reported::import(&engine, &Principal::system("import"), &source)
        .await
        .expect("the import");
    assert_eq!((done.imported, done.present), (0, 1));
    let nowhere = ImportSource::Database("postgres://nobody@127.0.0.1:1/none".to_owned());
    assert!(
        reported::import(&engine, &Principal::system("import"), &nowhere)
            .await
            .is_err()
    );
}
