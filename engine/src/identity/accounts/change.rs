use model::id::AccountId;
use model::identity::{Permission, Principal, Role};
use serde_json::json;
use sqlx::PgConnection;

use super::store::{insert_roles, lock_administration};
use super::{locked, subject};
use crate::audit;
use crate::identity::roles::role_texts;
use crate::identity::{sessions, tokens};
use crate::{Engine, Error, Result, authorise};

/// Gives the account these roles instead of those it had, and ends its sessions.
pub(crate) async fn set_roles(
    tx: &mut PgConnection,
    principal: &Principal,
    id: AccountId,
    roles: &[Role],
) -> Result<()> {
    authorise(principal, Permission::Administer)?;
    if roles.is_empty() {
        return Err(Error::invalid(
            "roles",
            "Give at least one role; disable the account to take everything away.",
        ));
    }
    lock_administration(tx).await?;
    let before = locked(tx, id).await?;
    let texts = role_texts(roles);
    if role_texts(&before.roles) == texts {
        return Ok(());
    }
    sqlx::query!("DELETE FROM account_roles WHERE account_id = $1", id.0)
        .execute(&mut *tx)
        .await?;
    insert_roles(tx, id, &texts).await?;
    if before.roles.contains(&Role::Admin) {
        refuse_without_admin(tx).await?;
    }
    // A change of what a session may do asks for a new session.
    sessions::end_all(tx, id).await?;
    audit::record(
        tx,
        principal,
        "account.roles",
        &subject(&before.login),
        json!({ "account": id.0, "from": role_texts(&before.roles), "to": texts }),
    )
    .await?;
    Ok(())
}

/// Shuts the account out: its sessions end, its tokens are revoked. Again is no error.
pub(crate) async fn disable(
    tx: &mut PgConnection,
    principal: &Principal,
    id: AccountId,
) -> Result<()> {
    authorise(principal, Permission::Administer)?;
    lock_administration(tx).await?;
    let account = locked(tx, id).await?;
    if account.disabled_at.is_some() {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE accounts SET disabled_at = watchbill_now() WHERE id = $1 AND disabled_at IS NULL",
        id.0
    )
    .execute(&mut *tx)
    .await?;
    if account.roles.contains(&Role::Admin) {
        refuse_without_admin(tx).await?;
    }
    sessions::end_all(tx, id).await?;
    tokens::end_all(tx, id).await?;
    audit::record(
        tx,
        principal,
        "account.disable",
        &subject(&account.login),
        json!({ "account": id.0 }),
    )
    .await?;
    Ok(())
}

/// Lets the account in again, with the password it had; its tokens stay revoked.
pub async fn enable(engine: &Engine, principal: &Principal, id: AccountId) -> Result<()> {
    authorise(principal, Permission::Administer)?;
    let mut tx = engine.pool.begin().await?;
    let account = locked(&mut tx, id).await?;
    if account.disabled_at.is_none() {
        return Ok(());
    }
    sqlx::query!("UPDATE accounts SET disabled_at = NULL WHERE id = $1", id.0)
        .execute(&mut *tx)
        .await?;
    audit::record(
        &mut tx,
        principal,
        "account.enable",
        &subject(&account.login),
        json!({ "account": id.0 }),
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Refuses a change after which nobody could administer.
async fn refuse_without_admin(connection: &mut PgConnection) -> Result<()> {
    let remains = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT 1 FROM accounts JOIN account_roles ON account_id = id
               WHERE role = 'admin' AND disabled_at IS NULL) AS "remains!""#
    )
    .fetch_one(connection)
    .await?;
    if remains {
        Ok(())
    } else {
        Err(Error::Conflict(
            "this is the last account that can administer: give another one the role admin first"
                .to_owned(),
        ))
    }
}
