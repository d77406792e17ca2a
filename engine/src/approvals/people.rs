//! Who may sign under a policy: roles, groups, single people, and those who act for them.

use model::id::AccountId;
use model::identity::{Permission, Role};
use model::plan::{Gate, RequesterRule, Signer};
use sqlx::PgConnection;

use crate::Result;
use crate::identity::parse_roles;

/// An account that is not disabled, with all that a policy may ask for.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub account: AccountId,
    pub login: String,
    pub roles: Vec<Role>,
    pub groups: Vec<String>,
}

impl Person {
    /// Whether any entry of the policy names them, and they may decide at all. An admin
    /// stands in for any role, and for no group or single person.
    pub fn is_named(&self, from: &[Signer]) -> bool {
        self.roles
            .iter()
            .any(|role| role.grants(Permission::Decide))
            && from.iter().any(|signer| match signer {
                Signer::Role(role) => {
                    self.roles.contains(role) || self.roles.contains(&Role::Admin)
                }
                Signer::Group(name) => self.groups.contains(name),
                Signer::User(login) => self.login == *login,
            })
    }
}

/// All who could ever be asked.
pub(crate) async fn everybody(connection: &mut PgConnection) -> Result<Vec<Person>> {
    let rows = sqlx::query!(
        r#"SELECT a.id, a.login,
                  array(SELECT r.role FROM account_roles r WHERE r.account_id = a.id) AS "roles!",
                  array(SELECT g.name FROM group_members m JOIN groups g ON g.id = m.group_id
                        WHERE m.account_id = a.id) AS "groups!"
           FROM accounts a WHERE a.disabled_at IS NULL ORDER BY a.login"#
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let account = AccountId(row.id);
            Ok(Person {
                account,
                login: row.login,
                roles: parse_roles(&row.roles, account.0)?,
                groups: row.groups,
            })
        })
        .collect()
}

/// Those of `people` whose signature counts under this policy.
///
/// Whoever asked for the run is not among them, unless the policy allows it or nobody else could.
pub(crate) fn signers<'a>(
    people: &'a [Person],
    gate: &Gate,
    requesters: &[AccountId],
) -> Vec<&'a Person> {
    let named: Vec<&Person> = people
        .iter()
        .filter(|person| person.is_named(&gate.from))
        .collect();
    let others: Vec<&Person> = named
        .iter()
        .copied()
        .filter(|person| !requesters.contains(&person.account))
        .collect();
    match gate.requester {
        RequesterRule::Allowed => named,
        RequesterRule::Forbidden if others.is_empty() => named,
        RequesterRule::Forbidden => others,
    }
}

/// That one person may sign in another's place today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delegation {
    pub from: AccountId,
    pub to: AccountId,
}

/// The delegations that hold now, the oldest first.
pub(crate) async fn delegations(connection: &mut PgConnection) -> Result<Vec<Delegation>> {
    let rows = sqlx::query!(
        "SELECT from_account_id, to_account_id FROM delegations
         WHERE revoked_at IS NULL AND starts_at <= watchbill_now() AND ends_at > watchbill_now()
         ORDER BY id"
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Delegation {
            from: AccountId(row.from_account_id),
            to: AccountId(row.to_account_id),
        })
        .collect())
}
