//! The page of one request, as a browser without JavaScript shows it.

use axum::http::StatusCode;
use model::identity::Role;
use sqlx::PgPool;

use crate::house::{House, settings};

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
