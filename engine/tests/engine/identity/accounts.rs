use engine::Error;
use engine::identity::accounts::{NewAccount, create, enable, ensure_first_admin, find, get, list};
use engine::identity::principal_of_session;
use engine::lifecycle::people::{disable, set_roles};
use model::id::AccountId;
use model::identity::{Principal, Role};
use secrecy::ExposeSecret;
use sqlx::PgPool;

use super::{PASSWORD, audited, count, host, secret, set_password, try_login};
use crate::support::{engine, person};

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn the_first_admin_is_made_once(pool: PgPool) {
    let engine = engine(pool);
    let password = ensure_first_admin(&engine, None)
        .await
        .unwrap()
        .expect("a made-up password");
    assert!(ensure_first_admin(&engine, None).await.unwrap().is_none());
    let in_session = try_login(&engine, "admin", password.expose_secret())
        .await
        .unwrap();
    let admin = principal_of_session(&engine, in_session.session.value.expose_secret())
        .await
        .unwrap()
        .expect("a live session");
    assert_eq!(admin.roles, [Role::Admin]);
    assert_eq!(audited(&engine).await, ["account.create", "session.login"]);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn many_starts_make_one_first_admin(pool: PgPool) {
    let engine = engine(pool);
    let starts = futures::future::join_all((0..6).map(|_| ensure_first_admin(&engine, None))).await;
    let made = starts
        .into_iter()
        .filter(|made| matches!(made, Ok(Some(_))))
        .count();
    assert_eq!(made, 1);
    assert_eq!(count(&engine, "SELECT count(*) FROM accounts").await, 1);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_weak_first_password_is_refused_and_a_good_one_taken(pool: PgPool) {
    let engine = engine(pool);
    assert!(matches!(
        ensure_first_admin(&engine, Some(secret("admin"))).await,
        Err(Error::Invalid(_))
    ));
    assert!(
        ensure_first_admin(&engine, Some(secret(PASSWORD)))
            .await
            .unwrap()
            .is_none()
    );
    try_login(&engine, "admin", PASSWORD).await.unwrap();
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn create_makes_an_account_once(pool: PgPool) {
    let engine = engine(pool);
    let new = NewAccount {
        login: " Approver@Example.org ".to_owned(),
        password: secret(PASSWORD),
        roles: vec![Role::Approver, Role::Approver],
        email: None,
    };
    let id = create(&engine, &host(), &new).await.unwrap();
    let made = get(&engine, &host(), id).await.unwrap();
    assert_eq!(
        (made.login.as_str(), made.roles.as_slice()),
        ("approver@example.org", [Role::Approver].as_slice())
    );
    assert!(made.must_change_password, "somebody else knows it");
    assert!(matches!(
        create(&engine, &host(), &new).await,
        Err(Error::Conflict(_))
    ));
    assert_eq!(audited(&engine).await, ["account.create"]);
    let stored: String = sqlx::query_scalar("SELECT password_hash FROM accounts")
        .fetch_one(&engine.pool)
        .await
        .unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn create_refuses_bad_input(pool: PgPool) {
    let engine = engine(pool);
    let long = "x".repeat(129);
    for login in [
        "",
        "a b",
        "../x",
        "-rf",
        "approver\0",
        "márie",
        "a\r\nb",
        "a,b",
        &long,
    ] {
        let new = NewAccount {
            login: login.to_owned(),
            password: secret(PASSWORD),
            roles: vec![Role::Viewer],
            email: None,
        };
        let error = create(&engine, &host(), &new).await.unwrap_err();
        assert!(
            matches!(&error, Error::Invalid(fields) if fields[0].field == "login"),
            "{login:?}: {error}"
        );
    }
    let mut new = NewAccount {
        login: "approver".to_owned(),
        password: secret("too short"),
        roles: vec![Role::Viewer],
        email: None,
    };
    assert!(
        matches!(create(&engine, &host(), &new).await, Err(Error::Invalid(f)) if f[0].field == "password")
    );
    new.roles.clear();
    assert!(
        matches!(create(&engine, &host(), &new).await, Err(Error::Invalid(f)) if f[0].field == "roles")
    );
    assert_eq!(count(&engine, "SELECT count(*) FROM accounts").await, 0);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn unknown_ids_are_not_found(pool: PgPool) {
    let engine = engine(pool);
    let nobody = AccountId(404);
    assert!(matches!(
        get(&engine, &host(), nobody).await,
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        find(&engine, &host(), "nobody").await,
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        disable(&engine, &host(), nobody).await,
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        enable(&engine, &host(), nobody).await,
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        set_roles(&engine, &host(), nobody, &[Role::Viewer]).await,
        Err(Error::NotFound(_))
    ));
    let set = set_password(&engine, &host(), nobody, None, &secret(PASSWORD)).await;
    assert!(matches!(set, Err(Error::NotFound(_))));
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn only_administrators_manage_accounts(pool: PgPool) {
    let engine = engine(pool);
    let victim = person(&engine, "victim", &[Role::Viewer]).await;
    let id = victim.account().unwrap();
    let new = NewAccount {
        login: "new".to_owned(),
        password: secret(PASSWORD),
        roles: vec![Role::Admin],
        email: None,
    };
    let forbidden = |error: Error| assert!(matches!(error, Error::Forbidden(_)), "{error}");
    for role in [Role::Viewer, Role::Approver, Role::Operator] {
        let caller: Principal = person(&engine, role.as_str(), &[role]).await;
        forbidden(create(&engine, &caller, &new).await.unwrap_err());
        forbidden(disable(&engine, &caller, id).await.unwrap_err());
        forbidden(enable(&engine, &caller, id).await.unwrap_err());
        forbidden(
            set_roles(&engine, &caller, id, &[Role::Admin])
                .await
                .unwrap_err(),
        );
        let own = caller.account().unwrap();
        forbidden(
            set_roles(&engine, &caller, own, &[Role::Admin])
                .await
                .unwrap_err(),
        );
        forbidden(
            set_password(&engine, &caller, id, None, &secret(PASSWORD))
                .await
                .unwrap_err(),
        );
        forbidden(list(&engine, &caller).await.unwrap_err());
        forbidden(get(&engine, &caller, id).await.unwrap_err());
        forbidden(find(&engine, &caller, "victim").await.unwrap_err());
        forbidden(find(&engine, &caller, "nobody").await.unwrap_err());
        assert_eq!(find(&engine, &caller, role.as_str()).await.unwrap().id, own);
    }
    let admin = person(&engine, "admin", &[Role::Admin]).await;
    assert_eq!(list(&engine, &admin).await.unwrap().len(), 5);
    create(&engine, &admin, &new).await.unwrap();
}
