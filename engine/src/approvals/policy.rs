//! Whether a caller may sign, and whose signature it is.

use model::id::{AccountId, ApprovalId};
use model::identity::{Permission, Principal};
use model::plan::{Gate, RequesterRule};
use model::view::Eligibility;
use sqlx::PgConnection;

use super::people::{Person, delegators, everybody, signers};
use crate::{Error, Result};

/// That the caller may sign, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub account: AccountId,
    /// Whose signature it is where a delegation lets the caller give it.
    pub on_behalf_of: Option<(AccountId, String)>,
    /// The caller asked for the run and signs only because no other account can.
    pub sole_decider: bool,
    /// How many people could sign this at all, the caller among them.
    pub signers: usize,
}

/// Whether this caller may sign this request under its policy now.
///
/// Whoever asked for the run, or for a retry, may not sign it, in nobody's name, unless no other account at all could.
///
/// # Errors
/// [`Error::Forbidden`] with the reason as a sentence; [`Error::Conflict`] to who has
/// signed before, or has had it done in their name.
pub async fn may_sign(
    connection: &mut PgConnection,
    principal: &Principal,
    approval: ApprovalId,
    gate: &Gate,
    requesters: &[AccountId],
) -> Result<Signature> {
    signature(connection, principal, approval, gate, requesters)
        .await?
        .map_err(|why| {
            let sentence = format!("approval {approval}: {why}");
            match why {
                Eligibility::Answered { .. }
                | Eligibility::AnsweredFor { .. }
                | Eligibility::ColleagueAnswered { .. }
                | Eligibility::Decided => Error::Conflict(sentence),
                Eligibility::MaySign
                | Eligibility::SoleDecider
                | Eligibility::MaySignFor { .. }
                | Eligibility::Late
                | Eligibility::MayNotDecide { .. }
                | Eligibility::OwnRun
                | Eligibility::NotAsked { .. } => Error::Forbidden(sentence),
            }
        })
}

/// The same, with the reason as a value.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn signature(
    connection: &mut PgConnection,
    principal: &Principal,
    approval: ApprovalId,
    gate: &Gate,
    requesters: &[AccountId],
) -> Result<std::result::Result<Signature, Eligibility>> {
    if let Err(refused) = crate::authorise(principal, Permission::Decide) {
        let why = refused.to_string();
        return Ok(Err(Eligibility::MayNotDecide { why }));
    }
    let Some(account) = principal.account() else {
        let why = "only a person may decide".to_owned();
        return Ok(Err(Eligibility::MayNotDecide { why }));
    };
    let people = everybody(connection).await?;
    let able = signers(&people, gate, requesters);
    let given = given(connection, approval).await?;
    if let Some(one) = given.iter().find(|one| one.account == account) {
        let on_behalf_of = one.on_behalf_of.clone();
        return Ok(Err(Eligibility::Answered { on_behalf_of }));
    }
    let own = able.iter().any(|person| person.account == account);
    if own {
        if let Some(one) = given.iter().find(|one| one.voice == account) {
            let by = one.by.clone();
            return Ok(Err(Eligibility::AnsweredFor { by }));
        }
        return Ok(Ok(Signature {
            account,
            on_behalf_of: None,
            sole_decider: gate.requester == RequesterRule::Forbidden
                && requesters.contains(&account),
            signers: able.len(),
        }));
    }
    if requesters.contains(&account) && gate.requester == RequesterRule::Forbidden {
        return Ok(Err(Eligibility::OwnRun));
    }
    let from = delegators(connection, account).await?;
    let voices: Vec<&Person> = able
        .iter()
        .copied()
        .filter(|person| from.contains(&person.account) && !requesters.contains(&person.account))
        .collect();
    let free = voices
        .iter()
        .find(|person| given.iter().all(|one| one.voice != person.account));
    Ok(match (free, voices.first()) {
        (Some(person), _) => Ok(Signature {
            account,
            on_behalf_of: Some((person.account, person.login.clone())),
            sole_decider: false,
            signers: able.len(),
        }),
        (None, Some(person)) => Err(Eligibility::ColleagueAnswered {
            login: person.login.clone(),
        }),
        (None, None) => Err(Eligibility::NotAsked {
            signers: gate.from.iter().map(ToString::to_string).collect(),
        }),
    })
}

/// The logins of those who could sign this request and have not.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn who_may_sign(
    connection: &mut PgConnection,
    approval: ApprovalId,
    gate: &Gate,
    requesters: &[AccountId],
) -> Result<Vec<String>> {
    let people = remaining(connection, approval, gate, requesters).await?;
    Ok(people.into_iter().map(|person| person.login).collect())
}

/// Those who could sign this request and have not, nor had it done in their name.
pub(super) async fn remaining(
    connection: &mut PgConnection,
    approval: ApprovalId,
    gate: &Gate,
    requesters: &[AccountId],
) -> Result<Vec<Person>> {
    let people = everybody(connection).await?;
    let given = given(connection, approval).await?;
    Ok(signers(&people, gate, requesters)
        .into_iter()
        .filter(|person| given.iter().all(|one| one.voice != person.account))
        .cloned()
        .collect())
}

struct Given {
    account: AccountId,
    voice: AccountId,
    by: String,
    on_behalf_of: Option<String>,
}

async fn given(connection: &mut PgConnection, approval: ApprovalId) -> Result<Vec<Given>> {
    let rows = sqlx::query!(
        r#"SELECT account_id, coalesce(on_behalf_of, account_id) AS "voice!", decided_by, on_behalf_of_name
           FROM decisions WHERE approval_id = $1"#,
        approval.0
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Given {
            account: AccountId(row.account_id),
            voice: AccountId(row.voice),
            by: row.decided_by,
            on_behalf_of: row.on_behalf_of_name,
        })
        .collect())
}
