//! Changes of who may do what, with what follows for the requests that wait and who is told.

use model::id::{AccountId, DelegationId};
use model::identity::{Principal, Role};
use model::view::GroupRow;

use super::quorums::tell_of_all_out_of_reach;
use crate::approvals::{delegations, groups};
use crate::identity::{IssuedToken, NewToken, Presence, accounts, tokens};
use crate::notify::mail;
use crate::{Engine, Result};

/// Gives the account these roles instead of those it had, and ends its sessions.
///
/// # Errors
/// [`Error::Conflict`](crate::Error::Conflict) where nobody could administer any more.
pub async fn set_roles(
    engine: &Engine,
    principal: &Principal,
    id: AccountId,
    roles: &[Role],
) -> Result<()> {
    let mut transaction = engine.pool.begin().await?;
    accounts::set_roles(&mut transaction, principal, id, roles).await?;
    tell_of_all_out_of_reach(engine, &mut transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// Shuts the account out: its sessions end, its tokens are revoked. Again is no error.
///
/// # Errors
/// [`Error::Conflict`](crate::Error::Conflict) where nobody could administer any more.
pub async fn disable(engine: &Engine, principal: &Principal, id: AccountId) -> Result<()> {
    let mut transaction = engine.pool.begin().await?;
    accounts::disable(&mut transaction, principal, id).await?;
    tell_of_all_out_of_reach(engine, &mut transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// Makes a token that stands for the person, and tells them by mail.
///
/// # Errors
/// [`Error::Forbidden`](crate::Error::Forbidden) for anybody but its person, logged in, and
/// whoever holds the host; [`Error::Invalid`](crate::Error::Invalid) for what no token can
/// be, and with the field `present_password` where the password is missing or wrong.
pub async fn create_token(
    engine: &Engine,
    principal: &Principal,
    account: AccountId,
    new: &NewToken,
    presence: &Presence,
) -> Result<IssuedToken> {
    tokens::admit(engine, principal, account, new, presence).await?;
    let mut transaction = engine.pool.begin().await?;
    let issued = tokens::create(&mut transaction, engine, principal, account, new).await?;
    mail::token_made(
        &mut transaction,
        engine,
        account,
        issued.id,
        &principal.name,
    )
    .await?;
    transaction.commit().await?;
    Ok(issued)
}

/// Makes the group where there is none, and gives it these members and no others.
///
/// # Errors
/// [`Error::Invalid`](crate::Error::Invalid) for a name that none can have and for people who
/// have no account; [`Error::Conflict`](crate::Error::Conflict) for no members while a request
/// asks for the group.
pub async fn put_group(
    engine: &Engine,
    principal: &Principal,
    name: &str,
    members: &[String],
) -> Result<GroupRow> {
    let mut transaction = engine.pool.begin().await?;
    let group = groups::put(&mut transaction, principal, name, members).await?;
    tell_of_all_out_of_reach(engine, &mut transaction).await?;
    transaction.commit().await?;
    Ok(group)
}

/// Ends a delegation now: by who made it, or an admin. What was signed under it stays.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound) where there is none, or it is not the caller's.
pub async fn revoke_delegation(
    engine: &Engine,
    principal: &Principal,
    id: DelegationId,
) -> Result<()> {
    let mut transaction = engine.pool.begin().await?;
    delegations::revoke(&mut transaction, principal, id).await?;
    tell_of_all_out_of_reach(engine, &mut transaction).await?;
    transaction.commit().await?;
    Ok(())
}
