//! The whole router, as Slack, people with tokens and browsers reach it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::{Method, StatusCode, header};
use chrono::{DateTime, Utc};
use engine::reported::{self, NewReport};
use engine::tasks::digest::hex;
use engine::{Clock, Engine, Settings};
use hmac::{Hmac, KeyInit, Mac};
use leptos::config::LeptosOptions;
use model::id::ApprovalId;
use model::identity::{Principal, Role};
use model::reported::Status;
use serde_json::{Value, json};
use server::config::Config;
use server::state::AppState;
use sha2::Sha256;
use sqlx::PgPool;
use tower::ServiceExt as _;

pub const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
pub const NOW: i64 = 1_800_000_000;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(NOW, 0).expect("a moment")
    }
}

pub struct House {
    pub engine: Engine,
    pub router: Router,
}

/// What a browser was answered with.
pub struct Page {
    pub status: StatusCode,
    pub location: Option<String>,
    pub text: String,
}

/// How a request differs from a good one.
#[derive(Clone)]
pub struct Sent {
    pub secret: &'static str,
    pub timestamp: i64,
    pub kind: &'static str,
    pub retry: Option<&'static str>,
}

pub const GOOD: Sent = Sent {
    secret: SECRET,
    timestamp: NOW,
    kind: "application/x-www-form-urlencoded",
    retry: None,
};

pub fn settings() -> Settings {
    Settings {
        slack_signing_secret: Some(SECRET.to_owned().into()),
        slack_team: Some("T1".to_owned()),
        slack_webhook: Some("https://hooks.example/x".to_owned().into()),
        public_url: Some("https://night.example".to_owned()),
        webhook_allow: vec!["127.0.0.0/8".parse().expect("a network")],
        ..Settings::default()
    }
}

impl House {
    pub fn new(pool: PgPool, settings: Settings) -> Self {
        Self::with(pool, settings, Config::default())
    }

    pub fn with(pool: PgPool, settings: Settings, config: Config) -> Self {
        let mut engine = Engine::new(pool, settings);
        engine.clock = Arc::new(Noon);
        let state = AppState {
            engine: engine.clone(),
            config: Arc::new(config),
            leptos_options: LeptosOptions::builder().output_name("watchbill").build(),
        };
        let router = server::router::router(&state);
        Self { engine, router }
    }

    /// An account with the token `wbt_token-of-<login>` and the session `session-of-<login>`,
    /// mapped to a member of Slack.
    pub async fn person(&self, login: &str, role: Role, slack_user: Option<&str>) {
        sqlx::query(
            "WITH a AS (INSERT INTO accounts (login, password_hash, slack_user) VALUES ($1, 'none', $3) RETURNING id),
                  r AS (INSERT INTO account_roles SELECT id, $2 FROM a),
                  s AS (INSERT INTO sessions (token_hash, account_id, expires_at)
                        SELECT sha256(convert_to('session-of-' || $1, 'UTF8')), id, watchbill_now() + interval '1 hour'
                        FROM a)
             INSERT INTO tokens (token_hash, name, account_id, scopes)
             SELECT sha256(convert_to('wbt_token-of-' || $1, 'UTF8')), 'test', id, '{read,decide}' FROM a",
        )
        .bind(login)
        .bind(role.as_str())
        .bind(slack_user)
        .execute(&self.engine.pool)
        .await
        .expect("the account is new");
    }

    /// A request for a signature, and what its buttons carry.
    pub async fn waiting(&self) -> (ApprovalId, String) {
        self.waiting_about("https://github.com/user/repo/pull/123")
            .await
    }

    /// The same about another result.
    pub async fn waiting_about(&self, outputs_uri: &str) -> (ApprovalId, String) {
        let report = NewReport {
            task: "seo.validate".to_owned(),
            run_id: "nightly-2025-01-15".to_owned(),
            status: Status::AwaitingApproval,
            started_at: None,
            finished_at: None,
            duration_ms: None,
            inputs: None,
            outputs_uri: Some(outputs_uri.to_owned()),
            log_excerpt: None,
            approval_state: None,
            webhook_notified_at: None,
        };
        reported::create(&self.engine, &Principal::system("test"), &report)
            .await
            .expect("it is reported");
        self.newest().await
    }

    /// Reports another result of the same task, so that this request is void: the one that
    /// takes its place.
    pub async fn asked_again(&self, old: ApprovalId) -> ApprovalId {
        let task: i64 = sqlx::query_scalar("SELECT task_id FROM approvals WHERE id = $1")
            .bind(old.0)
            .fetch_one(&self.engine.pool)
            .await
            .expect("a request");
        let patch = reported::ReportPatch {
            outputs_uri: Some(Some("https://github.com/user/repo/pull/124".to_owned())),
            ..reported::ReportPatch::default()
        };
        reported::patch(
            &self.engine,
            &Principal::system("test"),
            model::id::TaskId(task),
            &patch,
        )
        .await
        .expect("it is reported");
        self.newest().await.0
    }

    /// The request that was raised last, and what its buttons carry.
    pub async fn newest(&self) -> (ApprovalId, String) {
        let (id, payload): (i64, Value) = sqlx::query_as(
            "SELECT a.id, o.payload FROM approvals a
             JOIN outbox o ON o.dedup_key = 'approval/' || a.id || '/requested' AND o.channel = 'slack'
             ORDER BY a.id DESC LIMIT 1",
        )
        .fetch_one(&self.engine.pool)
        .await
        .expect("a message was written");
        let value = &payload["blocks"][1]["elements"][0]["value"];
        (ApprovalId(id), value.as_str().expect("a button").to_owned())
    }

    pub async fn post(&self, body: &str, sent: &Sent) -> (StatusCode, Value) {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(sent.secret.as_bytes())
            .expect("any key will do");
        mac.update(format!("v0:{}:{body}", sent.timestamp).as_bytes());
        let digits = hex(&mac.finalize().into_bytes());
        let mut request = Request::builder()
            .method(Method::POST)
            .uri("/slack/actions")
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, sent.kind)
            .header("x-slack-request-timestamp", sent.timestamp)
            .header("x-slack-signature", format!("v0={digits}"));
        if let Some(number) = sent.retry {
            request = request.header("x-slack-retry-num", number);
        }
        self.send(
            request
                .body(Body::from(body.to_owned()))
                .expect("a request"),
        )
        .await
    }

    pub async fn send(&self, request: Request) -> (StatusCode, Value) {
        let (status, text) = self.send_for_text(request).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub async fn send_for_text(&self, request: Request) -> (StatusCode, String) {
        let answer = self.router.clone().oneshot(request).await;
        let (parts, body) = answer.expect("the router always answers").into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a whole body");
        (parts.status, String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The sentence that a good click is answered with.
    pub async fn click(&self, user: &str, action: &str, value: &str, nth: u32) -> String {
        let (status, answer) = self
            .post(&body(user, "T1", action, value, nth), &GOOD)
            .await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(answer["response_type"], "ephemeral");
        assert_eq!(answer["replace_original"], false);
        answer["text"].as_str().expect("a sentence").to_owned()
    }

    pub async fn decide_by_api(
        &self,
        login: &str,
        approval: ApprovalId,
        value: &str,
    ) -> StatusCode {
        let digest = value.split(':').nth(1).expect("a digest");
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/api/v1/approvals/{approval}/decide"))
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .header(
                header::AUTHORIZATION,
                format!("Bearer wbt_token-of-{login}"),
            )
            .body(Body::from(
                json!({ "verdict": "approve", "digest": digest }).to_string(),
            ))
            .expect("a request");
        self.send(request).await.0
    }

    /// The form of the page, as a browser sends it.
    pub async fn decide_by_page(
        &self,
        login: &str,
        approval: ApprovalId,
        value: &str,
    ) -> StatusCode {
        let digest = value.split(':').nth(1).expect("a digest");
        let fields = [
            ("digest", digest),
            ("note", "not like this"),
            ("verdict", "reject"),
        ];
        let page = format!("/approvals/{approval}/decide");
        self.form(login, &page, &fields).await.status
    }

    /// A page, as a browser of this person asks for it; `fr` before the login is in French.
    pub async fn page(&self, login: &str, path: &str) -> Page {
        self.browse(login, Method::GET, path, Body::empty()).await
    }

    /// A form, as a browser of this person sends it; `fr` before the login is in French.
    pub async fn form(&self, login: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.browse(login, Method::POST, path, Body::from(form))
            .await
    }

    async fn browse(&self, login: &str, method: Method, path: &str, body: Body) -> Page {
        let (language, login) = match login.strip_prefix("fr ") {
            Some(login) => ("fr", login),
            None => ("en", login),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .header("sec-fetch-site", "same-origin")
            .header(header::ACCEPT_LANGUAGE, language)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::COOKIE, format!("watchbill=session-of-{login}"))
            // Over plain http the cookie counts from this machine alone.
            .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 50_000))))
            .body(body)
            .expect("a request");
        let answer = self.router.clone().oneshot(request).await;
        let (parts, body) = answer.expect("the router always answers").into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a whole body");
        let location = parts.headers.get(header::LOCATION);
        Page {
            status: parts.status,
            location: location.map(|it| it.to_str().expect("a path").to_owned()),
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql)
            .fetch_one(&self.engine.pool)
            .await
            .expect("a count")
    }

    pub async fn decisions(&self) -> i64 {
        self.count("SELECT count(*) FROM decisions").await
    }
}

/// What Slack sends for the nth click of this member.
pub fn body(user: &str, team: &str, action: &str, value: &str, nth: u32) -> String {
    with_url(user, team, action, value, nth, "")
}

pub fn with_url(user: &str, team: &str, action: &str, value: &str, nth: u32, url: &str) -> String {
    let mut payload = json!({
        "type": "block_actions",
        "user": { "id": user, "team_id": team },
        "team": { "id": team },
        "trigger_id": format!("{nth}.1"),
        "actions": [{ "action_id": format!("watchbill.{action}"), "value": value, "type": "button" }],
    });
    if !url.is_empty() {
        payload["response_url"] = url.into();
    }
    form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &payload.to_string())
        .finish()
}
