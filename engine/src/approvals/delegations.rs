//! Delegations: an approver lets a colleague sign in their place for a while.

use chrono::{DateTime, TimeDelta, Utc};
use model::id::DelegationId;
use model::identity::{Permission, Principal, PrincipalKind, Role};
use model::view::DelegationRow;
use serde_json::json;
use sqlx::PgConnection;

use crate::audit;
use crate::identity::accounts::lock_administration;
use crate::identity::parse_roles;
use crate::{Engine, Error, Result, authorise};

/// No delegation lasts longer: who leaves for good gives their role back.
const LONGEST_DAYS: i64 = 366;
/// How long the note may be, in characters.
const NOTE_CHARACTERS: usize = 500;

/// What a person asks for.
#[derive(Clone, Debug)]
pub struct NewDelegation {
    /// The login of who may sign.
    pub to: String,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub note: Option<String>,
}

/// Lets `new.to` sign in the caller's place.
///
/// # Errors
/// [`Error::Invalid`] beside the field that is wrong; only a person who may decide delegates.
pub async fn create(
    engine: &Engine,
    principal: &Principal,
    new: &NewDelegation,
) -> Result<DelegationId> {
    authorise(principal, Permission::Decide)?;
    let account = principal
        .account()
        .ok_or_else(|| Error::Forbidden("only a person may delegate".to_owned()))?;
    if !is_session(principal) {
        return Err(Error::Forbidden(
            "a token cannot hand on its person's signature; log in for that".to_owned(),
        ));
    }
    check_times(engine, new)?;
    let note = new
        .note
        .as_deref()
        .map(str::trim)
        .filter(|it| !it.is_empty());
    if note.is_some_and(|note| note.chars().count() > NOTE_CHARACTERS || note.contains('\0')) {
        let message = format!("write at most {NOTE_CHARACTERS} characters, without NUL");
        return Err(Error::invalid("note", message));
    }
    let mut transaction = engine.pool.begin().await?;
    let login = new.to.trim().to_lowercase();
    if login.contains(char::is_control) {
        return Err(Error::invalid("to", "write the login of an account"));
    }
    let to = sqlx::query!(
        r#"SELECT id, array(SELECT role FROM account_roles r WHERE r.account_id = a.id) AS "roles!"
           FROM accounts a WHERE login = $1 AND disabled_at IS NULL"#,
        login
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(to) = to else {
        return Err(Error::invalid("to", format!("there is no account {login}")));
    };
    if to.id == account.0 {
        return Err(Error::invalid("to", "name somebody else"));
    }
    let may_decide = |roles: &[Role]| roles.iter().any(|role| role.grants(Permission::Decide));
    if !may_decide(&parse_roles(&to.roles, to.id)?) {
        let message = format!("{login} may not decide; an admin can give them the role approver");
        return Err(Error::invalid("to", message));
    }
    let id = sqlx::query_scalar!(
        "INSERT INTO delegations (from_account_id, to_account_id, starts_at, ends_at, note)
         VALUES ($1, $2, $3, $4, $5) RETURNING id",
        account.0,
        to.id,
        new.starts_at,
        new.ends_at,
        note,
    )
    .fetch_one(&mut *transaction)
    .await?;
    audit::record(
        &mut transaction,
        principal,
        "delegation.create",
        &format!("delegation/{id}"),
        json!({ "to": login, "starts_at": new.starts_at, "ends_at": new.ends_at, "note": note }),
    )
    .await?;
    transaction.commit().await?;
    Ok(DelegationId(id))
}

const fn is_session(principal: &Principal) -> bool {
    match principal.kind {
        PrincipalKind::Session { .. } => true,
        PrincipalKind::PendingPassword { .. }
        | PrincipalKind::PersonToken { .. }
        | PrincipalKind::StepToken { .. }
        | PrincipalKind::TrustedReporter
        | PrincipalKind::System => false,
    }
}

fn check_times(engine: &Engine, new: &NewDelegation) -> Result<()> {
    if new.ends_at <= new.starts_at {
        return Err(Error::invalid("ends_at", "it ends before it starts"));
    }
    if new.ends_at <= engine.clock.now() {
        return Err(Error::invalid("ends_at", "that is over already"));
    }
    if new.ends_at - new.starts_at > TimeDelta::days(LONGEST_DAYS) {
        let message = format!("a delegation lasts at most {LONGEST_DAYS} days");
        return Err(Error::invalid("ends_at", message));
    }
    Ok(())
}

/// What holds or will hold: all of them for an admin, else those from and to the caller.
///
/// # Errors
/// Who may not read.
pub async fn list(engine: &Engine, principal: &Principal) -> Result<Vec<DelegationRow>> {
    authorise(principal, Permission::Read)?;
    let all = principal.may(Permission::Administer);
    let rows = sqlx::query!(
        r#"SELECT d.id, f.login AS from_login, t.login AS to_login, d.starts_at, d.ends_at, d.note,
                  d.starts_at <= watchbill_now() AS "active!"
           FROM delegations d JOIN accounts f ON f.id = d.from_account_id JOIN accounts t ON t.id = d.to_account_id
           WHERE d.revoked_at IS NULL AND d.ends_at > watchbill_now()
             AND ($1 OR d.from_account_id = $2 OR d.to_account_id = $2)
           ORDER BY d.starts_at, d.id LIMIT 500"#,
        all,
        principal.account().map(|account| account.0),
    )
    .fetch_all(&engine.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DelegationRow {
            id: DelegationId(row.id),
            from: row.from_login,
            to: row.to_login,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            note: row.note,
            active: row.active,
        })
        .collect())
}

/// Ends a delegation now: by who made it, or an admin. What was signed under it stays.
///
/// # Errors
/// [`Error::NotFound`] where there is none, or it is not the caller's.
pub(crate) async fn revoke(
    transaction: &mut PgConnection,
    principal: &Principal,
    id: DelegationId,
) -> Result<()> {
    authorise(principal, Permission::Read)?;
    // Who may not decide any more still takes back what they gave.
    if !is_session(principal) && !principal.may(Permission::Administer) {
        authorise(principal, Permission::Decide)?;
    }
    lock_administration(transaction).await?;
    let revoked = sqlx::query!(
        "UPDATE delegations SET revoked_at = watchbill_now()
         WHERE id = $1 AND revoked_at IS NULL AND ends_at > watchbill_now() AND ($2 OR from_account_id = $3)",
        id.0,
        principal.may(Permission::Administer),
        principal.account().map(|account| account.0),
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if revoked == 0 {
        return Err(Error::NotFound(format!(
            "there is no delegation {id} of yours that still holds"
        )));
    }
    let subject = format!("delegation/{id}");
    audit::record(
        transaction,
        principal,
        "delegation.revoke",
        &subject,
        json!({}),
    )
    .await?;
    Ok(())
}
