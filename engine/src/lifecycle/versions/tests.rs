//! Storing plans over a real database.

use model::id::AccountId;
use model::identity::{Principal, PrincipalKind, Role};
use sqlx::PgPool;

use super::{save, sync_folder};
use crate::plans::{PlanOrigin, current};
use crate::{Engine, Error, Settings};

const ONE: &str = "plan: p\ntriggers: [{cron: '0 2 * * *'}, {every: 1h}]\ntasks: {a: {run: [x]}}\n";
const TWO: &str = "plan: p\ntriggers: [{cron: '0 2 * * *'}]\ntasks: {a: {run: [y]}}\n";

fn person(role: Role) -> Principal {
    Principal {
        kind: PrincipalKind::Session {
            account: AccountId(7),
        },
        name: "eva".to_owned(),
        roles: vec![role],
    }
}

async fn store(engine: &Engine, text: &str, expected: Option<i32>) -> crate::Result<i32> {
    save(
        engine,
        &person(Role::Operator),
        "p",
        text,
        expected,
        PlanOrigin::Api,
    )
    .await
    .map(|saved| saved.version)
}

async fn triggers(engine: &Engine) -> Vec<(String, bool, bool)> {
    sqlx::query_as("SELECT key, enabled, next_due_at IS NOT NULL FROM triggers ORDER BY key")
        .fetch_all(&engine.pool)
        .await
        .expect("triggers")
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn versions_count_up_and_triggers_keep_in_step(pool: PgPool) {
    let engine = Engine::new(pool, Settings::default());
    assert_eq!(
        store(&engine, ONE, Some(0)).await.expect("a first version"),
        1
    );
    // The same text makes none.
    assert_eq!(store(&engine, ONE, None).await.expect("the same"), 1);
    assert_eq!(
        triggers(&engine).await,
        [
            ("0 2 * * *".to_owned(), true, true),
            ("every 1h".to_owned(), true, true)
        ]
    );
    let id: i64 = sqlx::query_scalar("SELECT id FROM triggers WHERE key = 'every 1h'")
        .fetch_one(&engine.pool)
        .await
        .expect("a trigger");

    assert_eq!(
        store(&engine, TWO, Some(1))
            .await
            .expect("a second version"),
        2
    );
    assert_eq!(
        triggers(&engine).await,
        [
            ("0 2 * * *".to_owned(), true, true),
            ("every 1h".to_owned(), false, false)
        ]
    );
    assert!(
        matches!(store(&engine, ONE, Some(1)).await, Err(Error::Conflict(text)) if text.contains("version 2"))
    );

    assert_eq!(store(&engine, ONE, Some(2)).await.expect("back again"), 3);
    let again: i64 =
        sqlx::query_scalar("SELECT id FROM triggers WHERE key = 'every 1h' AND enabled")
            .fetch_one(&engine.pool)
            .await
            .expect("a trigger");
    assert_eq!(id, again);
    let stored = current(&engine, "p").await.expect("a plan");
    assert_eq!((stored.version, stored.source_text.as_str()), (3, ONE));
    let saved: i64 = sqlx::query_scalar("SELECT count(*) FROM audit WHERE action = 'plan.save' AND actor = 'eva' AND account_id = 7").fetch_one(&engine.pool).await.expect("a count");
    assert_eq!(saved, 3);
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn wrong_texts_and_callers_change_nothing(pool: PgPool) {
    let engine = Engine::new(pool, Settings::default());
    let forbidden = save(
        &engine,
        &person(Role::Approver),
        "p",
        ONE,
        None,
        PlanOrigin::Api,
    )
    .await;
    assert!(matches!(forbidden, Err(Error::Forbidden(_))));
    let wrong = store(
        &engine,
        "plan: p\ntasks:\n  a: {run: [x], needs: [b]}\n",
        None,
    )
    .await;
    let Err(Error::Invalid(problems)) = wrong else {
        panic!("wanted a problem, found {wrong:?}");
    };
    assert_eq!(problems[0].field, "tasks.a.needs[0]");
    assert!(
        problems[0].message.starts_with("line 3, column 25: "),
        "{}",
        problems[0].message
    );
    let other = save(
        &engine,
        &person(Role::Operator),
        "q",
        ONE,
        None,
        PlanOrigin::Api,
    )
    .await;
    assert!(matches!(other, Err(Error::Invalid(_))));
    assert!(matches!(
        store(&engine, &"x".repeat(2_000_000), None).await,
        Err(Error::TooLarge(_))
    ));
    assert!(matches!(
        store(&engine, ONE, Some(4)).await,
        Err(Error::Conflict(_))
    ));
    let plans: i64 = sqlx::query_scalar("SELECT count(*) FROM plans")
        .fetch_one(&engine.pool)
        .await
        .expect("a count");
    assert_eq!(plans, 0);
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn two_edits_at_once_make_one_version(pool: PgPool) {
    let engine = Engine::new(pool, Settings::default());
    store(&engine, ONE, None).await.expect("a first version");
    let operator = person(Role::Operator);
    let (left, right) = tokio::join!(
        store(&engine, TWO, Some(1)),
        save(
            &engine,
            &operator,
            "p",
            "plan: p\ntasks: {b: {run: [x]}}\n",
            Some(1),
            PlanOrigin::Api
        ),
    );
    assert!(left.is_ok() != right.is_ok(), "{left:?} {right:?}");
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn a_folder_is_followed_but_never_overwrites(pool: PgPool) {
    let engine = Engine::new(pool, Settings::default());
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    assert!(
        sync_folder(&engine, &folder.path().join("none"))
            .await
            .expect("no folder")
            .is_empty()
    );

    write("p.yaml", ONE);
    write("bad.yml", "plan: bad\ntasks: {}\n");
    write("twice.yaml", TWO);
    write("binary.yaml", "plan: \u{fffd}");
    std::fs::write(folder.path().join("latin.yaml"), [0xff, 0xfe]).expect("a file");
    write("notes.txt", "no plan");
    let problems: Vec<String> = sync_folder(&engine, folder.path())
        .await
        .expect("a sync")
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(problems.len(), 4, "{problems:#?}");
    assert_eq!(current(&engine, "p").await.expect("a plan").version, 1);

    for file in ["bad.yml", "twice.yaml", "binary.yaml", "latin.yaml"] {
        std::fs::remove_file(folder.path().join(file)).expect("a file");
    }
    assert!(
        sync_folder(&engine, folder.path())
            .await
            .expect("a sync")
            .is_empty()
    );
    assert_eq!(current(&engine, "p").await.expect("a plan").version, 1);
    write("p.yaml", TWO);
    assert!(
        sync_folder(&engine, folder.path())
            .await
            .expect("a sync")
            .is_empty()
    );
    assert_eq!(current(&engine, "p").await.expect("a plan").version, 2);

    // A person edits it; the file differs from then on and says so.
    store(&engine, ONE, Some(2)).await.expect("an edit");
    let problems = sync_folder(&engine, folder.path()).await.expect("a sync");
    assert!(
        problems[0].problem.message.contains("through the API"),
        "{problems:#?}"
    );
    assert_eq!(current(&engine, "p").await.expect("a plan").version, 3);
}
