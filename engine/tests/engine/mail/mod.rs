//! Mail over a real database and a real mail server: who is told, how, when, and what faults do.

mod chain;
mod faults;
mod letters;
mod preferences;
mod reach;
mod sink;
mod times;
mod tokens;

use std::time::Duration;

use base64::Engine as _;
use engine::notify::{PreferencesEdit, set_preferences};
use engine::settings::{MailSettings, Smtp};
use engine::tasks::AttemptResult;
use engine::{Engine, Settings};
use model::approval::Verdict;
use model::id::{ApprovalId, TaskId};
use model::identity::{Principal, Role};
use model::plan::Gate;
use model::task::{GatePhase, Outcome};
use sqlx::PgPool;

use crate::sign_off::{pending, say};
use crate::support::{claim_one, finish_with, gate, person, plan, run, task, worker};
pub use sink::{Received, Sink};

pub fn engine_with(pool: PgPool, smtp: Option<Smtp>) -> Engine {
    let settings = Settings {
        mail: MailSettings {
            smtp,
            from: "Watchbill <watchbill@example.org>".to_owned(),
            base_url: "https://night.example".to_owned(),
            step_timeout: Duration::from_secs(20),
            folder: None,
        },
        ..Settings::default()
    };
    Engine::new(pool, settings)
}

/// A person whom mail reaches under their login.
pub async fn reader(engine: &Engine, login: &str, roles: &[Role]) -> Principal {
    let person = person(engine, login, roles).await;
    choose(
        engine,
        &person,
        PreferencesEdit {
            email: Some(login.to_owned()),
            ..PreferencesEdit::default()
        },
    )
    .await;
    person
}

pub async fn choose(engine: &Engine, person: &Principal, edit: PreferencesEdit) {
    let account = person.account().expect("an account");
    set_preferences(engine, person, account, &edit)
        .await
        .expect("the choice is taken");
}

/// A finished task `change` of the plan `nightly` that waits for an approver.
pub async fn waiting(engine: &Engine, requester: Option<&Principal>) -> ApprovalId {
    let mut asks = gate(GatePhase::AfterResult);
    asks.expires_seconds = Some(72 * 3_600);
    waiting_under(engine, requester, asks).await
}

/// The same under a gate of the test's own.
pub async fn waiting_under(
    engine: &Engine,
    requester: Option<&Principal>,
    asks: Gate,
) -> ApprovalId {
    let mut first = task("change", &[]);
    first.approval = Some(asks);
    let plan = plan(vec![first, task("publish", &["change"])]);
    run(engine, &plan, requester.and_then(Principal::account)).await;
    let claimed = claim_one(engine, &worker(engine)).await;
    finish_with(
        engine,
        &claimed,
        AttemptResult {
            outputs_uri: Some("https://github.com/user/repo/pull/123".to_owned()),
            log_excerpt: Some("checking…\n<b>4 links</b> repaired\n".to_owned()),
            ..AttemptResult::bare(Outcome::Succeeded)
        },
    )
    .await;
    pending(engine, claimed.lease.task).await
}

/// Runs `nightly` once with a single task `validate`, which fails.
pub async fn failure(engine: &Engine) -> TaskId {
    run(engine, &plan(vec![task("validate", &[])]), None).await;
    let claimed = claim_one(engine, &worker(engine)).await;
    finish_with(
        engine,
        &claimed,
        AttemptResult {
            exit_code: Some(2),
            ..AttemptResult::bare(Outcome::Failed)
        },
    )
    .await;
    claimed.lease.task
}

pub async fn approve(engine: &Engine, person: &Principal, approval: ApprovalId) {
    say(engine, person, approval, Verdict::Approve)
        .await
        .expect("a decision");
}

/// Sends until nothing more is due.
pub async fn send_all(engine: &Engine) {
    while engine::notify::mail::deliver_due(engine)
        .await
        .expect("a pass")
        > 0
    {}
}

/// Makes every waiting message due, as time would.
pub async fn let_time_pass(engine: &Engine) {
    sqlx::query("UPDATE outbox SET next_try_at = watchbill_now() WHERE NOT for_digest")
        .execute(&engine.pool)
        .await
        .expect("the rows");
}

/// Sets the database's clock to this moment; it stands still there.
pub async fn clock_at(engine: &Engine, moment: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "CREATE OR REPLACE FUNCTION watchbill_now() RETURNS timestamptz LANGUAGE sql STABLE
         AS 'SELECT timestamptz ''{moment}'''"
    )))
    .execute(&engine.pool)
    .await
    .expect("the clock moves");
}

/// How a message stands in the outbox.
#[derive(Debug, sqlx::FromRow)]
pub struct Row {
    pub login: String,
    pub kind: String,
    pub tries: i32,
    pub delivered: bool,
    pub abandoned: bool,
    pub for_digest: bool,
    pub last_error: Option<String>,
}

pub async fn rows(engine: &Engine) -> Vec<Row> {
    sqlx::query_as(
        "SELECT a.login, o.payload->>'kind' AS kind, o.tries, o.delivered_at IS NOT NULL AS delivered,
                o.abandoned_at IS NOT NULL AS abandoned, o.for_digest, o.last_error
         FROM outbox o JOIN accounts a ON a.id = o.recipient_account_id ORDER BY o.id",
    )
    .fetch_all(&engine.pool)
    .await
    .expect("the rows")
}

/// The only row there is.
pub async fn only_row(engine: &Engine) -> Row {
    let mut rows = rows(engine).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

/// The only message that came.
pub fn only(sink: &Sink) -> Received {
    let mut received = sink.received();
    assert_eq!(received.len(), 1, "{received:?}");
    received.remove(0)
}

/// The value of a header, unfolded.
pub fn header(received: &Received, name: &str) -> Option<String> {
    let head = received.mail.split("\r\n\r\n").next()?;
    let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    head.lines()
        .find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned))
}

/// The subject as a person reads it.
pub fn subject(received: &Received) -> String {
    let raw = header(received, "Subject").expect("a subject");
    let mut shown = String::new();
    let mut was_encoded = false;
    for word in raw.split(' ') {
        let encoded = word
            .strip_prefix("=?utf-8?b?")
            .and_then(|word| word.strip_suffix("?="));
        // Between two encoded words the space is none.
        let is_joined = shown.is_empty() || (was_encoded && encoded.is_some());
        if !is_joined {
            shown.push(' ');
        }
        was_encoded = encoded.is_some();
        match encoded {
            Some(text) => {
                let bytes = base64::engine::general_purpose::STANDARD
                    .decode(text)
                    .expect("base64");
                shown.push_str(&String::from_utf8(bytes).expect("UTF-8"));
            }
            None => shown.push_str(word),
        }
    }
    shown
}

/// The parts as a person reads them: text, HTML.
pub fn parts(received: &Received) -> (String, String) {
    let boundary = received
        .mail
        .split("boundary=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a boundary");
    let line = format!("--{boundary}");
    let mut parts = received.mail.split(&line).skip(1).map(|part| {
        let (head, body) = part.split_once("\r\n\r\n").unwrap_or(("", ""));
        decoded(head, body)
    });
    let text = parts.next().expect("a text part");
    let html = parts.next().expect("an HTML part");
    assert!(html.contains("<html"), "{html}");
    (text, html)
}

fn decoded(head: &str, body: &str) -> String {
    if head.contains("base64") {
        let plain: String = body.split_whitespace().collect();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(plain)
            .expect("base64");
        return String::from_utf8(bytes)
            .expect("UTF-8")
            .replace("\r\n", "\n");
    }
    if !head.contains("quoted-printable") {
        return body.replace("\r\n", "\n");
    }
    let mut bytes = Vec::new();
    let joined = body.replace("=\r\n", "");
    let mut rest = joined.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'=' {
            let digits = [rest.next().expect("a digit"), rest.next().expect("a digit")];
            let digits = std::str::from_utf8(&digits).expect("digits");
            bytes.push(u8::from_str_radix(digits, 16).expect("digits"));
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes)
        .expect("UTF-8")
        .replace("\r\n", "\n")
}
