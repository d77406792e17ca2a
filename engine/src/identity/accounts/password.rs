use model::id::AccountId;
use model::identity::{Permission, Principal, PrincipalKind};
use secrecy::SecretString;
use serde_json::json;

use super::{no_account, subject};
use crate::audit;
use crate::identity::{NewSession, Origin, limits, passwords, presence, sessions, tokens};
use crate::{Engine, Error, Result, authorise};

/// A password to be set.
#[derive(Clone, Debug)]
pub struct PasswordChange {
    /// The present one, where it is one's own.
    pub present: Option<SecretString>,
    pub new: SecretString,
    /// Whether the account's tokens end with its sessions.
    pub end_tokens: bool,
    /// Where the session that goes on is.
    pub origin: Origin,
}

/// Sets a password. One's own needs the present one and a session; another's needs the
/// permission to administer. Every session of the account ends; whoever changed their
/// own gets a fresh one.
pub async fn set_password(
    engine: &Engine,
    principal: &Principal,
    id: AccountId,
    change: &PasswordChange,
) -> Result<Option<NewSession>> {
    let new = &change.new;
    let own = principal.account() == Some(id);
    match &principal.kind {
        PrincipalKind::Session { account } | PrincipalKind::PendingPassword { account }
            if *account == id => {}
        PrincipalKind::PersonToken { account, .. } if *account == id => {
            return Err(Error::Forbidden(
                "a token cannot change its own person's password: log in to do so".to_owned(),
            ));
        }
        PrincipalKind::Session { .. }
        | PrincipalKind::PendingPassword { .. }
        | PrincipalKind::PersonToken { .. }
        | PrincipalKind::StepToken { .. }
        | PrincipalKind::TrustedReporter
        | PrincipalKind::System => authorise(principal, Permission::Administer)?,
    }
    let stored = sqlx::query!(
        "SELECT login, password_hash FROM accounts WHERE id = $1",
        id.0
    )
    .fetch_optional(&engine.pool)
    .await?
    .ok_or_else(|| no_account(id))?;
    if own {
        let present = change
            .present
            .as_ref()
            .ok_or_else(|| Error::invalid("present_password", "Write your present password."))?;
        presence::compare(engine, &stored.login, present, &stored.password_hash).await?;
    }
    passwords::check(&stored.login, new)?;
    let hash = passwords::hash(engine, new).await?;
    let mut tx = engine.pool.begin().await?;
    let changed = sqlx::query!(
        "UPDATE accounts SET password_hash = $1, must_change_password = $2
         WHERE id = $3 AND password_hash = $4",
        hash,
        !own,
        id.0,
        stored.password_hash
    )
    .execute(&mut *tx)
    .await?;
    if changed.rows_affected() != 1 {
        return Err(Error::Conflict(
            "the password was changed by somebody else in the meantime".to_owned(),
        ));
    }
    sessions::end_all(&mut tx, id).await?;
    let tokens = if change.end_tokens {
        tokens::end_all(&mut tx, id).await?
    } else {
        0
    };
    limits::forget(&mut tx, &stored.login).await?;
    let session = if own {
        sessions::start(&mut tx, engine, id, &hash, &change.origin).await?
    } else {
        None
    };
    audit::record(
        &mut tx,
        principal,
        "account.password",
        &subject(&stored.login),
        json!({ "account": id.0, "tokens_ended": tokens }),
    )
    .await?;
    tx.commit().await?;
    Ok(session)
}
