//! Rows of accounts, shared by the verbs.

use model::id::AccountId;
use model::identity::{Permission, Role};
use sqlx::PgConnection;

use crate::identity::roles::role_texts;
use crate::{Error, Result};

pub(super) async fn insert(
    connection: &mut PgConnection,
    login: &str,
    email: Option<&str>,
    hash: &str,
    roles: &[Role],
    must_change_password: bool,
) -> Result<AccountId> {
    let id = sqlx::query_scalar!(
        "INSERT INTO accounts (login, password_hash, must_change_password, email, failure_mail)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT ON CONSTRAINT accounts_login_unique DO NOTHING RETURNING id",
        login,
        hash,
        must_change_password,
        email,
        // Whoever runs plans wants to hear of failures until they say otherwise.
        roles.iter().any(|role| role.grants(Permission::Run)),
    )
    .fetch_optional(&mut *connection)
    .await?
    .ok_or_else(|| Error::Conflict(format!("there is already an account '{login}'")))?;
    insert_roles(connection, AccountId(id), &role_texts(roles)).await?;
    Ok(AccountId(id))
}

pub(super) async fn insert_roles(
    connection: &mut PgConnection,
    id: AccountId,
    roles: &[String],
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO account_roles (account_id, role) SELECT $1, unnest($2::text[])",
        id.0,
        roles
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn any_account(connection: &mut PgConnection) -> Result<bool> {
    Ok(
        sqlx::query_scalar!(r#"SELECT EXISTS (SELECT 1 FROM accounts) AS "any!""#)
            .fetch_one(connection)
            .await?,
    )
}

/// One change at a time to who may do what, until the transaction ends.
pub(crate) async fn lock_administration(connection: &mut PgConnection) -> Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('watchbill.administration'))")
        .execute(connection)
        .await?;
    Ok(())
}

/// Keeps who may do what as it is until the transaction ends; others may keep it so, too.
/// What is read afterwards, in a statement of its own, holds when the transaction commits.
pub(crate) async fn hold_administration(connection: &mut PgConnection) -> Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock_shared(hashtext('watchbill.administration'))")
        .execute(connection)
        .await?;
    Ok(())
}
