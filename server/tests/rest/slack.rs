//! Clicks in Slack: what proves them, whose they are, what they decide.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use engine::Settings;
use model::identity::Role;
use serde_json::Value;
use sqlx::PgPool;

use crate::house::{GOOD, House, NOW, Sent, body, settings, with_url};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_slack_did_not_sign_just_now_decides_nothing(pool: PgPool) {
    let house = House::new(pool.clone(), settings());
    house
        .person("approver@example.org", Role::Approver, Some("U1"))
        .await;
    let (_, value) = house.waiting().await;
    let body = body("U1", "T1", "approve", &value, 1);
    let large = format!("{body}&more={}", "x".repeat(70_000));
    for (what, body, sent, expected) in [
        (
            "another secret",
            &body,
            Sent {
                secret: "another",
                ..GOOD
            },
            401,
        ),
        (
            "old",
            &body,
            Sent {
                timestamp: NOW - 301,
                ..GOOD
            },
            401,
        ),
        (
            "of the future",
            &body,
            Sent {
                timestamp: NOW + 301,
                ..GOOD
            },
            401,
        ),
        (
            "JSON",
            &body,
            Sent {
                kind: "application/json",
                ..GOOD
            },
            415,
        ),
        ("too large", &large, GOOD, 413),
        ("no payload", &"x=1".to_owned(), GOOD, 400),
    ] {
        let (status, answer) = house.post(body, &sent).await;
        assert_eq!(status.as_u16(), expected, "{what}: {answer}");
    }
    for method in [Method::GET, Method::HEAD] {
        let request = Request::builder()
            .method(method)
            .uri("/slack/actions")
            .header(header::HOST, "localhost")
            .body(Body::empty())
            .expect("a request");
        assert_eq!(house.send(request).await.0, StatusCode::METHOD_NOT_ALLOWED);
    }
    let without = Settings {
        slack_signing_secret: None,
        ..settings()
    };
    let (status, _) = House::new(pool, without).post(&body, &GOOD).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(house.decisions().await, 0);
    assert_eq!(
        house.count("SELECT count(*) FROM slack_deliveries").await,
        0
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn who_may_not_decide_is_told_so_and_audited(pool: PgPool) {
    let house = House::new(pool, settings());
    house
        .person("approver@example.org", Role::Approver, Some("U1"))
        .await;
    house
        .person("viewer@example.org", Role::Viewer, Some("U2"))
        .await;
    house
        .person("former@example.org", Role::Approver, Some("U3"))
        .await;
    house
        .person("new@example.org", Role::Approver, Some("U4"))
        .await;
    for sql in [
        "UPDATE accounts SET disabled_at = watchbill_now() WHERE slack_user = 'U3'",
        "UPDATE accounts SET must_change_password = true WHERE slack_user = 'U4'",
    ] {
        sqlx::query(sql)
            .execute(&house.engine.pool)
            .await
            .expect("changed");
    }
    let (_, value) = house.waiting().await;
    for (refused, (user, team, said)) in [
        ("U1", "T2", "this Slack workspace may not decide here"),
        ("U9", "T1", "watchbill user set LOGIN --slack-user U9"),
        ("U2", "T1", "needs the permission to decide"),
        ("U3", "T1", "your account in Watchbill is disabled"),
        ("U4", "T1", "somebody else chose your password"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = body(user, team, "approve", &value, 1);
        let (status, answer) = house.post(&body, &GOOD).await;
        assert_eq!(status, StatusCode::OK);
        let text = answer["text"].as_str().expect("a sentence");
        assert!(
            text.starts_with("Nothing was decided: ") && text.contains(said),
            "{text}"
        );
        // The same request again is not another try.
        assert_eq!(house.post(&body, &GOOD).await.1, answer);
        let audited = "SELECT count(*) FROM audit WHERE action = 'slack.refuse'";
        let expected = i64::try_from(refused).expect("a small number") + 1;
        assert_eq!(house.count(audited).await, expected, "{user}");
    }
    assert_eq!(house.decisions().await, 0);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_click_decides_once_however_often_it_is_sent(pool: PgPool) {
    let house = House::new(pool, settings());
    house
        .person("approver@example.org", Role::Approver, Some("U1"))
        .await;
    house
        .person("other@example.org", Role::Approver, Some("U2"))
        .await;
    let (_, value) = house.waiting().await;
    let body = body("U1", "T1", "approve", &value, 1);
    let (_, first) = house.post(&body, &GOOD).await;
    assert_eq!(
        first["text"],
        "Signed: seo.validate is approved. You signed as approver@example.org."
    );
    let later = Sent {
        timestamp: NOW + 4,
        retry: Some("1"),
        ..GOOD
    };
    assert_eq!(house.post(&body, &GOOD).await.1, first, "a replay");
    assert_eq!(
        house.post(&body, &later).await.1,
        first,
        "a retry under a new signature"
    );
    assert_eq!(
        house.click("U1", "approve", &value, 2).await,
        first["text"].as_str().expect("a sentence"),
        "the person clicks again"
    );
    let late = house.click("U2", "reject", &value, 1).await;
    assert!(
        late.starts_with("Too late: seo.validate was approved by approver@example.org on 20"),
        "{late}"
    );
    assert_eq!(house.decisions().await, 1);
    let channel: String = sqlx::query_scalar("SELECT channel FROM decisions")
        .fetch_one(&house.engine.pool)
        .await
        .expect("a decision");
    assert_eq!(channel, "slack");
    assert_eq!(
        house
            .count("SELECT count(*) FROM audit WHERE action = 'approval.decide'")
            .await,
        1
    );
    assert_eq!(
        house.count("SELECT count(*) FROM slack_deliveries").await,
        3
    );
    sqlx::query("UPDATE slack_deliveries SET received_at = received_at - interval '601 seconds'")
        .execute(&house.engine.pool)
        .await
        .expect("they age");
    house.click("U2", "reject", &value, 2).await;
    assert_eq!(
        house.count("SELECT count(*) FROM slack_deliveries").await,
        1
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn what_changed_or_expired_since_the_message_is_not_decided(pool: PgPool) {
    let house = House::new(pool, settings());
    house
        .person("approver@example.org", Role::Approver, Some("U1"))
        .await;
    let (approval, value) = house.waiting().await;
    let stale = format!("{approval}:{}", "00".repeat(32));
    let told = house.click("U1", "approve", &stale, 1).await;
    assert!(told.contains("has changed since you looked"), "{told}");
    assert!(
        told.contains(&format!("https://night.example/approvals/{approval}")),
        "{told}"
    );
    let none = format!("999:{}", "00".repeat(32));
    let told = house.click("U1", "approve", &none, 1).await;
    assert_eq!(told, "Nothing was decided: there is no approval 999.");
    sqlx::query("UPDATE approvals SET expires_at = watchbill_now()")
        .execute(&house.engine.pool)
        .await
        .expect("it ends");
    let told = house.click("U1", "approve", &value, 2).await;
    assert!(told.contains("has expired; it was not approved"), "{told}");
    assert_eq!(house.decisions().await, 0);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_click_on_what_was_asked_again_leads_there(pool: PgPool) {
    let house = House::new(pool, settings());
    house
        .person("approver@example.org", Role::Approver, Some("U1"))
        .await;
    let (old, value) = house.waiting().await;
    let anew = house.asked_again(old).await;
    let told = house.click("U1", "approve", &value, 1).await;
    let way = format!(
        " It was asked again as approval {anew}. Decide on the page: https://night.example/approvals/{anew}"
    );
    assert!(
        told.starts_with("Too late: seo.validate was superseded") && told.ends_with(&way),
        "{told}"
    );
    assert_eq!(house.decisions().await, 0);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_person_is_told_where_slack_asks_for_it_once(pool: PgPool) {
    let house = House::new(pool, settings());
    house
        .person("approver@example.org", Role::Approver, Some("U1"))
        .await;
    let (_, value) = house.waiting().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!(
        "http://{}/actions/secret",
        listener.local_addr().expect("bound")
    );
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let receiver = Router::new().fallback(async move |body: String| {
        tell.send(body).expect("somebody listens");
    });
    let server = tokio::spawn(axum::serve(listener, receiver).into_future());
    let body = with_url("U1", "T1", "approve", &value, 1, &url);
    let (_, answer) = house.post(&body, &GOOD).await;
    let posted = told.recv().await.expect("a reply");
    assert_eq!(
        serde_json::from_str::<Value>(&posted).expect("JSON"),
        answer
    );
    house.post(&body, &GOOD).await;
    let again = with_url("U1", "T1", "reject", &value, 2, &url);
    house.post(&again, &GOOD).await;
    let next = told.recv().await.expect("a reply");
    assert!(next.contains("Too late"), "the replay told nothing: {next}");
    server.abort();
}

/// Invariant 13 for the links of messages: whoever fetches one, nothing changes.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_fetched_link_decides_nothing(pool: PgPool) {
    let house = House::new(pool.clone(), settings());
    house
        .person("approver@example.org", Role::Approver, Some("U1"))
        .await;
    let (approval, _) = house.waiting().await;
    let before = crate::read_only::contents(&pool).await;
    let paths = [
        format!("/approvals/{approval}"),
        format!("/approvals/{approval}/decide"),
        "/slack/actions".to_owned(),
        "/deliveries".to_owned(),
        "/deliveries/retry".to_owned(),
    ];
    for path in paths {
        for method in [Method::GET, Method::HEAD] {
            for agent in [
                "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
                "Mozilla/5.0",
            ] {
                for token in [None, Some("Bearer wbt_token-of-approver@example.org")] {
                    let mut request = Request::builder()
                        .method(method.clone())
                        .uri(&path)
                        .header(header::HOST, "localhost")
                        .header(header::USER_AGENT, agent);
                    if let Some(token) = token {
                        request = request.header(header::AUTHORIZATION, token);
                    }
                    let request = request.body(Body::empty()).expect("a request");
                    let (status, _) = house.send(request).await;
                    assert!(!status.is_server_error(), "{path}: {status}");
                }
            }
        }
    }
    let mut after = crate::read_only::contents(&pool).await;
    // A token's last use is noted; that is all that reading leaves.
    for (table, hash) in &mut after {
        if table == "tokens" {
            hash.clone_from(
                &before
                    .iter()
                    .find(|(name, _)| name == "tokens")
                    .expect("a table")
                    .1,
            );
        }
    }
    assert_eq!(after, before);
}

/// Invariant 11: of 64 deciders over the API and Slack one wins.
#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn of_many_deciders_over_page_api_and_slack_one_wins(pool: PgPool) {
    let house = House::new(pool, settings());
    for number in 0..64 {
        let (login, user) = (
            format!("approver{number}@example.org"),
            format!("U{number}"),
        );
        house.person(&login, Role::Approver, Some(&user)).await;
    }
    for round in 0..3 {
        let (approval, value) = house.waiting().await;
        let clicks = (0..32).map(async |number| {
            let verdict = if number % 2 == 0 { "approve" } else { "reject" };
            let told = house
                .click(&format!("U{number}"), verdict, &value, round)
                .await;
            assert!(
                // Whoever waits longer than Slack does is told later.
                ["Signed", "Too late", "This takes a moment"]
                    .iter()
                    .any(|known| told.starts_with(known)),
                "{told}"
            );
            told.starts_with("Signed")
        });
        let forms = (56..64).map(async |number| {
            let login = format!("approver{number}@example.org");
            let status = house.decide_by_page(&login, approval, &value).await;
            assert!(matches!(status.as_u16(), 303 | 409), "{status}");
            status == StatusCode::SEE_OTHER
        });
        let calls = (32..56).map(async |number| {
            let login = format!("approver{number}@example.org");
            let status = house.decide_by_api(&login, approval, &value).await;
            assert!(matches!(status.as_u16(), 200 | 409), "{status}");
            status == StatusCode::OK
        });
        let (clicks, calls, forms) = tokio::join!(
            futures::future::join_all(clicks),
            futures::future::join_all(calls),
            futures::future::join_all(forms)
        );
        let all = clicks.into_iter().chain(calls).chain(forms);
        let winners = all.filter(|won| *won).count();
        assert!(winners <= 1, "{winners} were told that they had decided");
        assert_eq!(house.decisions().await, i64::from(round) + 1);
    }
    assert_eq!(
        house
            .count("SELECT count(*) FROM audit WHERE action = 'approval.decide'")
            .await,
        3
    );
}
