//! Whoever the people are: who is asked, who may sign, and how many can.

use model::identity::Role;
use model::plan::ChangesAskerRule;
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

/// The rounds of changes of these answers, of which the last is the newest.
fn rounds(answers: &[(AccountId, AccountId)]) -> Vec<Asker> {
    let numbered = (1..).zip(answers).map(|(round, (account, voice))| Asker {
        account: *account,
        voice: *voice,
        round,
    });
    let mut askers: Vec<Asker> = numbered.collect();
    askers.reverse();
    askers
}

/// As many signatures as can come, by trying every order in which people come.
fn most_by_trying(all: &People, about: About<'_>) -> usize {
    let signatures = Circle::new(all, about).asked();
    let next = signatures.iter().map(|signature| {
        let mut given: Vec<Given> = about.given.iter().map(again).collect();
        given.push(answer(&(signature.account, signature.voice())));
        let after = About {
            given: &given,
            ..about
        };
        1 + most_by_trying(all, after)
    });
    next.max().unwrap_or(0)
}

fn again(one: &Given) -> Given {
    answer(&(one.account, one.voice))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// One person may act for several, and several for one: what can still be given is what
    /// comes at most, whoever comes first.
    #[test]
    fn as_many_remain_as_can_still_sign(
        them in vec((subsequence(Role::ALL.to_vec(), 0..=2), any::<bool>()), 1..6),
        delegations in vec((any_account(), any_account()), 0..8),
        answers in vec((any_account(), any_account()), 0..4),
        requesters in vec(any_account(), 0..2),
        changes in vec((any_account(), any_account()), 0..2),
        from in subsequence(entries(), 1..=2),
        required in 1_u32..3,
    ) {
        let all = people(&them, &delegations);
        let gate = Gate { required, ..Gate::new(GatePhase::AfterResult, from) };
        let given: Vec<Given> = answers.iter().map(answer).collect();
        let askers = rounds(&changes);
        let about = About { gate: &gate, requesters: &requesters, askers: &askers, given: &given };
        let remaining = Circle::new(&all, about).remaining();
        prop_assert_eq!(remaining.len(), most_by_trying(&all, about));
        for person in remaining {
            prop_assert!(given.iter().all(|one| one.voice != person.account), "{} was heard", person.login);
        }
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
        changes in vec((any_account(), any_account()), 0..3),
        changes_asker in select(vec![ChangesAskerRule::Forbidden, ChangesAskerRule::Allowed]),
        required in 1_u32..4,
    ) {
        let all = people(&them, &delegations);
        let gate = Gate { requester, changes_asker, required, ..Gate::new(GatePhase::AfterResult, from) };
        let given: Vec<Given> = answers.iter().map(answer).collect();
        let askers = rounds(&changes);
        let about = About { gate: &gate, requesters: &requesters, askers: &askers, given: &given };
        let circle = Circle::new(&all, about);
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
            // Who asked for changes signs what came of them in nobody's name, and nobody in
            // theirs, where they wrote a part of what others trust to several; the record says
            // where they may.
            let asked = |asker: &&(AccountId, AccountId)| {
                [asker.0, asker.1].iter().any(|it| [account, voice].contains(it))
            };
            prop_assert!(
                !changes.last().is_some_and(|asker| asked(&asker))
                    || (changes_asker == ChangesAskerRule::Allowed && required == 1),
                "{} asked for what {} signs for {}", account, account, voice
            );
            let mark = (1..).zip(&changes).filter(|(_, asker)| asked(asker)).map(|(round, _)| round).last();
            prop_assert_eq!(signature.changes_round, mark);
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
