//! CSV: what it says is what the list says, whatever the fields hold.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::Api;

const HOSTILE: [&str; 10] = [
    "=HYPERLINK(\"https://evil.example\")",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\tTAB",
    "\rCR",
    "quote \" and, comma",
    "two\nlines\r\nand 🌙 — é",
    "'already",
    " =spaced",
];

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn hostile_fields_come_back_as_text(pool: PgPool) {
    let api = Api::new(pool).await;
    for (number, hostile) in HOSTILE.iter().enumerate() {
        let name: String = hostile.chars().filter(|it| !it.is_control()).collect();
        api.report(json!({
            "task": name, "run_id": name, "status": "failed", "log_excerpt": hostile, "outputs_uri": name,
            "started_at": format!("2025-01-15T02:30:{number:02}Z"),
        }))
        .await;
    }
    api.report(
        json!({"task": "long", "run_id": "r", "status": "failed", "log_excerpt": "é".repeat(101),
                      "started_at": "2025-01-15T03:00:00Z"}),
    )
    .await;
    let answer = api
        .get("viewer", "/agents/tasks/paged.csv")
        .await
        .expect(200);
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    assert!(
        answer.headers["content-disposition"]
            .to_str()
            .unwrap()
            .contains("agents_tasks.csv")
    );
    assert!(answer.text().starts_with(
        "id,task,run_id,status,started_at,finished_at,duration_ms,outputs_uri,log_excerpt\r\n"
    ));
    let mut reader = csv::Reader::from_reader(answer.bytes.as_slice());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), HOSTILE.len() + 1);
    assert_eq!(&rows[0][8], format!("{}...", "é".repeat(100)));
    for (row, hostile) in rows[1..].iter().rev().zip(HOSTILE) {
        for field in row {
            let lead = field.trim_start_matches(' ').chars().next();
            assert!(
                !matches!(lead, Some('=' | '+' | '-' | '@' | '\t' | '\r')),
                "{field:?}"
            );
        }
        assert_eq!(
            row[8]
                .strip_prefix('\'')
                .filter(|_| !hostile.starts_with('\''))
                .unwrap_or(&row[8]),
            hostile
        );
    }

    for (query, status) in [
        ("limit=0", 422),
        ("limit=10001", 422),
        ("limit=10000", 200),
        ("status=x", 422),
    ] {
        api.get("viewer", &format!("/agents/tasks/paged.csv?{query}"))
            .await
            .expect(status);
    }
    api.get("-", "/agents/tasks/paged.csv").await.expect(401);
    api.get("-", "/api/v1/tasks.csv").await.expect(401);
    api.get("reporter", "/api/v1/tasks.csv").await.expect(403);
    let two = api
        .get("viewer", "/agents/tasks/paged.csv?limit=2")
        .await
        .expect(200);
    assert_eq!(two.text().matches(",failed,").count(), 2);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_export_has_exactly_what_the_list_shows(pool: PgPool) {
    let api = Api::new(pool).await;
    let statuses = [
        "queued",
        "running",
        "succeeded",
        "failed",
        "awaiting_approval",
        "skipped",
    ];
    for number in 0..60 {
        api.report(json!({
            "task": format!("task.{}", number % 4), "run_id": format!("run-{}", number % 3),
            "status": statuses[number % 6], "started_at": format!("2025-01-{:02}T00:00:00Z", 1 + number / 3),
        }))
        .await;
    }
    api.queued().await;
    for query in [
        "",
        "status=failed",
        "status=failed&status=queued",
        "task=task.1",
        "task=task.1&task=task.3&status=running",
        "run_id=run-2",
        "run_id=run-2&status=skipped&task=task.1",
        "since=2025-01-10",
        "until=2025-01-10&status=failed",
        "since=2025-01-05&until=2025-01-12&task=task.0",
        "status=failed&status=failed&task=task.0&task=task.0",
        "run_id=none",
    ] {
        let mut listed: Vec<String> = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = api
                .get("viewer", &format!("/api/v1/tasks?{query}&limit=7{cursor}"))
                .await
                .expect(200)
                .json();
            listed.extend(
                page["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|task| task["id"].to_string()),
            );
            match &page["next_cursor"] {
                Value::String(next) => cursor = format!("&cursor={next}"),
                _ => break,
            }
        }
        let csv = api
            .get("viewer", &format!("/api/v1/tasks.csv?{query}"))
            .await
            .expect(200);
        let mut reader = csv::Reader::from_reader(csv.bytes.as_slice());
        let exported: Vec<String> = reader
            .records()
            .map(|row| row.unwrap()[0].to_owned())
            .collect();
        assert_eq!(exported, listed, "{query}");
        let by_sql = api.scalar("SELECT count(*) FROM tasks").await;
        assert!(
            query.is_empty() == (i64::try_from(listed.len()).unwrap() == by_sql),
            "{query}"
        );
    }
}
