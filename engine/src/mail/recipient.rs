//! Whom a message can reach.

use anyhow::Context as _;
use model::id::AccountId;
use model::notify::{NotifyMode, Preferences, QuietHours};
use sqlx::PgConnection;

use crate::Result;

/// A person who gets mail.
#[derive(Clone, Debug)]
pub(super) struct Recipient {
    pub account: AccountId,
    pub email: String,
    pub preferences: Preferences,
}

/// A person, whether or not mail reaches them.
struct Person {
    account: AccountId,
    is_disabled: bool,
    preferences: Preferences,
}

impl Person {
    /// The recipient, or why mail does not reach the person.
    fn reached(self) -> std::result::Result<Recipient, &'static str> {
        let Some(email) = self.preferences.email.clone() else {
            return Err("the person has no address any more");
        };
        if self.is_disabled {
            return Err("the account is disabled");
        }
        if self.preferences.email_disabled_at.is_some() {
            return Err("the address is refused by its mail server");
        }
        if self.preferences.mode == NotifyMode::None {
            return Err("the person wants no mail");
        }
        Ok(Recipient {
            account: self.account,
            email,
            preferences: self.preferences,
        })
    }
}

/// Those of the accounts that mail can reach and who want any.
pub(super) async fn reachable(
    connection: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<Recipient>> {
    let people = read_many(connection, accounts).await?;
    Ok(people
        .into_iter()
        .filter_map(|person| person.reached().ok())
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
    Ok(person.reached())
}

/// The people of these accounts, by id, in one statement: a cause concerns many at once, and
/// is written while others wait for its transaction.
async fn read_many(connection: &mut PgConnection, accounts: &[AccountId]) -> Result<Vec<Person>> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = accounts.iter().map(|account| account.0).collect();
    let rows = sqlx::query!(
        r#"SELECT id, disabled_at IS NOT NULL AS "disabled!", email, email_disabled_at, email_disabled_reason,
                  language, zone, notify_mode, digest_hour, quiet_from, quiet_until, failure_mail,
                  failures_in_a_row, working_hours
           FROM accounts WHERE id = ANY($1) ORDER BY id"#,
        &ids
    )
    .fetch_all(connection)
    .await?;
    let mut people = Vec::with_capacity(rows.len());
    for row in rows {
        let account = AccountId(row.id);
        people.push(Person {
            account,
            is_disabled: row.disabled,
            preferences: Preferences {
                email: row.email,
                email_disabled_at: row.email_disabled_at,
                email_disabled_reason: row.email_disabled_reason,
                language: row
                    .language
                    .parse()
                    .with_context(|| format!("accounts.language of account {account} is wrong"))?,
                zone: row.zone,
                mode: row.notify_mode.parse().with_context(|| {
                    format!("accounts.notify_mode of account {account} is wrong")
                })?,
                digest_hour: row.digest_hour,
                quiet: row
                    .quiet_from
                    .zip(row.quiet_until)
                    .map(|(from, until)| QuietHours { from, until }),
                failures: row.failure_mail,
                failures_in_a_row: row.failures_in_a_row,
                working_hours: row.working_hours,
            },
        });
    }
    Ok(people)
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
