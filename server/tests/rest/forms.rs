//! Forms of the pages, over the whole router.

use axum::http::StatusCode;
use model::identity::Role;
use sqlx::PgPool;

use crate::house::{House, settings};

fn digest(value: &str) -> &str {
    value.split(':').nth(1).expect("a digest")
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn one_answer_signs_what_is_identical(pool: PgPool) {
    let house = House::new(pool, settings());
    house.person("approver", Role::Approver, None).await;
    let (first, value) = house.waiting().await;
    let (second, _) = house.waiting().await;
    let (third, _) = house.waiting().await;
    // The third one has been decided meanwhile.
    let fields = [("digest", digest(&value)), ("verdict", "approve")];
    let path = format!("/approvals/{third}/decide");
    let alone = house.form("approver", &path, &fields).await;
    assert_eq!(alone.status, StatusCode::SEE_OTHER, "{}", alone.text);

    let also = format!("{second} {third} 999");
    let fields = [
        ("digest", digest(&value)),
        ("verdict", "approve"),
        ("also", also.as_str()),
    ];
    let path = format!("/approvals/{first}/decide");
    let answered = house.form("approver", &path, &fields).await;
    assert_eq!(answered.status, StatusCode::CONFLICT);
    assert!(
        answered.text.contains("there is no approval 999"),
        "what was missed is said"
    );
    let approved = house
        .count("SELECT count(*) FROM approvals WHERE state = 'approved'")
        .await;
    assert_eq!(approved, 3);
    assert_eq!(house.decisions().await, 3, "nobody answered twice");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_way_back_keeps_the_order_and_a_late_answer_is_told_in_french(pool: PgPool) {
    let house = House::new(pool, settings());
    house.person("approver", Role::Approver, None).await;
    house.person("admin", Role::Admin, None).await;
    let (id, value) = house.waiting().await;
    let path = format!("/approvals/{id}/decide");
    // What outside orchestrators report needs no note to be refused.
    let fields = [
        ("digest", digest(&value)),
        ("verdict", "reject"),
        ("group", "plan"),
    ];
    let refused = house.form("approver", &path, &fields).await;
    assert_eq!(refused.status, StatusCode::SEE_OTHER, "{}", refused.text);
    assert_eq!(
        refused.location,
        Some(format!("/approvals/{id}?group=plan"))
    );
    let late = house.form("fr admin", &path, &fields).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.text.contains("La décision était déjà prise"));
    assert!(late.text.contains("approver"), "it says who decided");
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn nobody_tries_a_draft_without_a_login(pool: PgPool) {
    let house = House::new(pool, settings());
    let fields = [("days", "30"), ("source", "plan: nightly")];
    let asked = house
        .form("nobody", "/plans/nightly/what-if", &fields)
        .await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER);
    assert_eq!(asked.location.as_deref(), Some("/login"));
}
