//! Everybody around a request: who could ever sign it, for whom, and who has answered.
//!
//! Whether a person may sign and whom the request is put to follow from one rule,
//! [`Circle::signature`], so that nobody is asked who would be refused.

use std::collections::HashMap;

use model::id::{AccountId, ApprovalId};
use model::identity::Permission;
use model::plan::{Gate, RequesterRule, Signer};
use model::view::Eligibility;
use sqlx::PgConnection;

use super::people::{Delegation, Person, delegations, everybody, signers};
use super::policy::Signature;
use crate::Result;

/// The people around requests, as they are now.
pub(crate) struct People {
    people: Vec<Person>,
    delegations: Vec<Delegation>,
}

impl People {
    /// # Errors
    /// When the database cannot be read.
    pub async fn read(connection: &mut PgConnection) -> Result<Self> {
        Ok(Self {
            people: everybody(connection).await?,
            delegations: delegations(connection).await?,
        })
    }

    /// Whether these signers name the account.
    pub(super) fn are_named(&self, account: AccountId, signers: &[Signer]) -> bool {
        self.people
            .iter()
            .any(|person| person.account == account && person.is_named(signers))
    }
}

/// One request among these people.
pub(super) struct Circle<'a> {
    all: &'a People,
    /// Those whose signature counts, whether they have given it or not.
    able: Vec<&'a Person>,
    given: &'a [Given],
    gate: &'a Gate,
    requesters: &'a [AccountId],
}

impl<'a> Circle<'a> {
    pub fn new(
        all: &'a People,
        gate: &'a Gate,
        requesters: &'a [AccountId],
        given: &'a [Given],
    ) -> Self {
        Self {
            able: signers(&all.people, gate, requesters),
            all,
            given,
            gate,
            requesters,
        }
    }

    /// Whether this account may sign now, and whose signature it would be.
    ///
    /// Whoever asked for the run, or for a retry, may not sign it, in nobody's name, unless
    /// the policy allows it or no other account at all could.
    ///
    /// # Errors
    /// Why they may not.
    pub fn signature(&self, account: AccountId) -> std::result::Result<Signature, Eligibility> {
        let may_decide = self.all.people.iter().any(|person| {
            person.account == account
                && person
                    .roles
                    .iter()
                    .any(|role| role.grants(Permission::Decide))
        });
        if !may_decide {
            let why = "the account has no role that may decide".to_owned();
            return Err(Eligibility::MayNotDecide { why });
        }
        if let Some(one) = self.given.iter().find(|one| one.account == account) {
            let on_behalf_of = one.on_behalf_of.clone();
            return Err(Eligibility::Answered { on_behalf_of });
        }
        let asked_for_it = self.requesters.contains(&account);
        if self.able.iter().any(|person| person.account == account) {
            if let Some(one) = self.given.iter().find(|one| one.voice == account) {
                let by = one.by.clone();
                return Err(Eligibility::AnsweredFor { by });
            }
            return Ok(Signature {
                account,
                on_behalf_of: None,
                sole_decider: self.gate.requester == RequesterRule::Forbidden && asked_for_it,
                signers: self.able.len(),
            });
        }
        if asked_for_it && self.gate.requester == RequesterRule::Forbidden {
            return Err(Eligibility::OwnRun);
        }
        let voices: Vec<&Person> = self.voices(account).collect();
        let free = voices
            .iter()
            .find(|person| self.given.iter().all(|one| one.voice != person.account));
        match (free, voices.first()) {
            (Some(person), _) => Ok(Signature {
                account,
                on_behalf_of: Some((person.account, person.login.clone())),
                sole_decider: false,
                signers: self.able.len(),
            }),
            (None, Some(person)) => Err(Eligibility::ColleagueAnswered {
                login: person.login.clone(),
            }),
            (None, None) => Err(Eligibility::NotAsked {
                signers: self.gate.from.iter().map(ToString::to_string).collect(),
            }),
        }
    }

    /// Whose signatures this account could give in their place.
    fn voices(&self, account: AccountId) -> impl Iterator<Item = &'a Person> {
        self.able.iter().copied().filter(move |person| {
            !self.requesters.contains(&person.account)
                && self
                    .all
                    .delegations
                    .iter()
                    .any(|it| it.from == person.account && it.to == account)
        })
    }

    /// Everybody who may sign now, and whose signature each would give.
    pub fn asked(&self) -> Vec<Signature> {
        self.all
            .people
            .iter()
            .filter_map(|person| self.signature(person.account).ok())
            .collect()
    }

    /// Those whose own signature can still be given, by themselves or in their name.
    pub fn remaining(&self) -> Vec<&'a Person> {
        let asked = self.asked();
        self.able
            .iter()
            .copied()
            .filter(|person| {
                asked
                    .iter()
                    .any(|signature| signature.voice() == person.account)
            })
            .collect()
    }
}

/// An answer that counts.
pub(super) struct Given {
    pub account: AccountId,
    /// Whose signature it was.
    pub voice: AccountId,
    pub by: String,
    pub on_behalf_of: Option<String>,
}

/// The answers to these requests so far.
pub(super) async fn given_to(
    connection: &mut PgConnection,
    approvals: &[ApprovalId],
) -> Result<HashMap<ApprovalId, Vec<Given>>> {
    let ids: Vec<i64> = approvals.iter().map(|approval| approval.0).collect();
    let rows = sqlx::query!(
        r#"SELECT approval_id, account_id, coalesce(on_behalf_of, account_id) AS "voice!", decided_by,
                  on_behalf_of_name
           FROM decisions WHERE approval_id = ANY($1) ORDER BY id"#,
        &ids
    )
    .fetch_all(connection)
    .await?;
    let mut given: HashMap<ApprovalId, Vec<Given>> = HashMap::new();
    for row in rows {
        given
            .entry(ApprovalId(row.approval_id))
            .or_default()
            .push(Given {
                account: AccountId(row.account_id),
                voice: AccountId(row.voice),
                by: row.decided_by,
                on_behalf_of: row.on_behalf_of_name,
            });
    }
    Ok(given)
}

/// The answers to one request so far.
pub(super) async fn given(
    connection: &mut PgConnection,
    approval: ApprovalId,
) -> Result<Vec<Given>> {
    let mut given = given_to(connection, &[approval]).await?;
    Ok(given.remove(&approval).unwrap_or_default())
}
