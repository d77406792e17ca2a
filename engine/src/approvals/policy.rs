//! Whether a caller may sign, and whose signature it is.

use model::approval::Eligibility;
use model::id::{AccountId, ApprovalId};
use model::identity::{Permission, Principal};
use model::plan::Gate;
use sqlx::PgConnection;

use super::askers::askers_of;
use super::circle::{About, Circle, People};
use super::given::given;
use crate::{Error, Result};

/// That the caller may sign, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub account: AccountId,
    /// Whose signature it is where a delegation lets the caller give it.
    pub on_behalf_of: Option<(AccountId, String)>,
    /// The caller asked for the run and signs only because no other account can.
    pub sole_decider: bool,
    /// The newest round in which the caller, or whose signature it is, asked for changes.
    pub changes_round: Option<u32>,
    /// How many people could sign this at all, the caller among them.
    pub signers: usize,
}

impl Signature {
    /// Whose signature it is: the account's own, or that of whom it acts for.
    pub(crate) fn voice(&self) -> AccountId {
        self.on_behalf_of
            .as_ref()
            .map_or(self.account, |(account, _)| *account)
    }
}

/// Whether this caller may sign this request under its policy now.
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
    let own = in_circle(connection, approval, gate, requesters, |circle| {
        decider(principal).and_then(|account| circle.signature(account))
    });
    own.await?.map_err(|why| {
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
            | Eligibility::AskedForChanges { .. }
            | Eligibility::ColleagueAskedForChanges { .. }
            | Eligibility::NotAsked { .. } => Error::Forbidden(sentence),
        }
    })
}

/// What a page says of a request's signatures.
pub(crate) struct Standing {
    /// The caller's own, or why they may not give it.
    pub own: std::result::Result<Signature, Eligibility>,
    /// The logins of those who could sign and have not.
    pub may_sign: Vec<String>,
}

/// Whether the caller may sign, and who else.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn standing(
    connection: &mut PgConnection,
    principal: &Principal,
    approval: ApprovalId,
    gate: &Gate,
    requesters: &[AccountId],
) -> Result<Standing> {
    in_circle(connection, approval, gate, requesters, |circle| Standing {
        own: decider(principal).and_then(|account| circle.signature(account)),
        may_sign: circle
            .remaining()
            .into_iter()
            .map(|person| person.login.clone())
            .collect(),
    })
    .await
}

/// Asks something of the people around a request, as they are now.
pub(crate) async fn in_circle<T>(
    connection: &mut PgConnection,
    approval: ApprovalId,
    gate: &Gate,
    requesters: &[AccountId],
    ask: impl FnOnce(&Circle<'_>) -> T,
) -> Result<T> {
    let people = People::read(connection).await?;
    let given = given(connection, approval).await?;
    let mut askers = askers_of(connection, &[approval]).await?;
    let askers = askers.remove(&approval).unwrap_or_default();
    let about = About {
        gate,
        requesters,
        askers: &askers,
        given: &given,
    };
    Ok(ask(&Circle::new(&people, about)))
}

/// The account that may decide at all.
fn decider(principal: &Principal) -> std::result::Result<AccountId, Eligibility> {
    if let Err(refused) = crate::authorise(principal, Permission::Decide) {
        let why = refused.to_string();
        return Err(Eligibility::MayNotDecide { why });
    }
    principal
        .account()
        .ok_or_else(|| Eligibility::MayNotDecide {
            why: "only a person may decide".to_owned(),
        })
}
