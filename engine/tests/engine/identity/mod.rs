//! Who may act: accounts, logins, sessions, tokens.

mod account_changes;
mod accounts;
mod flood;
mod login;
mod matrix;
mod sessions;
mod token_ends;
mod tokens;

use std::net::{IpAddr, Ipv4Addr};

use engine::identity::accounts::{NewAccount, PasswordChange};
use engine::identity::{LoggedIn, LoginAttempt, NewSession, Origin};
use engine::{Engine, Error};
use model::id::AccountId;
use model::identity::{Principal, Role};
use secrecy::SecretString;

pub const PASSWORD: &str = "seven grey herons stand";

pub const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0";

pub fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

pub fn host() -> Principal {
    Principal::system("test")
}

/// An account that can really log in, with [`PASSWORD`] as its own choice.
pub async fn account(engine: &Engine, login: &str, roles: &[Role]) -> AccountId {
    let id = given_account(engine, login, roles).await;
    sqlx::query("UPDATE accounts SET must_change_password = false WHERE id = $1")
        .bind(id.0)
        .execute(&engine.pool)
        .await
        .expect("the account is there");
    id
}

/// An account whose password somebody else chose.
pub async fn given_account(engine: &Engine, login: &str, roles: &[Role]) -> AccountId {
    let new = NewAccount {
        login: login.to_owned(),
        password: secret(PASSWORD),
        roles: roles.to_vec(),
        email: None,
    };
    engine::identity::accounts::create(engine, &host(), &new)
        .await
        .expect("the account is new")
}

pub async fn try_login(engine: &Engine, name: &str, password: &str) -> Result<LoggedIn, Error> {
    try_login_from(engine, name, password, IpAddr::V4(Ipv4Addr::LOCALHOST)).await
}

pub async fn try_login_from(
    engine: &Engine,
    name: &str,
    password: &str,
    address: IpAddr,
) -> Result<LoggedIn, Error> {
    try_login_in(engine, name, password, address, None).await
}

/// In a browser that an earlier login gave something to be known by.
pub async fn try_login_in(
    engine: &Engine,
    name: &str,
    password: &str,
    address: IpAddr,
    device: Option<&SecretString>,
) -> Result<LoggedIn, Error> {
    let attempt = LoginAttempt {
        login: name.to_owned(),
        password: secret(password),
        address,
        previous: None,
        user_agent: Some(FIREFOX.to_owned()),
        device: device.cloned(),
    };
    engine::identity::login(engine, &attempt).await
}

/// Sets a password from nowhere in particular.
pub async fn set_password(
    engine: &Engine,
    principal: &Principal,
    id: AccountId,
    present: Option<&SecretString>,
    new: &SecretString,
) -> Result<Option<NewSession>, Error> {
    let change = PasswordChange {
        present: present.cloned(),
        new: new.clone(),
        end_tokens: false,
        origin: Origin::default(),
    };
    engine::identity::accounts::set_password(engine, principal, id, &change).await
}

/// The audit's actions, oldest first.
pub async fn audited(engine: &Engine) -> Vec<String> {
    sqlx::query_scalar("SELECT action FROM audit ORDER BY id")
        .fetch_all(&engine.pool)
        .await
        .expect("the audit can be read")
}

/// How many rows the query counts.
pub async fn count(engine: &Engine, query: &'static str) -> i64 {
    sqlx::query_scalar(query)
        .fetch_one(&engine.pool)
        .await
        .expect("the query counts")
}
