//! Accounts: the people who may log in, and what they are trusted with.

mod change;
mod create;
mod email;
mod password;
mod slack;
mod store;

use chrono::{DateTime, Utc};
use model::id::AccountId;
use model::identity::{Permission, Principal, Role};
use secrecy::SecretString;
use sqlx::PgConnection;

pub use change::enable;
pub(crate) use change::{disable, set_roles};
pub use create::{create, ensure_first_admin};
pub(crate) use email::checked_email;
pub use password::{PasswordChange, set_password};
pub use slack::set_slack_user;
pub(crate) use store::{hold_administration, lock_administration};

use super::roles::parse_roles;
use crate::{Engine, Error, Result, authorise};

/// A person who may log in, without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub login: String,
    pub roles: Vec<Role>,
    /// Where mail goes.
    pub email: Option<String>,
    pub created_at: DateTime<Utc>,
    pub disabled_at: Option<DateTime<Utc>>,
    /// Somebody else chose the password: the person should set their own.
    pub must_change_password: bool,
    /// Their member id in Slack: clicks of that member count as theirs.
    pub slack_user: Option<String>,
}

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewAccount {
    pub login: String,
    pub password: SecretString,
    pub roles: Vec<Role>,
    /// Where mail goes; without one, the login where it is an address itself.
    pub email: Option<String>,
}

/// Every account, by login.
pub async fn list(engine: &Engine, principal: &Principal) -> Result<Vec<Account>> {
    authorise(principal, Permission::Administer)?;
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, login, email, created_at, disabled_at, must_change_password, slack_user,
                  array(SELECT role FROM account_roles WHERE account_id = accounts.id) AS "roles!"
           FROM accounts ORDER BY login"#
    )
    .fetch_all(&engine.pool)
    .await?;
    rows.into_iter().map(Row::into_account).collect()
}

/// The account with this login; one's own needs no permission.
pub async fn find(engine: &Engine, principal: &Principal, login: &str) -> Result<Account> {
    let unknown = || Error::NotFound(format!("there is no account '{login}'"));
    let row = match normalise_login(login) {
        Some(login) => {
            sqlx::query_as!(
                Row,
                r#"SELECT id, login, email, created_at, disabled_at, must_change_password, slack_user,
                          array(SELECT role FROM account_roles WHERE account_id = accounts.id) AS "roles!"
                   FROM accounts WHERE login = $1"#,
                login
            )
            .fetch_optional(&engine.pool)
            .await?
        }
        None => None,
    };
    // Whoever may not administer learns nothing about whether it exists.
    match row {
        Some(row) if principal.account() == Some(AccountId(row.id)) => row.into_account(),
        row => {
            authorise(principal, Permission::Administer)?;
            row.ok_or_else(unknown)?.into_account()
        }
    }
}

/// The account with this id; one's own needs no permission.
pub async fn get(engine: &Engine, principal: &Principal, id: AccountId) -> Result<Account> {
    if principal.account() != Some(id) {
        authorise(principal, Permission::Administer)?;
    }
    read(&mut *engine.pool.acquire().await?, id).await
}

/// A login as it is stored, or nothing where no account can have it.
#[must_use]
pub fn normalise_login(text: &str) -> Option<String> {
    let login = text.trim().to_ascii_lowercase();
    let mut characters = login.chars();
    let starts_well = characters
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric());
    let goes_on = characters.all(|character| {
        character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-' | '+' | '@')
    });
    (starts_well && goes_on && login.len() <= 128).then_some(login)
}

pub(crate) fn subject(login: &str) -> String {
    format!("account/{login}")
}

pub(crate) fn no_account(id: AccountId) -> Error {
    Error::NotFound(format!("there is no account {id}"))
}

struct Row {
    id: i64,
    login: String,
    email: Option<String>,
    created_at: DateTime<Utc>,
    disabled_at: Option<DateTime<Utc>>,
    must_change_password: bool,
    slack_user: Option<String>,
    roles: Vec<String>,
}

impl Row {
    fn into_account(self) -> Result<Account> {
        Ok(Account {
            roles: parse_roles(&self.roles, self.id)?,
            id: AccountId(self.id),
            login: self.login,
            email: self.email,
            created_at: self.created_at,
            disabled_at: self.disabled_at,
            must_change_password: self.must_change_password,
            slack_user: self.slack_user,
        })
    }
}

async fn read(connection: &mut PgConnection, id: AccountId) -> Result<Account> {
    sqlx::query_as!(
        Row,
        r#"SELECT id, login, email, created_at, disabled_at, must_change_password, slack_user,
                  array(SELECT role FROM account_roles WHERE account_id = accounts.id) AS "roles!"
           FROM accounts WHERE id = $1"#,
        id.0
    )
    .fetch_optional(connection)
    .await?
    .ok_or_else(|| no_account(id))?
    .into_account()
}

/// The account with its row locked, so that no session starts while it changes.
pub(crate) async fn locked(connection: &mut PgConnection, id: AccountId) -> Result<Account> {
    sqlx::query_scalar!("SELECT id FROM accounts WHERE id = $1 FOR UPDATE", id.0)
        .fetch_optional(&mut *connection)
        .await?
        .ok_or_else(|| no_account(id))?;
    read(connection, id).await
}
