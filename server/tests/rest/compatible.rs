//! The nightly-approvals reference's clients as they are: a reporter without a token, one key for
//! everything, pages that approve with `?note=` and no digest. Who reports does not sign.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{Method, StatusCode, header};
use engine::Settings;
use engine::settings::{ApprovalSettings, WithoutDigest};
use model::identity::Role;
use model::plan::RequesterRule;
use serde_json::{Value, json};
use server::config::Config;
use sqlx::PgPool;

use crate::house::{House, settings};

const HEADER: &str = "x-admin-key";

/// A house with two people who may sign, `mover` and `other`; the mover's keys are `one-key`, and
/// `reports` for a program.
async fn house(pool: PgPool) -> House {
    let house = open(pool, ApprovalSettings::default());
    house.person("mover", Role::Admin, None).await;
    house.person("other", Role::Admin, None).await;
    for (value, login, scopes) in [
        ("one-key", "mover", &["read", "report", "decide"][..]),
        ("reports", "mover", &["report"]),
        ("others-key", "other", &["read", "report", "decide"]),
    ] {
        sqlx::query(
            "INSERT INTO tokens (token_hash, name, account_id, scopes)
             SELECT sha256(convert_to('wbt_' || $1, 'UTF8')), $1, id, $3 FROM accounts WHERE login = $2",
        )
        .bind(value)
        .bind(login)
        .bind(scopes)
        .execute(&house.engine.pool)
        .await
        .expect("the token is new");
    }
    house
}

/// The same house under other settings.
fn open(pool: PgPool, approvals: ApprovalSettings) -> House {
    let settings = Settings {
        approvals,
        ..settings()
    };
    let config = Config {
        trust_report_from: vec!["127.0.0.0/8".parse().expect("a network")],
        ..Config::default()
    };
    House::with(pool, settings, config)
}

/// What the reference's clients send: a key in their own header, or none at all.
async fn call(
    house: &House,
    key: Option<&str>,
    method: Method,
    path: &str,
    body: Value,
) -> (StatusCode, Value) {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost")
        .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 50_000))));
    if let Some(key) = key {
        request = request.header(HEADER, format!("wbt_{key}"));
    }
    let body = if body.is_null() {
        Body::empty()
    } else {
        request = request.header(header::CONTENT_TYPE, "application/json");
        Body::from(body.to_string())
    };
    house.send(request.body(body).expect("a request")).await
}

/// Reports with this key that a task runs, and then that it waits.
async fn report(house: &House, key: Option<&str>) -> i64 {
    let running =
        json!({"task": "seo.validate", "run_id": "nightly-2025-01-15", "status": "running"});
    let (status, made) = call(house, key, Method::POST, "/agents/tasks/", running).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let id = made["id"].as_i64().expect("an id");
    let waits = json!({
        "status": "awaiting_approval", "finished_at": "2025-01-15T02:41:00Z", "duration_ms": 11_000,
        "outputs_uri": format!("https://github.com/user/repo/pull/{id}"), "approval_state": "pending",
    });
    let (status, changed) = patch(house, key, id, waits).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    id
}

async fn patch(house: &House, key: Option<&str>, id: i64, body: Value) -> (StatusCode, Value) {
    let path = format!("/agents/tasks/{id}");
    call(house, key, Method::PATCH, &path, body).await
}

/// The button of the reference's page.
async fn approve(house: &House, key: &str, id: i64) -> (StatusCode, Value) {
    let path = format!("/agents/tasks/{id}/approve?note=looks%20good");
    call(house, Some(key), Method::POST, &path, Value::Null).await
}

/// Who asked for what waits for this task, as records name them.
async fn requester(house: &House, id: i64) -> Option<String> {
    sqlx::query_scalar(
        "SELECT requester FROM approvals WHERE task_id = $1 ORDER BY id DESC LIMIT 1",
    )
    .bind(id)
    .fetch_one(&house.engine.pool)
    .await
    .expect("a request")
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn who_reports_a_task_does_not_sign_it(pool: PgPool) {
    let house = house(pool).await;
    // The attack: one person writes what is to be signed, and signs it.
    let task = report(&house, Some("one-key")).await;
    assert_eq!(requester(&house, task).await.as_deref(), Some("mover"));
    let (status, refused) = approve(&house, "one-key", task).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{refused}");
    // Nor in a browser, nor by another token of theirs.
    let (id, digest): (i64, String) =
        sqlx::query_as("SELECT id, encode(digest, 'hex') FROM approvals WHERE state = 'pending'")
            .fetch_one(&house.engine.pool)
            .await
            .expect("one waits");
    let fields = [("digest", digest.as_str()), ("verdict", "approve")];
    let path = format!("/approvals/{id}/decide");
    let page = house.form("mover", &path, &fields).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    // A form that lost its digest signs nothing, whoever sends it.
    let lost = house.form("other", &path, &[("verdict", "approve")]).await;
    assert_eq!(lost.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(house.decisions().await, 0);
    let (status, signed) = approve(&house, "others-key", task).await;
    assert_eq!(
        (status, &signed["approver"]),
        (StatusCode::OK, &json!("other"))
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn whoever_changes_a_report_has_asked_for_it_too(pool: PgPool) {
    let house = house(pool).await;
    // A reporter without a token is nobody's voice.
    let task = report(&house, None).await;
    assert_eq!(requester(&house, task).await, None);
    // The same once more raises nothing, and is somebody's doing nevertheless.
    let same = json!({"status": "awaiting_approval"});
    patch(&house, Some("one-key"), task, same).await;
    assert_eq!(house.count("SELECT count(*) FROM approvals").await, 1);
    assert_eq!(requester(&house, task).await.as_deref(), Some("mover"));
    let (status, _) = approve(&house, "one-key", task).await;
    assert_eq!(status, StatusCode::FORBIDDEN);

    // Another result asks again, of nobody who had a hand in it, before or now.
    let other = json!({"outputs_uri": "https://evil.example"});
    patch(&house, Some("others-key"), task, other).await;
    assert_eq!(house.count("SELECT count(*) FROM approvals").await, 2);
    assert_eq!(
        requester(&house, task).await.as_deref(),
        Some("mover, other")
    );
    house.person("third", Role::Approver, None).await;
    for key in ["one-key", "others-key"] {
        let (status, refused) = approve(&house, key, task).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{refused}");
    }
    let (status, _) = approve(&house, "token-of-third", task).await;
    assert_eq!(status, StatusCode::OK);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_programs_token_is_nobodys_voice(pool: PgPool) {
    let house = house(pool).await;
    let task = report(&house, Some("reports")).await;
    assert_eq!(requester(&house, task).await, None);
    let (status, signed) = approve(&house, "one-key", task).await;
    assert_eq!(
        (status, &signed["approver"]),
        (StatusCode::OK, &json!("mover"))
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn who_alone_could_sign_signs_what_they_reported(pool: PgPool) {
    let house = house(pool).await;
    sqlx::query("UPDATE accounts SET disabled_at = watchbill_now() WHERE login = 'other'")
        .execute(&house.engine.pool)
        .await
        .expect("the mover is alone");
    let task = report(&house, Some("one-key")).await;
    let (status, _) = approve(&house, "one-key", task).await;
    assert_eq!(status, StatusCode::OK);
    let alone = "SELECT count(*) FROM decisions WHERE sole_decider AND blind";
    assert_eq!(house.count(alone).await, 1);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_references_clients_work_unmodified(pool: PgPool) {
    let forbidden = house(pool.clone()).await;
    // Reporter without a token, pages with one key: as they come.
    let task = report(&forbidden, None).await;
    let (status, signed) = approve(&forbidden, "one-key", task).await;
    assert_eq!(status, StatusCode::OK, "{signed}");
    assert_eq!(signed["status"], "succeeded");
    assert_eq!(signed["approval_state"], "approved");
    assert_eq!(signed["approval_note"], "looks good");
    let blind = "SELECT count(*) FROM decisions WHERE blind";
    assert_eq!(forbidden.count(blind).await, 1);
    let page = forbidden.page("other", "/decisions").await;
    assert!(page.text.contains("blind: without saying"), "it is marked");
    let rejected = report(&forbidden, None).await;
    let path = format!("/agents/tasks/{rejected}/reject?note=no");
    let (status, _) = call(
        &forbidden,
        Some("one-key"),
        Method::POST,
        &path,
        Value::Null,
    )
    .await;
    assert_eq!(status, StatusCode::OK);

    // Where the reporter has the key as well, one setting keeps it working.
    let allowed = open(
        pool.clone(),
        ApprovalSettings {
            reported_requester: RequesterRule::Allowed,
            ..ApprovalSettings::default()
        },
    );
    let task = report(&allowed, None).await;
    assert_eq!(approve(&allowed, "one-key", task).await.0, StatusCode::OK);
    let task = report(&allowed, Some("one-key")).await;
    assert_eq!(requester(&allowed, task).await.as_deref(), Some("mover"));
    assert_eq!(approve(&allowed, "one-key", task).await.0, StatusCode::OK);

    // Where nothing may be signed blindly, the page must say what it showed.
    let strict = open(
        pool,
        ApprovalSettings {
            reported_without_digest: WithoutDigest::Refuse,
            ..ApprovalSettings::default()
        },
    );
    let task = report(&strict, None).await;
    let (status, problem) = approve(&strict, "one-key", task).await;
    assert_eq!(status, StatusCode::PRECONDITION_REQUIRED, "{problem}");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_doctor_says_what_a_mover_needs(pool: PgPool) {
    let house = house(pool.clone()).await;
    let told = async |house: &House| {
        let findings = engine::upkeep::findings(&house.engine).await;
        let findings = findings.expect("findings").into_iter();
        findings
            .filter(|finding| finding.code == "reported.one_key")
            .map(|finding| finding.message)
            .collect::<String>()
    };
    assert_eq!(told(&house).await, "", "nothing is reported here");
    report(&house, Some("one-key")).await;
    let both = told(&house).await;
    for part in [
        "'one-key' of mover",
        "whose only scope is report",
        "approvals.reported_requester = allowed",
    ] {
        assert!(both.contains(part), "{both}");
    }
    sqlx::query("UPDATE tokens SET revoked_at = watchbill_now() WHERE name LIKE '%-key'")
        .execute(&house.engine.pool)
        .await
        .expect("no key does both");
    assert_eq!(told(&house).await, "");
    let allowed = open(
        pool,
        ApprovalSettings {
            reported_requester: RequesterRule::Allowed,
            ..ApprovalSettings::default()
        },
    );
    assert!(told(&allowed).await.contains("set it to forbidden"));
}
