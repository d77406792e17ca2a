use model::id::AccountId;
use model::identity::{Permission, Principal, Role};
use secrecy::SecretString;
use serde_json::json;

use super::email::checked_email;
use super::store::{any_account, insert, lock_administration};
use super::{NewAccount, normalise_login, subject};
use crate::audit;
use crate::identity::passwords;
use crate::identity::roles::role_texts;
use crate::{Engine, Error, Result, authorise};

/// Makes an account. Its person must choose their own password before anything else.
pub async fn create(engine: &Engine, principal: &Principal, new: &NewAccount) -> Result<AccountId> {
    authorise(principal, Permission::Administer)?;
    let login = normalise_login(&new.login)
        .ok_or_else(|| Error::invalid("login", "A login has 1 to 128 of the characters a-z, 0-9 and . _ - + @, and starts with a letter or digit."))?;
    if new.roles.is_empty() {
        return Err(Error::invalid(
            "roles",
            "Give at least one role: viewer, approver, operator or admin.",
        ));
    }
    let email = match &new.email {
        Some(text) => {
            Some(checked_email(text).map_err(|message| Error::invalid("email", message))?)
        }
        None => checked_email(&login).ok(),
    };
    passwords::check(&login, &new.password)?;
    let hash = passwords::hash(engine, &new.password).await?;
    let mut tx = engine.pool.begin().await?;
    let id = insert(&mut tx, &login, email.as_deref(), &hash, &new.roles, true).await?;
    audit::record(
        &mut tx,
        principal,
        "account.create",
        &subject(&login),
        json!({ "account": id.0, "roles": role_texts(&new.roles) }),
    )
    .await?;
    tx.commit().await?;
    Ok(id)
}

/// Makes the account `admin` where there is no account at all, once.
///
/// Returns the password that was made up for it; `None` where there were accounts
/// already, or where the given password was taken.
pub async fn ensure_first_admin(
    engine: &Engine,
    password: Option<SecretString>,
) -> Result<Option<SecretString>> {
    const LOGIN: &str = "admin";
    if any_account(&mut *engine.pool.acquire().await?).await? {
        return Ok(None);
    }
    let made_up = password.is_none();
    let password = password.unwrap_or_else(|| passwords::make_up(engine));
    passwords::check(LOGIN, &password)?;
    let hash = passwords::hash(engine, &password).await?;
    let mut tx = engine.pool.begin().await?;
    lock_administration(&mut tx).await?;
    if any_account(&mut tx).await? {
        return Ok(None);
    }
    // A made-up one is shown once to whoever starts Watchbill, who is the administrator.
    let id = insert(&mut tx, LOGIN, None, &hash, &[Role::Admin], false).await?;
    audit::record(
        &mut tx,
        &Principal::system("setup"),
        "account.create",
        &subject(LOGIN),
        json!({ "account": id.0, "roles": ["admin"], "first": true }),
    )
    .await?;
    tx.commit().await?;
    Ok(made_up.then_some(password))
}
