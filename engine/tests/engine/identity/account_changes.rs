use engine::Error;
use engine::identity::accounts::{enable, get};
use engine::identity::principal_of_session;
use engine::lifecycle::people::{disable, set_roles};
use model::identity::Role;
use secrecy::ExposeSecret;
use sqlx::PgPool;

use super::{PASSWORD, account, audited, count, host, secret, set_password, try_login};
use crate::support::engine;

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn disable_ends_sessions_and_tokens_and_enable_opens_again(pool: PgPool) {
    let engine = engine(pool);
    let id = account(&engine, "approver", &[Role::Approver]).await;
    let session = try_login(&engine, "approver", PASSWORD)
        .await
        .unwrap()
        .session;
    sqlx::query("INSERT INTO tokens (token_hash, name, account_id, scopes) VALUES ('\\x00', 't', $1, '{read}')")
        .bind(id.0)
        .execute(&engine.pool)
        .await
        .unwrap();
    disable(&engine, &host(), id).await.unwrap();
    disable(&engine, &host(), id)
        .await
        .expect("again is no error");
    assert_eq!(
        principal_of_session(&engine, session.value.expose_secret())
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        count(
            &engine,
            "SELECT count(*) FROM tokens WHERE revoked_at IS NULL"
        )
        .await,
        0
    );
    assert!(matches!(
        try_login(&engine, "approver", PASSWORD).await,
        Err(Error::Unauthenticated(_))
    ));
    enable(&engine, &host(), id).await.unwrap();
    enable(&engine, &host(), id)
        .await
        .expect("again is no error");
    try_login(&engine, "approver", PASSWORD).await.unwrap();
    assert_eq!(
        principal_of_session(&engine, session.value.expose_secret())
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        audited(&engine).await,
        [
            "account.create",
            "session.login",
            "account.disable",
            "login.refused",
            "account.enable",
            "session.login"
        ]
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_last_admin_stays(pool: PgPool) {
    let engine = engine(pool);
    let first = account(&engine, "first", &[Role::Admin]).await;
    assert!(matches!(
        disable(&engine, &host(), first).await,
        Err(Error::Conflict(_))
    ));
    assert!(matches!(
        set_roles(&engine, &host(), first, &[Role::Viewer]).await,
        Err(Error::Conflict(_))
    ));
    let second = account(&engine, "second", &[Role::Admin]).await;
    let operator = host();
    let (one, other) = tokio::join!(
        disable(&engine, &operator, first),
        set_roles(&engine, &operator, second, &[Role::Viewer])
    );
    assert!(
        one.is_ok() != other.is_ok(),
        "one of the two remains: {one:?} {other:?}"
    );
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn new_roles_count_at_once_and_end_the_sessions(pool: PgPool) {
    let engine = engine(pool);
    let id = account(&engine, "approver", &[Role::Viewer]).await;
    let session = try_login(&engine, "approver", PASSWORD)
        .await
        .unwrap()
        .session;
    set_roles(&engine, &host(), id, &[Role::Viewer])
        .await
        .unwrap();
    let value = session.value.expose_secret();
    assert!(
        principal_of_session(&engine, value)
            .await
            .unwrap()
            .is_some(),
        "nothing changed"
    );
    set_roles(&engine, &host(), id, &[Role::Operator, Role::Approver])
        .await
        .unwrap();
    assert_eq!(principal_of_session(&engine, value).await.unwrap(), None);
    let again = try_login(&engine, "approver", PASSWORD)
        .await
        .unwrap()
        .session;
    let approver = principal_of_session(&engine, again.value.expose_secret())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(approver.roles, [Role::Approver, Role::Operator]);
    // Read afresh with each request, even where no verb of ours changed them.
    sqlx::query("DELETE FROM account_roles WHERE role = 'operator'")
        .execute(&engine.pool)
        .await
        .unwrap();
    let approver = principal_of_session(&engine, again.value.expose_secret())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(approver.roles, [Role::Approver]);
    assert!(matches!(
        set_roles(&engine, &host(), id, &[]).await,
        Err(Error::Invalid(_))
    ));
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_person_changes_their_own_password_with_the_present_one(pool: PgPool) {
    const NEXT: &str = "eight brown herons fly";
    let engine = engine(pool);
    let id = account(&engine, "approver", &[Role::Viewer]).await;
    let before = try_login(&engine, "approver", PASSWORD)
        .await
        .unwrap()
        .session;
    let approver = principal_of_session(&engine, before.value.expose_secret())
        .await
        .unwrap()
        .unwrap();
    let change = async |present: Option<&str>, new: &str| {
        set_password(
            &engine,
            &approver,
            id,
            present.map(secret).as_ref(),
            &secret(new),
        )
        .await
    };
    assert!(
        matches!(change(None, NEXT).await, Err(Error::Invalid(f)) if f[0].field == "present_password")
    );
    assert!(
        matches!(change(Some("wrong"), NEXT).await, Err(Error::Invalid(f)) if f[0].field == "present_password")
    );
    assert!(
        matches!(change(Some(PASSWORD), "short").await, Err(Error::Invalid(f)) if f[0].field == "password")
    );
    let fresh = change(Some(PASSWORD), NEXT)
        .await
        .unwrap()
        .expect("a session in its place");
    assert_eq!(
        principal_of_session(&engine, before.value.expose_secret())
            .await
            .unwrap(),
        None
    );
    assert!(
        principal_of_session(&engine, fresh.value.expose_secret())
            .await
            .unwrap()
            .is_some()
    );
    assert!(try_login(&engine, "approver", PASSWORD).await.is_err());
    try_login(&engine, "approver", NEXT).await.unwrap();
    assert!(
        !get(&engine, &approver, id)
            .await
            .unwrap()
            .must_change_password
    );
    let other = account(&engine, "colleague", &[Role::Viewer]).await;
    let refused = set_password(
        &engine,
        &approver,
        other,
        Some(&secret(NEXT)),
        &secret(PASSWORD),
    )
    .await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
}
