use model::id::AccountId;
use model::identity::{Permission, Principal};
use serde_json::json;

use super::{locked, subject};
use crate::audit;
use crate::{Engine, Error, Result, authorise};

/// Says which member of Slack the person is, or that they are none. Clicks of that member
/// then count as the account's, so only an administrator says so.
///
/// # Errors
/// [`Error::Invalid`] for what is no member id; [`Error::Conflict`] where another account has it.
pub async fn set_slack_user(
    engine: &Engine,
    principal: &Principal,
    id: AccountId,
    slack_user: Option<&str>,
) -> Result<()> {
    authorise(principal, Permission::Administer)?;
    let slack_user = slack_user.map(checked).transpose()?;
    let mut tx = engine.pool.begin().await?;
    let before = locked(&mut tx, id).await?;
    if before.slack_user == slack_user {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE accounts SET slack_user = $2 WHERE id = $1",
        id.0,
        slack_user
    )
    .execute(&mut *tx)
    .await
    .map_err(|error| taken(error, slack_user.as_deref()))?;
    audit::record(
        &mut tx,
        principal,
        "account.slack_user",
        &subject(&before.login),
        json!({ "account": id.0, "from": before.slack_user, "to": slack_user }),
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

fn checked(text: &str) -> Result<String> {
    let id = text.trim();
    let is_member = (2..=32).contains(&id.len())
        && id.starts_with(['U', 'W'])
        && id
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if is_member {
        Ok(id.to_owned())
    } else {
        Err(Error::invalid(
            "slack_user",
            "Write the member id that Slack shows in the profile under Copy member ID, such as U012AB3CD.",
        ))
    }
}

fn taken(error: sqlx::Error, slack_user: Option<&str>) -> Error {
    let is_taken = error
        .as_database_error()
        .is_some_and(|it| it.constraint() == Some("accounts_slack_user_unique"));
    match (is_taken, slack_user) {
        (true, Some(user)) => Error::Conflict(format!(
            "the Slack member {user} is already mapped to another account"
        )),
        (_, _) => error.into(),
    }
}
