use std::time::Duration;

use engine::identity::tokens::{IssuedToken, NewToken, issue_for_step, list, prune, revoke};
use engine::identity::{Presence, accounts, principal_of_token};
use engine::lifecycle::people::create_token;
use engine::{Engine, Error};
use model::id::{AccountId, AttemptNumber, TokenId};
use model::identity::{Permission, Principal, PrincipalKind, Role, Scope};
use model::task::Outcome;
use secrecy::ExposeSecret;
use sqlx::PgPool;

use super::{audited, host, secret};
use crate::support::{claim_one, end, engine, move_clock, person, plan, run, task, worker};

pub fn new(scopes: &[Scope]) -> NewToken {
    NewToken {
        name: "nightly script".to_owned(),
        scopes: scopes.to_vec(),
        lifetime_days: Some(30),
    }
}

/// Makes one for whoever logged in a moment ago.
pub async fn create(
    engine: &Engine,
    principal: &Principal,
    account: AccountId,
    new: &NewToken,
) -> Result<IssuedToken, Error> {
    sqlx::query(
        "INSERT INTO sessions (token_hash, account_id, expires_at)
         SELECT sha256(convert_to('of ' || login, 'UTF8')), id, watchbill_now() + interval '1 hour'
         FROM accounts WHERE id = $1 ON CONFLICT DO NOTHING",
    )
    .bind(account.0)
    .execute(&engine.pool)
    .await
    .expect("a session");
    let presence = Presence {
        password: None,
        session: Some(secret(&format!("of {}", principal.name))),
    };
    create_token(engine, principal, account, new, &presence).await
}

pub async fn resolve(engine: &Engine, value: &secrecy::SecretString) -> Option<Principal> {
    principal_of_token(engine, value.expose_secret())
        .await
        .expect("the tokens can be read")
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_persons_token_stands_for_them_within_its_scopes(pool: PgPool) {
    let engine = engine(pool);
    let approver = person(&engine, "approver", &[Role::Approver, Role::Operator]).await;
    let own = approver.account().unwrap();
    let issued = create(
        &engine,
        &approver,
        own,
        &new(&[Scope::Decide, Scope::Read, Scope::Read]),
    )
    .await
    .unwrap();
    assert!(issued.value.expose_secret().starts_with("wbt_"));
    let caller = resolve(&engine, &issued.value).await.expect("it is live");
    assert_eq!(caller.name, "approver");
    assert!(
        caller.may(Permission::Decide)
            && caller.may(Permission::Read)
            && !caller.may(Permission::Run)
    );
    let listed = list(&engine, &caller, Some(own)).await.unwrap();
    assert_eq!(listed[0].scopes, [Scope::Read, Scope::Decide]);
    assert!(listed[0].last_used_at.is_some());
    let dump: String = sqlx::query_scalar(
        "SELECT string_agg(to_jsonb(t)::text || a::text, '') FROM tokens t, audit a",
    )
    .fetch_one(&engine.pool)
    .await
    .unwrap();
    assert!(
        !dump.contains(issued.value.expose_secret()),
        "only its hash is stored"
    );
    // A demotion counts with the next request.
    sqlx::query("DELETE FROM account_roles WHERE role = 'approver'")
        .execute(&engine.pool)
        .await
        .unwrap();
    assert!(
        !resolve(&engine, &issued.value)
            .await
            .unwrap()
            .may(Permission::Decide)
    );
    assert_eq!(audited(&engine).await, ["token.create"]);
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_token_ends_by_date_by_revocation_and_with_its_account(pool: PgPool) {
    let engine = engine(pool);
    let approver = person(&engine, "approver", &[Role::Viewer]).await;
    let own = approver.account().unwrap();
    let dated = create(&engine, &approver, own, &new(&[Scope::Read]))
        .await
        .unwrap();
    let endless = NewToken {
        lifetime_days: None,
        ..new(&[Scope::Read])
    };
    let revoked = create(&engine, &approver, own, &endless).await.unwrap();
    let disabled = create(&engine, &approver, own, &endless).await.unwrap();
    revoke(&engine, &approver, revoked.id).await.unwrap();
    revoke(&engine, &approver, revoked.id)
        .await
        .expect("again is no error");
    assert_eq!(resolve(&engine, &revoked.value).await, None);
    move_clock(&engine, Duration::from_secs(30 * 86_400 + 1)).await;
    assert_eq!(resolve(&engine, &dated.value).await, None);
    assert!(resolve(&engine, &disabled.value).await.is_some());
    engine::lifecycle::people::disable(&engine, &host(), own)
        .await
        .unwrap();
    accounts::enable(&engine, &host(), own).await.unwrap();
    assert_eq!(
        resolve(&engine, &disabled.value).await,
        None,
        "it stays revoked"
    );
    for wrong in ["", "wbt_", "\0", "wbt_' OR 1=1"] {
        assert_eq!(principal_of_token(&engine, wrong).await.unwrap(), None);
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn only_the_person_in_a_session_makes_a_token(pool: PgPool) {
    let engine = engine(pool);
    let approver = person(&engine, "approver", &[Role::Admin]).await;
    let colleague = person(&engine, "colleague", &[Role::Approver]).await;
    let (own, other) = (approver.account().unwrap(), colleague.account().unwrap());
    let issued = create(&engine, &approver, own, &new(&[Scope::Admin]))
        .await
        .unwrap();
    let token = resolve(&engine, &issued.value).await.unwrap();
    let refused = create(&engine, &token, own, &new(&[Scope::Decide])).await;
    assert!(
        matches!(refused, Err(Error::Forbidden(_))),
        "a token begets no token"
    );
    let refused = create(&engine, &approver, other, &new(&[Scope::Decide])).await;
    assert!(
        matches!(refused, Err(Error::Forbidden(_))),
        "nobody signs in another's name"
    );
    let reporter = Principal {
        kind: PrincipalKind::TrustedReporter,
        ..host()
    };
    assert!(matches!(
        create(&engine, &reporter, own, &new(&[Scope::Read])).await,
        Err(Error::Forbidden(_))
    ));
    create(&engine, &host(), other, &new(&[Scope::Decide]))
        .await
        .expect("who holds the host may");
    assert!(matches!(
        create(&engine, &host(), AccountId(404), &new(&[Scope::Read])).await,
        Err(Error::NotFound(_))
    ));
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn create_refuses_bad_input(pool: PgPool) {
    let engine = engine(pool);
    let approver = person(&engine, "approver", &[Role::Viewer]).await;
    let own = approver.account().unwrap();
    let wrong = [
        (
            "name",
            NewToken {
                name: " ".to_owned(),
                ..new(&[Scope::Read])
            },
        ),
        (
            "name",
            NewToken {
                name: "a\nb".to_owned(),
                ..new(&[Scope::Read])
            },
        ),
        (
            "name",
            NewToken {
                name: "x".repeat(101),
                ..new(&[Scope::Read])
            },
        ),
        ("scopes", new(&[])),
        ("scopes", new(&[Scope::Read, Scope::Decide])),
        (
            "lifetime_days",
            NewToken {
                lifetime_days: Some(0),
                ..new(&[Scope::Read])
            },
        ),
        (
            "lifetime_days",
            NewToken {
                lifetime_days: Some(u32::MAX),
                ..new(&[Scope::Read])
            },
        ),
    ];
    for (field, token) in wrong {
        let error = create(&engine, &approver, own, &token).await.unwrap_err();
        assert!(
            matches!(&error, Error::Invalid(fields) if fields[0].field == field),
            "{token:?}: {error}"
        );
    }
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn anothers_token_is_unknown(pool: PgPool) {
    let engine = engine(pool);
    let approver = person(&engine, "approver", &[Role::Viewer]).await;
    let colleague = person(&engine, "colleague", &[Role::Operator]).await;
    let admin = person(&engine, "admin", &[Role::Admin]).await;
    let own = approver.account().unwrap();
    let one = create(&engine, &approver, own, &new(&[Scope::Read]))
        .await
        .unwrap();
    let two = create(&engine, &approver, own, &new(&[Scope::Read]))
        .await
        .unwrap();
    assert!(matches!(
        revoke(&engine, &colleague, one.id).await,
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        list(&engine, &colleague, Some(own)).await,
        Err(Error::Forbidden(_))
    ));
    assert!(matches!(
        list(&engine, &colleague, None).await,
        Err(Error::Forbidden(_))
    ));
    let token = resolve(&engine, &one.value).await.unwrap();
    assert!(
        matches!(
            revoke(&engine, &token, two.id).await,
            Err(Error::NotFound(_))
        ),
        "a token ends itself alone"
    );
    revoke(&engine, &token, one.id).await.unwrap();
    assert_eq!(list(&engine, &admin, None).await.unwrap().len(), 2);
    revoke(&engine, &admin, two.id).await.unwrap();
    assert!(matches!(
        revoke(&engine, &admin, TokenId(404)).await,
        Err(Error::NotFound(_))
    ));
}

#[sqlx::test(migrator = "engine::MIGRATOR")]
async fn a_steps_token_lives_with_its_lease_and_never_decides(pool: PgPool) {
    let engine = engine(pool);
    run(&engine, &plan(vec![task("one", &[])]), None).await;
    let claimed = claim_one(&engine, &worker(&engine)).await;
    let (task, attempt) = (claimed.lease.task, claimed.lease.attempt);
    let mut connection = engine.pool.acquire().await.unwrap();
    for scope in [Scope::Decide, Scope::Admin, Scope::Run, Scope::Plans] {
        let refused = issue_for_step(&mut connection, &engine, task, attempt, &[scope]).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))));
    }
    let scopes = [Scope::Read, Scope::Report];
    let value = issue_for_step(&mut connection, &engine, task, attempt, &scopes)
        .await
        .unwrap();
    let later = AttemptNumber(attempt.0 + 1);
    let stale = issue_for_step(&mut connection, &engine, task, later, &scopes)
        .await
        .unwrap();
    drop(connection);
    let step = resolve(&engine, &value).await.expect("its lease is live");
    assert!(step.may(Permission::Report) && step.may(Permission::Read));
    for permission in [
        Permission::Decide,
        Permission::Administer,
        Permission::Run,
        Permission::EditPlan,
    ] {
        assert!(!step.may(permission));
    }
    assert_eq!(resolve(&engine, &stale).await, None, "another attempt's");
    move_clock(&engine, Duration::from_secs(31)).await;
    assert_eq!(resolve(&engine, &value).await, None, "the lease lapsed");
    move_clock(&engine, Duration::ZERO).await;
    assert!(resolve(&engine, &value).await.is_some());
    end(&engine, &claimed, Outcome::Succeeded).await;
    assert_eq!(resolve(&engine, &value).await, None, "the attempt is over");
    assert_eq!(prune(&engine).await.unwrap(), 0, "too young to be removed");
    move_clock(&engine, Duration::from_secs(3_601)).await;
    assert_eq!(prune(&engine).await.unwrap(), 2);
}
