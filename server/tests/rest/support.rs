//! A client of the router, and something to look at.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use engine::lifecycle::{claim, finish};
use engine::tasks::{AttemptResult, Finish, NewTask, WorkerIdentity, enqueue};
use engine::{Engine, Settings};
use leptos::config::LeptosOptions;
use model::id::{AccountId, TaskId};
use model::identity::{Principal, PrincipalKind, Role};
use model::plan::{PlanTask, Work};
use model::task::Outcome;
use serde_json::{Value, json};
use server::auth::Caller;
use server::config::Config;
use server::state::AppState;
use sqlx::PgPool;
use tower::ServiceExt as _;

/// The router and who calls it.
pub struct Api {
    pub engine: Engine,
    router: Router,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The answer, where it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        if self.status.is_client_error() || self.status.is_server_error() {
            assert_eq!(
                self.headers[header::CONTENT_TYPE],
                "application/problem+json"
            );
            let problem = self.json();
            assert_eq!(problem["status"], status);
            assert!(
                problem["detail"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty())
            );
        }
        self
    }
}

impl Api {
    /// An API in which `admin`, `approver` (approver), `operator` (operator) and `viewer` (viewer) have accounts.
    pub async fn new(pool: PgPool) -> Self {
        Self::with(pool, Settings::default(), Config::default()).await
    }

    pub async fn with(pool: PgPool, settings: Settings, config: Config) -> Self {
        let engine = Engine::new(pool, settings);
        for (login, role) in [
            ("admin", Role::Admin),
            ("approver", Role::Approver),
            ("operator", Role::Operator),
            ("viewer", Role::Viewer),
        ] {
            sqlx::query(
                "WITH a AS (INSERT INTO accounts (login, password_hash) VALUES ($1, 'none') RETURNING id)
                 INSERT INTO account_roles SELECT id, $2 FROM a",
            )
            .bind(login)
            .bind(role.as_str())
            .execute(&engine.pool)
            .await
            .expect("the account is new");
        }
        let state = AppState {
            engine: engine.clone(),
            config: Arc::new(config),
            leptos_options: LeptosOptions::builder().output_name("watchbill").build(),
        };
        let router = server::rest::router(&state).layer(from_fn_with_state(engine.clone(), caller));
        Self { engine, router }
    }

    pub async fn send(&self, request: Request) -> Answer {
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("the router always answers");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("the body is whole");
        Answer {
            status: parts.status,
            headers: parts.headers,
            bytes: bytes.into(),
        }
    }

    /// A request of this person without a body; `-` is nobody.
    pub async fn call(&self, who: &str, method: Method, path: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("x-test-caller", who)
            .body(Body::empty())
            .expect("a valid request");
        self.send(request).await
    }

    pub async fn get(&self, who: &str, path: &str) -> Answer {
        self.call(who, Method::GET, path).await
    }

    pub async fn post(&self, who: &str, path: &str) -> Answer {
        self.call(who, Method::POST, path).await
    }

    /// A request with a JSON body.
    pub async fn json(&self, who: &str, method: Method, path: &str, body: &Value) -> Answer {
        self.raw(who, method, path, "application/json", body.to_string())
            .await
    }

    pub async fn raw(
        &self,
        who: &str,
        method: Method,
        path: &str,
        kind: &str,
        body: impl Into<Body>,
    ) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("x-test-caller", who)
            .header(header::CONTENT_TYPE, kind)
            .body(body.into())
            .expect("a valid request");
        self.send(request).await
    }

    /// Reports a task as the reference's orchestrator does; gives its id.
    pub async fn report(&self, body: Value) -> i64 {
        self.json("operator", Method::POST, "/agents/tasks/", &body)
            .await
            .expect(201)
            .json()["id"]
            .as_i64()
            .expect("an id is a number")
    }

    /// A reported task that waits for a signature.
    pub async fn awaiting(&self) -> i64 {
        self.report(json!({
            "task": "seo.validate", "run_id": "nightly-2025-01-15", "status": "awaiting_approval",
            "outputs_uri": "https://github.com/user/repo/pull/123",
        }))
        .await
    }

    /// A native task that waits in its queue.
    pub async fn queued(&self) -> TaskId {
        let task = NewTask {
            definition: definition("build"),
            inputs: json!({}),
        };
        enqueue(&self.engine, &Principal::system("test"), &[task])
            .await
            .expect("it is enqueued")[0]
    }

    /// A native task that ended so, with a log and a file.
    pub async fn ended(&self, outcome: Outcome) -> TaskId {
        let id = self.queued().await;
        let worker = WorkerIdentity {
            id: self.engine.random.uuid(),
            name: "test".to_owned(),
            labels: Vec::new(),
        };
        let claimed = claim(&self.engine, &worker, 1)
            .await
            .expect("the claim goes through");
        assert_eq!(claimed[0].lease.task, id);
        for (seq, content) in [&b"one \x1b[31mred\x1b[0m\n"[..], b"t\xc3", b"\xa9l\xff\0\n"]
            .into_iter()
            .enumerate()
        {
            sqlx::query(
                "INSERT INTO log_chunks (task_id, attempt, seq, content) VALUES ($1, 1, $2, $3)",
            )
            .bind(id.0)
            .bind(i64::try_from(seq).expect("a small number"))
            .bind(content)
            .execute(&self.engine.pool)
            .await
            .expect("the chunk is new");
        }
        sqlx::query(
            "WITH a AS (INSERT INTO artifacts (task_id, attempt, path, bytes, sha256)
                        VALUES ($1, 1, 'out/page.html', 6, '\\x00') RETURNING id)
             INSERT INTO artifact_chunks SELECT id, n, convert_to('<b>', 'UTF8') FROM a, generate_series(0, 1) n",
        )
        .bind(id.0)
        .execute(&self.engine.pool)
        .await
        .expect("the file is new");
        let result = AttemptResult::bare(outcome);
        let lease = claimed[0].lease;
        finish(&self.engine, vec![Finish { lease, result }])
            .await
            .expect("it finishes");
        id
    }

    pub async fn scalar(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql)
            .fetch_one(&self.engine.pool)
            .await
            .expect("the query holds")
    }
}

/// A task that does nothing in particular.
pub fn definition(name: &str) -> PlanTask {
    PlanTask::new(name, Work::run(["true"]))
}

/// Stands in for the layer that resolves cookies and tokens: the header names the account.
async fn caller(
    axum::extract::State(engine): axum::extract::State<Engine>,
    mut request: Request,
    next: Next,
) -> axum::response::Response {
    let name = request
        .headers()
        .get("x-test-caller")
        .and_then(|value| value.to_str().ok())
        .unwrap_or("-")
        .to_owned();
    let principal = if name == "-" {
        None
    } else if name == "reporter" {
        Some(Principal {
            kind: PrincipalKind::TrustedReporter,
            name,
            roles: Vec::new(),
        })
    } else {
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "SELECT a.id, r.role FROM accounts a JOIN account_roles r ON r.account_id = a.id WHERE a.login = $1",
        )
        .bind(&name)
        .fetch_all(&engine.pool)
        .await
        .expect("the account is known");
        Some(Principal {
            kind: PrincipalKind::Session {
                account: AccountId(rows[0].0),
            },
            roles: rows
                .iter()
                .map(|row| row.1.parse().expect("a known role"))
                .collect(),
            name,
        })
    };
    request.extensions_mut().insert(Caller(principal));
    next.run(request).await
}
