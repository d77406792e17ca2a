//! Who may sign. The page that greys a button and the verb that decides ask the same function.

use model::id::AccountId;
use model::identity::{Permission, Principal, Role};
use model::plan::{Gate, Signer};
use sqlx::PgConnection;

use crate::{Error, Result};

/// That the caller may sign, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    pub account: AccountId,
    /// The caller asked for the run and signs only because no other account can.
    pub sole_decider: bool,
}

/// Whether this caller may sign under this policy now.
///
/// A run's requester may not sign it, unless no other account at all could.
///
/// # Errors
/// [`Error::Forbidden`] with the reason as a sentence.
pub async fn may_sign(
    connection: &mut PgConnection,
    principal: &Principal,
    gate: &Gate,
    requester: Option<AccountId>,
) -> Result<Signature> {
    crate::authorise(principal, Permission::Decide)?;
    let account = principal
        .account()
        .ok_or_else(|| Error::Forbidden("only a person may decide".to_owned()))?;
    if !signs(gate, &principal.roles) {
        return Err(Error::Forbidden(format!(
            "this needs the signature of {}",
            describe(gate)
        )));
    }
    if requester != Some(account) {
        return Ok(Signature {
            account,
            sole_decider: false,
        });
    }
    if others_can_sign(connection, gate, account).await? {
        return Err(Error::Forbidden(
            "you asked for this run, so another person must sign it".to_owned(),
        ));
    }
    Ok(Signature {
        account,
        sole_decider: true,
    })
}

/// Whether these roles satisfy the policy; an admin stands in for any role.
fn signs(gate: &Gate, roles: &[Role]) -> bool {
    gate.from.iter().any(|signer| match signer {
        Signer::Role(role) => roles.contains(role) || roles.contains(&Role::Admin),
    })
}

/// The policy's signers in words.
fn describe(gate: &Gate) -> String {
    let names: Vec<String> = gate
        .from
        .iter()
        .map(|signer| match signer {
            Signer::Role(role) => format!("the role {role}"),
        })
        .collect();
    if names.is_empty() {
        "nobody: the policy names no one".to_owned()
    } else {
        names.join(" or ")
    }
}

async fn others_can_sign(
    connection: &mut PgConnection,
    gate: &Gate,
    account: AccountId,
) -> Result<bool> {
    let rows = sqlx::query!(
        r#"SELECT array_agg(r.role) AS "roles!" FROM accounts a JOIN account_roles r ON r.account_id = a.id
           WHERE a.disabled_at IS NULL AND a.id <> $1 GROUP BY a.id"#,
        account.0
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().any(|row| {
        let roles: Vec<Role> = row
            .roles
            .iter()
            .filter_map(|role| role.parse().ok())
            .collect();
        roles.iter().any(|role| role.grants(Permission::Decide)) && signs(gate, &roles)
    }))
}
