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
