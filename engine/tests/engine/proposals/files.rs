//! Plans of the plans folder: the machine's administrator writes them.

use std::path::Path;

use engine::lifecycle::sync_folder;
use engine::plans::NewVersions;
use engine::{Engine, Settings};
use model::approval::Verdict;
use model::identity::Principal;
use sqlx::PgPool;

use super::{FREE, GATED, House, answer, runs, standing, store};

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(text: &str) -> Self {
        let folder = Self(tempfile::tempdir().expect("a folder"));
        folder.write("release.yaml", text);
        folder
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).expect("a file");
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

async fn follow(engine: &Engine, folder: &Folder) -> Vec<String> {
    let problems = sync_folder(engine, folder.path()).await.expect("a sync");
    problems.iter().map(ToString::to_string).collect()
}

fn asked() -> Settings {
    Settings {
        plans_files: NewVersions::Proposed,
        ..Settings::default()
    }
}

async fn waiting(engine: &Engine) -> Vec<i64> {
    sqlx::query_scalar("SELECT id FROM approvals WHERE state = 'pending' ORDER BY id")
        .fetch_all(&engine.pool)
        .await
        .expect("requests")
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_file_takes_effect_at_once(pool: PgPool) {
    let house = House::new(pool, Settings::default()).await;
    let engine = &house.engine;
    let folder = Folder::with(GATED);
    assert!(follow(engine, &folder).await.is_empty());
    // Somebody proposes what the file then says: the administrator's word needs no signature.
    house.weaken().await;
    folder.write("release.yaml", FREE);
    assert!(follow(engine, &folder).await.is_empty());
    assert_eq!(
        (runs(engine).await, standing(engine, 2).await),
        (3, "superseded".to_owned())
    );
    assert!(waiting(engine).await.is_empty());
    let author: Option<i64> =
        sqlx::query_scalar("SELECT author_account_id FROM plan_versions WHERE version = 3")
            .fetch_one(&engine.pool)
            .await
            .expect("a version");
    assert_eq!(author, None);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_file_waits_where_the_setting_says_so(pool: PgPool) {
    let house = House::new(pool, asked()).await;
    let engine = &house.engine;
    let folder = Folder::with(GATED);
    folder.write(
        "other.yaml",
        "plan: other\ntasks: {a: {run: [x], environment: {K: {secret: K}}}}\n",
    );
    assert!(follow(engine, &folder).await.is_empty());
    assert_eq!(
        waiting(engine).await,
        Vec::<i64>::new(),
        "the first start asks nobody"
    );

    folder.write("release.yaml", FREE);
    assert!(follow(engine, &folder).await.is_empty());
    assert!(follow(engine, &folder).await.is_empty());
    let first = waiting(engine).await;
    assert_eq!((first.len(), runs(engine).await), (1, 1), "asked once");

    // An edit replaces it, and the file put back withdraws it.
    folder.write("release.yaml", &FREE.replace("[make]", "[make, all]"));
    assert!(follow(engine, &folder).await.is_empty());
    assert_eq!(
        (standing(engine, 2).await, standing(engine, 3).await),
        ("superseded".into(), "proposed".into())
    );
    folder.write("release.yaml", GATED);
    assert!(follow(engine, &folder).await.is_empty());
    assert_eq!(standing(engine, 3).await, "withdrawn");
    assert!(waiting(engine).await.is_empty());

    // A file that stands as it was does not withdraw what a person proposes.
    let by_person = house.weaken().await;
    assert!(follow(engine, &folder).await.is_empty());
    assert_eq!(waiting(engine).await, [by_person.0]);
    answer(engine, &house.approver, by_person, Verdict::Approve)
        .await
        .expect("signed");
    assert_eq!(runs(engine).await, 4);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_refused_file_is_not_asked_about_at_each_start(pool: PgPool) {
    let house = House::new(pool, asked()).await;
    let engine = &house.engine;
    let folder = Folder::with(GATED);
    assert!(follow(engine, &folder).await.is_empty());
    folder.write("release.yaml", FREE);
    assert!(follow(engine, &folder).await.is_empty());
    let asked = model::id::ApprovalId(waiting(engine).await[0]);
    answer(engine, &house.approver, asked, Verdict::Reject)
        .await
        .expect("refused");
    let problems = follow(engine, &folder).await;
    assert!(problems[0].contains("refused as version 2"), "{problems:?}");
    assert!(waiting(engine).await.is_empty());
    // A new file names its first secret.
    folder.write("release.yaml", GATED);
    folder.write(
        "more.yaml",
        "plan: more\ntasks: {a: {run: [x], environment: {K: {secret: K}}}}\n",
    );
    assert!(follow(engine, &folder).await.is_empty());
    assert_eq!(waiting(engine).await.len(), 1);
    // The command line is the administrator's, too.
    let saved = store(
        engine,
        &Principal::system("cli"),
        &FREE.replace("[make]", "[make, all]"),
    )
    .await;
    assert_eq!(saved.proposed.len(), 1);
}
