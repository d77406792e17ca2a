//! Everybody around a request: who could ever sign it, for whom, and who has answered.
//!
//! Whether a person may sign and whom the request is put to follow from one rule,
//! [`Circle::signature`], so that nobody is asked who would be refused.

use std::collections::{HashMap, HashSet};

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
        let able = signers(&all.people, gate, requesters);
        Self {
            able_accounts: able.iter().map(|person| person.account).collect(),
            able,
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
        if let Some(one) = self.given.iter().find(|one| one.account == account) {
            let on_behalf_of = one.on_behalf_of.clone();
            return Err(Eligibility::Answered { on_behalf_of });
        }
        let asked_for_it = self.requesters.contains(&account);
        if self.able_accounts.contains(&account) {
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
        let voices = self.voices(account);
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
    fn voices(&self, account: AccountId) -> Vec<&'a Person> {
        let delegations = self.all.delegations.iter();
        let from: Vec<AccountId> = delegations
            .filter(|it| it.to == account && !self.requesters.contains(&it.from))
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

    /// Those whose own signature can still be given, by themselves or in their name.
    pub fn remaining(&self) -> Vec<&'a Person> {
        let heard: HashSet<AccountId> = self.asked().iter().map(Signature::voice).collect();
        self.able
            .iter()
            .copied()
            .filter(|person| heard.contains(&person.account))
            .collect()
    }
}

fn may_not_decide() -> Eligibility {
    Eligibility::MayNotDecide {
        why: "the account has no role that may decide".to_owned(),
    }
}

/// An answer that counts.
pub(crate) struct Given {
    pub account: AccountId,
    /// Whose signature it was.
    pub voice: AccountId,
    pub by: String,
    pub on_behalf_of: Option<String>,
}

/// The answers to these requests so far.
pub(crate) async fn given_to(
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
pub(crate) async fn given(
    connection: &mut PgConnection,
    approval: ApprovalId,
) -> Result<Vec<Given>> {
    let mut given = given_to(connection, &[approval]).await?;
    Ok(given.remove(&approval).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use model::identity::Role;
    use model::task::GatePhase;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};

    use super::*;

    /// The accounts that anything may name; the last ones are nobody's.
    const ACCOUNTS: i64 = 6;

    fn any_account() -> impl Strategy<Value = AccountId> {
        (1..=ACCOUNTS).prop_map(AccountId)
    }

    /// What a policy may ask for.
    fn entries() -> Vec<Signer> {
        vec![
            Signer::Role(Role::Approver),
            Signer::Role(Role::Admin),
            Signer::Group("release".to_owned()),
            Signer::User("person 1".to_owned()),
        ]
    }

    /// People with these roles, some of them in the group `release`: account 1 and on.
    fn people(them: &[(Vec<Role>, bool)], delegations: &[(AccountId, AccountId)]) -> People {
        let people = (1..).zip(them).map(|(account, (roles, in_group))| Person {
            account: AccountId(account),
            login: format!("person {account}"),
            roles: roles.clone(),
            groups: in_group.then(|| "release".to_owned()).into_iter().collect(),
        });
        let delegations = delegations.iter().map(|(from, to)| Delegation {
            from: *from,
            to: *to,
        });
        People {
            people: people.collect(),
            delegations: delegations.collect(),
        }
    }

    /// An answer that the first account gave with the second one's signature.
    fn answer((account, voice): &(AccountId, AccountId)) -> Given {
        Given {
            account: *account,
            voice: *voice,
            by: format!("person {account}"),
            on_behalf_of: (account != voice).then(|| format!("person {voice}")),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whoever the people are, and whatever was answered.
        #[test]
        fn those_are_asked_who_may_sign_and_whose_signature_is_still_wanted(
            them in vec((subsequence(Role::ALL.to_vec(), 0..=2), any::<bool>()), 1..6),
            delegations in vec((any_account(), any_account()), 0..6),
            answers in vec((any_account(), any_account()), 0..4),
            requesters in vec(any_account(), 0..3),
            from in subsequence(entries(), 1..=2),
            requester in select(vec![RequesterRule::Forbidden, RequesterRule::Allowed]),
        ) {
            let all = people(&them, &delegations);
            let gate = Gate { requester, ..Gate::new(GatePhase::AfterResult, from) };
            let given: Vec<Given> = answers.iter().map(answer).collect();
            let circle = Circle::new(&all, &gate, &requesters, &given);
            let asked = circle.asked();

            let accounts: Vec<AccountId> = asked.iter().map(|signature| signature.account).collect();
            let may_sign: Vec<AccountId> =
                (1..=ACCOUNTS).map(AccountId).filter(|account| circle.signature(*account).is_ok()).collect();
            prop_assert_eq!(&accounts, &may_sign);

            let is_heard = |voice: AccountId| given.iter().any(|one| one.voice == voice);
            let has_answered = |account: AccountId| given.iter().any(|one| one.account == account);
            let others_could = all
                .people
                .iter()
                .any(|person| person.is_named(&gate.from) && !requesters.contains(&person.account));
            for signature in &asked {
                let (account, voice) = (signature.account, signature.voice());
                prop_assert!(!has_answered(account), "{} has answered", account);
                prop_assert!(
                    !requesters.contains(&account) || requester == RequesterRule::Allowed || !others_could,
                    "{} asked for the run", account
                );
                prop_assert!(circle.able.iter().any(|person| person.account == voice), "{} does not count", voice);
                prop_assert!(!is_heard(voice), "{} has been heard", voice);
                prop_assert!(
                    account == voice || (delegations.contains(&(voice, account)) && !requesters.contains(&voice)),
                    "{} cannot sign for {}", account, voice
                );
            }
            // Nobody is forgotten: whose signature counts is asked for it.
            for person in &circle.able {
                let account = person.account;
                prop_assert!(
                    has_answered(account) || is_heard(account) || accounts.contains(&account),
                    "{} is not asked", account
                );
            }
        }
    }
}
