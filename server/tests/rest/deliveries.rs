//! Messages to receivers outside, for administrators alone.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, header};
use engine::notify::outbox::{Channel, OutboxMessage, enqueue};
use serde_json::json;
use sqlx::PgPool;

use crate::house::House;
use crate::support::Api;

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn administrators_see_messages_and_have_them_tried_again(pool: PgPool) {
    let settings = engine::Settings {
        slack_webhook: Some("https://slack.example/secret-part".to_owned().into()),
        generic_webhook: Some("https://hooks.example/secret-part".to_owned().into()),
        ..engine::Settings::default()
    };
    let api = Api::with(pool, settings, server::config::Config::default()).await;
    api.awaiting().await;
    sqlx::query("UPDATE outbox SET abandoned_at = watchbill_now() WHERE channel = 'slack'")
        .execute(&api.engine.pool)
        .await
        .expect("it is given up");
    for who in ["approver", "operator", "viewer"] {
        api.get(who, "/api/v1/deliveries").await.expect(403);
        api.post(who, "/api/v1/deliveries/1/retry")
            .await
            .expect(403);
    }
    let listed = api.get("admin", "/api/v1/deliveries").await.expect(200);
    assert!(!listed.text().contains("secret-part") && !listed.text().contains("github.com"));
    let items = listed.json()["items"].clone();
    assert_eq!(items[0]["channel"], "webhook");
    assert_eq!(items[0]["state"], "waiting");
    assert_eq!(items[1]["channel"], "slack");
    assert_eq!(items[1]["state"], "abandoned");
    assert_eq!(items[1]["what"], "task.awaiting_approval");

    let path = format!("/api/v1/deliveries/{}/retry", items[1]["id"]);
    api.post("admin", &path).await.expect(204);
    api.post("admin", &path).await.expect(409);
    api.post("admin", "/api/v1/deliveries/999/retry")
        .await
        .expect(404);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn mail_is_neither_listed_nor_tried_again_here(pool: PgPool) {
    let api = Api::new(pool).await;
    let mail: i64 = sqlx::query_scalar(
        "INSERT INTO outbox (channel, dedup_key, payload, recipient_account_id, abandoned_at)
         SELECT 'mail', 'x', '{\"kind\": \"task_failed\"}', id, watchbill_now()
         FROM accounts WHERE login = 'approver' RETURNING id",
    )
    .fetch_one(&api.engine.pool)
    .await
    .expect("it is written");
    let listed = api.get("admin", "/api/v1/deliveries").await.expect(200);
    assert_eq!(listed.json()["items"], json!([]));
    api.post("admin", &format!("/api/v1/deliveries/{mail}/retry"))
        .await
        .expect(404);
    let given_up = "SELECT count(*) FROM outbox WHERE abandoned_at IS NOT NULL";
    assert_eq!(api.scalar(given_up).await, 1);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn administrators_map_members_of_slack(pool: PgPool) {
    let api = Api::new(pool).await;
    let accounts = api
        .get("admin", "/api/v1/accounts")
        .await
        .expect(200)
        .json();
    let id = |login: &str| {
        accounts["items"]
            .as_array()
            .and_then(|items| items.iter().find(|item| item["login"] == login))
            .map(|item| item["id"].clone())
            .expect("an account")
    };
    let (approver, viewer) = (id("approver"), id("viewer"));
    let path = |id: &serde_json::Value| format!("/api/v1/accounts/{id}");
    let set = |user: serde_json::Value| json!({ "slack_user": user });
    let mapped = api
        .json(
            "admin",
            Method::PATCH,
            &path(&approver),
            &set(json!("U012AB3CD")),
        )
        .await
        .expect(200)
        .json();
    assert_eq!(mapped["slack_user"], "U012AB3CD");
    let taken = api
        .json(
            "admin",
            Method::PATCH,
            &path(&viewer),
            &set(json!("U012AB3CD")),
        )
        .await
        .expect(409);
    assert!(taken.text().contains("another account"));
    for wrong in ["approver", "u012", "U", "C012AB3CD", "U012-AB"] {
        api.json("admin", Method::PATCH, &path(&viewer), &set(json!(wrong)))
            .await
            .expect(422);
    }
    api.json(
        "approver",
        Method::PATCH,
        &path(&approver),
        &set(json!("U9")),
    )
    .await
    .expect(403);
    let cleared = api
        .json("admin", Method::PATCH, &path(&approver), &set(json!(null)))
        .await
        .expect(200)
        .json();
    assert_eq!(cleared["slack_user"], json!(null));
    let audited = "SELECT count(*) FROM audit WHERE action = 'account.slack_user'";
    assert_eq!(api.scalar(audited).await, 2);
}

/// The page and its form, as a browser without JavaScript uses them.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_page_lists_them_and_its_form_tries_again(pool: PgPool) {
    let house = House::new(pool, engine::Settings::default());
    sqlx::query(
        "WITH a AS (INSERT INTO accounts (login, password_hash) VALUES ('admin', 'none'), ('viewer', 'none') RETURNING id, login),
              r AS (INSERT INTO account_roles SELECT id, login FROM a)
         INSERT INTO tokens (token_hash, name, account_id, scopes)
         SELECT sha256(convert_to('wbt_' || login, 'UTF8')), 'test', id, '{read,admin}' FROM a",
    )
    .execute(&house.engine.pool)
    .await
    .expect("the accounts are new");
    let message = OutboxMessage {
        channel: Channel::Webhook,
        dedup_key: "run/3/finished/1".to_owned(),
        task_id: None,
        payload: json!({ "type": "run.finished", "data": "canary" }),
    };
    let mut connection = house.engine.pool.acquire().await.expect("a connection");
    enqueue(&mut connection, &message).await.expect("written");
    sqlx::query("UPDATE outbox SET abandoned_at = watchbill_now(), last_error = 'the receiver answered 410'")
        .execute(&mut *connection)
        .await
        .expect("it is given up");
    let send = async |method: Method, path: &str, who: &str, body: &'static str| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, format!("Bearer wbt_{who}"))
            .header(header::ACCEPT_LANGUAGE, "fr")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .expect("a request");
        house.send_for_text(request).await
    };
    let (status, page) = send(Method::GET, "/deliveries", "admin", "").await;
    assert_eq!(status.as_u16(), 200);
    for shown in [
        "Messages envoyés",
        "une exécution est terminée",
        "href=\"/runs/3\"",
        "the receiver answered 410",
        "action=\"/deliveries/retry\"",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert!(!page.contains("canary"));
    let (status, page) = send(Method::GET, "/deliveries", "viewer", "").await;
    assert!(
        status.as_u16() == 403 && !page.contains("the receiver answered"),
        "{status}"
    );

    let again = "delivery=1";
    let (status, _) = send(Method::POST, "/deliveries/retry", "viewer", again).await;
    assert_eq!(status.as_u16(), 403);
    let (status, _) = send(Method::POST, "/deliveries/retry", "admin", again).await;
    assert_eq!(status.as_u16(), 303);
    let (status, page) = send(Method::POST, "/deliveries/retry", "admin", again).await;
    assert_eq!(status.as_u16(), 409);
    assert!(page.contains("was not given up"), "{page}");
    let (status, _) = send(Method::POST, "/deliveries/retry", "admin", "delivery=x").await;
    assert_eq!(status.as_u16(), 404);
}
