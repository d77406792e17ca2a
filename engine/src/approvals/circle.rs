//! Everybody around a request: who could ever sign it, for whom, and who has answered.
//!
//! Whether a person may sign and whom the request is put to follow from one rule,
//! [`Circle::signature`], so that nobody is asked who would be refused.

use std::collections::HashSet;

use model::approval::Eligibility;
use model::id::AccountId;
use model::identity::Permission;
use model::plan::{Gate, RequesterRule, Signer};
use sqlx::PgConnection;

use super::askers::Asker;
use super::given::Given;
use super::people::{Delegation, Person, delegations, everybody, signers};
use super::policy::Signature;
use super::reach;
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

    /// How many of them these signers name.
    pub(super) fn count_named(&self, signers: &[Signer]) -> usize {
        let named = self.people.iter().filter(|person| person.is_named(signers));
        named.count()
    }

    /// Whether these signers name the account.
    pub(crate) fn are_named(&self, account: AccountId, signers: &[Signer]) -> bool {
        self.people
            .iter()
            .any(|person| person.account == account && person.is_named(signers))
    }
}

/// One request among these people.
pub(crate) struct Circle<'a> {
    all: &'a People,
    /// Those whose signature counts, whether they have given it or not.
    able: Vec<&'a Person>,
    able_accounts: HashSet<AccountId>,
    of: About<'a>,
    /// Who asked for the changes that this came of, where they may not sign it.
    barred: Option<Asker>,
}

/// What a request asks, of what, and what was answered.
#[derive(Clone, Copy)]
pub(crate) struct About<'a> {
    pub gate: &'a Gate,
    pub requesters: &'a [AccountId],
    /// The newest first.
    pub askers: &'a [Asker],
    pub given: &'a [Given],
}

impl<'a> Circle<'a> {
    pub fn new(all: &'a People, of: About<'a>) -> Self {
        let newest = of.askers.first().copied();
        let barred = newest.filter(|_| of.gate.bars_changes_asker());
        // Whoever is barred still counts as somebody who could sign: that they asked for
        // changes lets no requester sign instead.
        let mut able = signers(&all.people, of.gate, of.requesters);
        able.retain(|person| !barred.is_some_and(|asker| asker.is(person.account)));
        Self {
            able_accounts: able.iter().map(|person| person.account).collect(),
            able,
            all,
            of,
            barred,
        }
    }

    /// Whether this account may sign now, and whose signature it would be.
    ///
    /// Whoever asked for the run, or for a retry, may not sign it, in nobody's name, unless
    /// the policy allows it or no other account at all could. Whoever asked for the changes
    /// that it came of may not where the policy says so or more than one must sign.
    ///
    /// # Errors
    /// Why they may not.
    pub fn signature(&self, account: AccountId) -> std::result::Result<Signature, Eligibility> {
        let people = &self.all.people;
        match people.iter().find(|person| person.account == account) {
            Some(person) => self.signature_of(person),
            None => Err(may_not_decide()),
        }
    }

    fn signature_of(&self, person: &Person) -> std::result::Result<Signature, Eligibility> {
        let mut roles = person.roles.iter();
        if !roles.any(|role| role.grants(Permission::Decide)) {
            return Err(may_not_decide());
        }
        let account = person.account;
        if let Some(one) = self.of.given.iter().find(|one| one.account == account) {
            let on_behalf_of = one.on_behalf_of.clone();
            return Err(Eligibility::Answered { on_behalf_of });
        }
        if let Some(asker) = self.barred.filter(|asker| asker.is(account)) {
            let round = asker.round;
            return Err(Eligibility::AskedForChanges { round });
        }
        let asked_for_it = self.of.requesters.contains(&account);
        if self.able_accounts.contains(&account) {
            if let Some(one) = self.of.given.iter().find(|one| one.voice == account) {
                let by = one.by.clone();
                return Err(Eligibility::AnsweredFor { by });
            }
            return Ok(Signature {
                account,
                on_behalf_of: None,
                sole_decider: self.of.gate.requester == RequesterRule::Forbidden && asked_for_it,
                changes_round: self.changes_round(account, account),
                signers: self.able.len(),
            });
        }
        if asked_for_it && self.of.gate.requester == RequesterRule::Forbidden {
            return Err(Eligibility::OwnRun);
        }
        let voices = self.voices(account);
        let free = voices
            .iter()
            .find(|person| self.of.given.iter().all(|one| one.voice != person.account));
        match (free, voices.first()) {
            (Some(person), _) => Ok(Signature {
                account,
                on_behalf_of: Some((person.account, person.login.clone())),
                sole_decider: false,
                changes_round: self.changes_round(account, person.account),
                signers: self.able.len(),
            }),
            (None, Some(person)) => Err(Eligibility::ColleagueAnswered {
                login: person.login.clone(),
            }),
            (None, None) => Err(self.colleague_asked(account).unwrap_or_else(|| {
                let signers = self.of.gate.from.iter().map(ToString::to_string);
                Eligibility::NotAsked {
                    signers: signers.collect(),
                }
            })),
        }
    }

    /// The newest round in which one of the two asked for changes.
    fn changes_round(&self, account: AccountId, voice: AccountId) -> Option<u32> {
        let mut askers = self.of.askers.iter();
        askers
            .find(|asker| asker.is(account) || asker.is(voice))
            .map(|asker| asker.round)
    }

    /// That this account acts for nobody but who asked for changes.
    fn colleague_asked(&self, account: AccountId) -> Option<Eligibility> {
        let asker = self.barred?;
        let mut delegations = self.all.delegations.iter();
        let from = delegations
            .find(|it| it.to == account && asker.is(it.from))?
            .from;
        let mut people = self.all.people.iter();
        let colleague =
            people.find(|person| person.account == from && person.is_named(&self.of.gate.from))?;
        Some(Eligibility::ColleagueAskedForChanges {
            login: colleague.login.clone(),
            round: asker.round,
        })
    }

    /// Whose signatures this account could give in their place.
    fn voices(&self, account: AccountId) -> Vec<&'a Person> {
        let delegations = self.all.delegations.iter();
        let from: Vec<AccountId> = delegations
            .filter(|it| it.to == account && !self.of.requesters.contains(&it.from))
            .map(|it| it.from)
            .collect();
        if from.is_empty() {
            return Vec::new();
        }
        let able = self.able.iter().copied();
        able.filter(|person| from.contains(&person.account))
            .collect()
    }

    /// Everybody who may sign now, and whose signature each would give.
    pub fn asked(&self) -> Vec<Signature> {
        self.all
            .people
            .iter()
            .filter_map(|person| self.signature_of(person).ok())
            .collect()
    }

    /// Those whose own signature can still be given, by themselves or in their name: as many
    /// as can be given in all, whoever comes first.
    pub fn remaining(&self) -> Vec<&'a Person> {
        let mut wanted = Vec::new();
        let mut given_by_themselves = HashSet::new();
        let mut offers = Vec::new();
        for signature in self.asked() {
            if signature.on_behalf_of.is_none() {
                given_by_themselves.insert(signature.account);
            } else {
                offers.push(self.voices(signature.account));
            }
        }
        for person in &self.able {
            let is_heard = self.of.given.iter().any(|one| one.voice == person.account);
            if !is_heard && !given_by_themselves.contains(&person.account) {
                wanted.push(person.account);
            }
        }
        // Who acts for several gives one signature of theirs.
        let offers: Vec<Vec<usize>> = offers
            .iter()
            .map(|voices| {
                let places = voices.iter().filter_map(|person| {
                    wanted.iter().position(|account| *account == person.account)
                });
                places.collect()
            })
            .collect();
        let taken = reach::most_taken(&offers, wanted.len());
        let in_their_name: HashSet<AccountId> = wanted
            .into_iter()
            .zip(taken)
            .filter_map(|(account, taken)| taken.then_some(account))
            .collect();
        let mut able = self.able.clone();
        able.retain(|person| {
            given_by_themselves.contains(&person.account) || in_their_name.contains(&person.account)
        });
        able
    }
}

fn may_not_decide() -> Eligibility {
    Eligibility::MayNotDecide {
        why: "the account has no role that may decide".to_owned(),
    }
}

#[cfg(test)]
#[path = "circle_tests.rs"]
mod tests;
