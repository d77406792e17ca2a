//! GET and HEAD change nothing, anywhere (invariant 13).

use axum::http::Method;
use model::task::Outcome;
use sqlx::{PgPool, Row as _};

use crate::support::Api;

/// Every table with its whole content, as a fingerprint.
pub async fn contents(pool: &PgPool) -> Vec<(String, String)> {
    let tables = sqlx::query(
        "SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND n.nspname = 'public' ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .expect("the table can be read");
    let mut contents = Vec::new();
    for table in tables {
        let name: String = table.get("name");
        let sql = format!(
            "SELECT coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') FROM {name} t"
        );
        let hash: String = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(pool)
            .await
            .expect("the table can be read");
        contents.push((name, hash));
    }
    contents
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn reading_changes_nothing(pool: PgPool) {
    let api = Api::new(pool.clone()).await;
    api.awaiting().await;
    api.ended(Outcome::Failed).await;
    api.queued().await;
    let document = serde_json::to_value(server::rest::document()).expect("the table can be read");
    let before = contents(&pool).await;
    let mut served = 0;
    for path in document["paths"]
        .as_object()
        .expect("the table can be read")
        .keys()
    {
        let path = path
            .replace("{name}", "nightly")
            .replace("{id}", "2")
            .replace("{attempt}", "1")
            .replace("{artifact}", "1")
            .replace("{key}", "1");
        for who in ["admin", "approver", "-"] {
            for method in [Method::GET, Method::HEAD] {
                let answer = api.call(who, method, &path).await;
                assert!(
                    !answer.status.is_server_error(),
                    "{path}: {}",
                    answer.text()
                );
                served += usize::from(answer.status.is_success());
            }
        }
    }
    assert!(served > 40, "most addresses were read: {served}");
    assert_eq!(contents(&pool).await, before);
}
