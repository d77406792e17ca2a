use model::id::{AccountId, AttemptNumber, TaskId, TokenId};
use model::identity::{Permission, Principal, PrincipalKind, Scope};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sqlx::PgConnection;

use super::{DEFAULT_LIFETIME_DAYS, IssuedToken, LONGEST_LIFETIME_DAYS, NewToken};
use crate::audit;
use crate::identity::presence::{self, Presence};
use crate::identity::roles::parse_roles;
use crate::identity::secret;
use crate::{Engine, Error, FieldProblem, Result, choose_a_password};

const LONGEST_NAME: usize = 100;
const MOST_LIVE_TOKENS: i64 = 100;

/// Refuses whoever may not make this token. Only its person may, in a session, or whoever
/// holds the host: a token must not beget one that can do more or lasts longer, and an
/// administrator must not sign in another's name. In a session, a token that decides or
/// administers asks for the password, or for a login of a moment ago.
pub(crate) async fn admit(
    engine: &Engine,
    principal: &Principal,
    account: AccountId,
    new: &NewToken,
    presence: &Presence,
) -> Result<()> {
    match &principal.kind {
        PrincipalKind::Session { account: own } if *own == account => {}
        PrincipalKind::System => {}
        PrincipalKind::PendingPassword { .. } => return Err(choose_a_password()),
        PrincipalKind::Session { .. }
        | PrincipalKind::PersonToken { .. }
        | PrincipalKind::StepToken { .. }
        | PrincipalKind::TrustedReporter => {
            return Err(Error::Forbidden(
                "a person's tokens are made by that person, logged in, and by nobody else"
                    .to_owned(),
            ));
        }
    }
    let scopes = checked(new)?;
    let is_grave = |scope: &Scope| matches!(scope, Scope::Decide | Scope::Admin);
    if principal.account() == Some(account) && scopes.iter().any(is_grave) {
        presence::confirm(engine, account, presence).await?;
    }
    Ok(())
}

/// Makes a token that stands for the person, in the caller's transaction, for whom
/// [`admit`] let in.
pub(crate) async fn create(
    tx: &mut PgConnection,
    engine: &Engine,
    principal: &Principal,
    account: AccountId,
    new: &NewToken,
) -> Result<IssuedToken> {
    let scopes = checked(new)?;
    let owner = sqlx::query!(
        r#"SELECT login, disabled_at,
                  array(SELECT role FROM account_roles WHERE account_id = accounts.id) AS "roles!"
           FROM accounts WHERE id = $1 FOR SHARE"#,
        account.0
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or_else(|| Error::NotFound(format!("there is no account {account}")))?;
    if owner.disabled_at.is_some() {
        return Err(Error::Conflict(format!("{} is disabled", owner.login)));
    }
    let roles = parse_roles(&owner.roles, account.0)?;
    refuse_idle_scopes(&owner.login, &scopes, |permission| {
        roles.iter().any(|role| role.grants(permission))
    })?;
    let live = sqlx::query_scalar!(
        r#"SELECT count(*) AS "live!" FROM tokens
           WHERE account_id = $1 AND revoked_at IS NULL
             AND (expires_at IS NULL OR expires_at > watchbill_now())"#,
        account.0
    )
    .fetch_one(&mut *tx)
    .await?;
    if live >= MOST_LIVE_TOKENS {
        return Err(Error::Conflict(format!(
            "{} has {live} live tokens already: revoke some first",
            owner.login
        )));
    }
    let value = secret::generate(&*engine.random, "wbt_");
    let texts: Vec<String> = scopes
        .iter()
        .map(|scope| scope.as_str().to_owned())
        .collect();
    let row = sqlx::query!(
        "INSERT INTO tokens (token_hash, name, account_id, scopes, expires_at)
         VALUES ($1, $2, $3, $4, watchbill_now() + make_interval(days => $5))
         RETURNING id, expires_at AS \"expires_at!\"",
        secret::digest(value.expose_secret()),
        new.name.trim(),
        account.0,
        &texts,
        i32::try_from(new.lifetime_days.unwrap_or(DEFAULT_LIFETIME_DAYS)).unwrap_or(i32::MAX),
    )
    .fetch_one(&mut *tx)
    .await?;
    audit::record(
        tx,
        principal,
        "token.create",
        &format!("token/{}", row.id),
        json!({ "name": new.name.trim(), "account": account.0, "login": owner.login, "scopes": texts }),
    )
    .await?;
    Ok(IssuedToken {
        id: TokenId(row.id),
        value,
        expires_at: row.expires_at,
    })
}

/// Gives a step a token for the time of this attempt's lease, in the caller's
/// transaction. It can report and read; it can never decide or administer.
pub async fn issue_for_step(
    connection: &mut PgConnection,
    engine: &Engine,
    task: TaskId,
    attempt: AttemptNumber,
    scopes: &[Scope],
) -> Result<SecretString> {
    if scopes
        .iter()
        .any(|scope| !matches!(scope, Scope::Read | Scope::Report))
    {
        return Err(Error::Forbidden(
            "a step's token can read and report, and nothing else".to_owned(),
        ));
    }
    let value = secret::generate(&*engine.random, "wbs_");
    let texts: Vec<String> = scopes
        .iter()
        .map(|scope| scope.as_str().to_owned())
        .collect();
    sqlx::query!(
        "INSERT INTO tokens (token_hash, name, task_id, attempt, scopes) VALUES ($1, $2, $3, $4, $5)",
        secret::digest(value.expose_secret()),
        format!("task {task}, attempt {attempt}"),
        task.0,
        attempt.0,
        &texts,
    )
    .execute(connection)
    .await?;
    Ok(value)
}

fn checked(new: &NewToken) -> Result<Vec<Scope>> {
    let mut problems = Vec::new();
    let mut problem = |field: &str, message: String| {
        problems.push(FieldProblem {
            field: field.to_owned(),
            message,
        });
    };
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.contains(char::is_control) {
        problem(
            "name",
            format!("Say in 1 to {LONGEST_NAME} printable characters what the token is for."),
        );
    }
    if new.scopes.is_empty() {
        problem(
            "scopes",
            "Give at least one scope: read, report, run, plans, decide or admin.".to_owned(),
        );
    }
    if new
        .lifetime_days
        .is_some_and(|days| !(1..=LONGEST_LIFETIME_DAYS).contains(&days))
    {
        problem(
            "lifetime_days",
            format!("Give between 1 and {LONGEST_LIFETIME_DAYS} days."),
        );
    }
    if problems.is_empty() {
        let mut scopes = new.scopes.clone();
        scopes.sort_unstable();
        scopes.dedup();
        Ok(scopes)
    } else {
        Err(Error::Invalid(problems))
    }
}

/// A scope that the person's roles do not grant would come alive with a later promotion.
fn refuse_idle_scopes(
    login: &str,
    scopes: &[Scope],
    granted: impl Fn(Permission) -> bool,
) -> Result<()> {
    let idle: Vec<&str> = scopes
        .iter()
        .filter(|scope| {
            !granted(match scope {
                Scope::Read => Permission::Read,
                Scope::Report => Permission::Report,
                Scope::Run => Permission::Run,
                Scope::Plans => Permission::EditPlan,
                Scope::Decide => Permission::Decide,
                Scope::Admin => Permission::Administer,
            })
        })
        .map(|scope| scope.as_str())
        .collect();
    if idle.is_empty() {
        Ok(())
    } else {
        Err(Error::invalid(
            "scopes",
            format!("The roles of {login} do not allow {}.", idle.join(", ")),
        ))
    }
}
