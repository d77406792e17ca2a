//! Whom a message can reach.

use anyhow::Context as _;
use model::id::AccountId;
use model::notify::{NotifyMode, Preferences};
use sqlx::PgConnection;

use crate::Result;
use crate::identity::accounts::preferences;

/// A person who gets mail.
#[derive(Clone, Debug)]
pub(super) struct Recipient {
    pub account: AccountId,
    pub email: String,
    pub preferences: Preferences,
}

/// Those of the accounts that mail can reach and who want any.
pub(super) async fn reachable(
    connection: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<Recipient>> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = accounts.iter().map(|account| account.0).collect();
    let rows = sqlx::query!(
        r#"SELECT id, email AS "email!" FROM accounts
           WHERE id = ANY($1) AND disabled_at IS NULL AND email IS NOT NULL
             AND email_disabled_at IS NULL AND notify_mode <> 'none'
           ORDER BY id"#,
        &ids
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let account = AccountId(row.id);
        found.push(Recipient {
            account,
            email: row.email,
            preferences: preferences::read(connection, account).await?,
        });
    }
    Ok(found)
}

/// The one person of a row, or why mail does not reach them any more.
pub(super) async fn recipient(
    connection: &mut PgConnection,
    account: AccountId,
) -> Result<std::result::Result<Recipient, &'static str>> {
    let row = sqlx::query!(
        r#"SELECT email, email_disabled_at IS NOT NULL AS "refused!", disabled_at IS NOT NULL AS "disabled!"
           FROM accounts WHERE id = $1"#,
        account.0
    )
    .fetch_optional(&mut *connection)
    .await?
    .with_context(|| format!("a message is for account {account}, which does not exist"))?;
    let Some(email) = row.email else {
        return Ok(Err("the person has no address any more"));
    };
    if row.disabled {
        return Ok(Err("the account is disabled"));
    }
    if row.refused {
        return Ok(Err("the address is refused by its mail server"));
    }
    let preferences = preferences::read(connection, account).await?;
    if preferences.mode == NotifyMode::None {
        return Ok(Err("the person wants no mail"));
    }
    Ok(Ok(Recipient {
        account,
        email,
        preferences,
    }))
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
