//! Whom a message can reach.

use anyhow::Context as _;
use model::id::AccountId;
use model::notify::{NotifyMode, Preferences};
use sqlx::PgConnection;

use crate::Result;
use crate::notify::preferences::{Person, read_many};

/// A person who gets mail.
#[derive(Clone, Debug)]
pub(super) struct Recipient {
    pub account: AccountId,
    pub email: String,
    pub preferences: Preferences,
}

/// The recipient, or why mail does not reach the person.
fn reached(person: Person) -> std::result::Result<Recipient, &'static str> {
    let Some(email) = person.preferences.email.clone() else {
        return Err("the person has no address any more");
    };
    if person.is_disabled {
        return Err("the account is disabled");
    }
    if person.preferences.email_disabled_at.is_some() {
        return Err("the address is refused by its mail server");
    }
    if person.preferences.mode == NotifyMode::None {
        return Err("the person wants no mail");
    }
    Ok(Recipient {
        account: person.account,
        email,
        preferences: person.preferences,
    })
}

/// Those of the accounts that mail can reach and who want any.
pub(super) async fn reachable(
    connection: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<Recipient>> {
    let people = read_many(connection, accounts).await?;
    Ok(people
        .into_iter()
        .filter_map(|person| reached(person).ok())
        .collect())
}

/// The one person of a row, or why mail does not reach them any more.
pub(super) async fn recipient(
    connection: &mut PgConnection,
    account: AccountId,
) -> Result<std::result::Result<Recipient, &'static str>> {
    let person = read_many(connection, &[account])
        .await?
        .into_iter()
        .next()
        .with_context(|| format!("a message is for account {account}, which does not exist"))?;
    Ok(reached(person))
}

/// Everyone who administers and can still log in.
pub(super) async fn admins(connection: &mut PgConnection) -> Result<Vec<AccountId>> {
    let ids = sqlx::query_scalar!(
        "SELECT a.id FROM accounts a JOIN account_roles r ON r.account_id = a.id
         WHERE r.role = 'admin' AND a.disabled_at IS NULL ORDER BY a.id"
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(AccountId).collect())
}
