//! The page of a plan version that waits for a signature.

use axum::http::StatusCode;
use engine::lifecycle::save;
use engine::plans::PlanOrigin;
use model::id::AccountId;
use model::identity::{Principal, PrincipalKind, Role};
use sqlx::PgPool;

use crate::house::{House, settings};

const GATED: &str =
    "plan: release\ntasks:\n  ship: {run: [make], approval: {from: [role:approver]}}\n";
const FREE: &str = "plan: release\ntasks:\n  ship: {run: [make]}\n";

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn it_speaks_of_a_version_and_of_no_task(pool: PgPool) {
    let house = House::new(pool, settings());
    house.person("approver", Role::Approver, None).await;
    house.person("author", Role::Operator, None).await;
    let account = sqlx::query_scalar("SELECT id FROM accounts WHERE login = 'author'")
        .fetch_one(&house.engine.pool)
        .await
        .expect("an account");
    let author = Principal {
        kind: PrincipalKind::Session {
            account: AccountId(account),
        },
        name: "author".to_owned(),
        roles: vec![Role::Operator],
    };
    let store = |text| {
        let origin = PlanOrigin::Api;
        save(&house.engine, &author, "release", text, None, origin)
    };
    store(GATED).await.expect("the first runs at once");
    store(FREE).await.expect("the second is proposed");
    let approval: i64 = sqlx::query_scalar("SELECT id FROM approvals")
        .fetch_one(&house.engine.pool)
        .await
        .expect("a request");

    for (reader, says, never) in [
        (
            "approver",
            [
                "Version stored by",
                "the version takes effect once",
                "the version never takes effect",
                "what runs now stays as it is",
            ],
            ["Run started by", "the task"],
        ),
        (
            "fr approver",
            [
                "Version enregistrée par",
                "la version prend effet dès que",
                "la version ne prend jamais effet",
                "ce qui tourne aujourd’hui reste tel quel",
            ],
            ["Exécution lancée par", "la tâche réussit"],
        ),
    ] {
        let page = house.page(reader, &format!("/approvals/{approval}")).await;
        assert_eq!(page.status, StatusCode::OK);
        for words in says {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
        for words in never {
            assert!(!page.text.contains(words), "{words}: {}", page.text);
        }
    }
}
