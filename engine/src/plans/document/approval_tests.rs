//! The policy of an approval, key by key.

use model::identity::Role;
use model::plan::{
    ChangesAskerRule, CommentRule, Gate, OnExpire, RefusalRule, RequesterRule, RiskLevel, Signer,
};

use super::parse;
use super::tests::refused;

fn gate(keys: &str) -> String {
    format!("plan: p\ntasks:\n  a:\n    run: [x]\n    approval:\n{keys}")
}

fn read(keys: &str) -> Gate {
    parse(&gate(keys)).expect("the plan is right").tasks[0]
        .approval
        .clone()
        .expect("a gate")
}

#[test]
fn every_key_is_read() {
    let gate = read(
        r#"      when: outputs_uri.contains("/pull/")
      from: [role:approver, group:release, "user:Lead@Example.org"]
      requester: allowed
      changes_asker: forbidden
      comment: required on reject
      refusal: majority
      expires: 72h
      on_expire: escalate
      remind: 4h
      escalate:
        - {after: 4h, to: [group:leads]}
        - {after: 24h, to: [role:admin]}
      inputs:
        window: {type: choice, choices: [tonight, tomorrow], required: true}
      risk:
        - {when: "diff_size < 20 && changed_paths.all(p, p.startsWith('docs/'))", level: auto}
        - {when: "cost < 1.5", level: one}
        - {level: two}
      rounds: 2
"#,
    );
    assert_eq!(
        gate.from,
        [
            Signer::Role(Role::Approver),
            Signer::Group("release".to_owned()),
            Signer::User("lead@example.org".to_owned()),
        ]
    );
    assert_eq!(gate.requester, RequesterRule::Allowed);
    assert_eq!(gate.changes_asker, ChangesAskerRule::Forbidden);
    assert_eq!(gate.comment, CommentRule::RequiredOnReject);
    assert_eq!(gate.refusal, RefusalRule::Majority);
    assert_eq!(gate.expires_seconds, Some(72 * 3600));
    assert_eq!(gate.on_expire, OnExpire::Escalate);
    assert_eq!(gate.remind_seconds, Some(4 * 3600));
    let chain: Vec<u64> = gate
        .escalate
        .iter()
        .map(|step| step.after_seconds)
        .collect();
    assert_eq!(chain, [4 * 3600, 24 * 3600]);
    assert_eq!(gate.inputs[0].name, "window");
    let levels: Vec<RiskLevel> = gate.risk.iter().map(|rule| rule.level).collect();
    assert_eq!(levels, [RiskLevel::Auto, RiskLevel::One, RiskLevel::Two]);
    assert_eq!(gate.rounds, 2);
}

#[test]
fn a_short_one_has_safe_defaults() {
    let gate = read("      expires: 1h\n");
    assert_eq!(gate.from, [Signer::Role(Role::Approver)]);
    assert_eq!(gate.required, 1);
    assert_eq!(gate.requester, RequesterRule::Forbidden);
    assert_eq!(gate.changes_asker, ChangesAskerRule::Allowed);
    assert_eq!(gate.comment, CommentRule::RequiredOnReject);
    assert_eq!(gate.refusal, RefusalRule::One);
    assert_eq!(gate.on_expire, OnExpire::Reject);
}

#[test]
fn what_cannot_be_is_named() {
    for (keys, words) in [
        ("      required: 21\n", "at most 20 signatures"),
        (
            "      required: 2\n      risk: [{level: one}]\n",
            "say how many must sign",
        ),
        (
            "      risk: [{level: one}, {when: 'exit_code == 0', level: two}]\n",
            "it matches always",
        ),
        (
            "      risk: [{when: 'nonsense > 1', level: two}]\n",
            "not 'nonsense'",
        ),
        ("      risk: [{level: three}]\n", "three"),
        (
            "      escalate: [{after: 4h, to: [role:admin]}, {after: 2h, to: [role:admin]}]\n",
            "longer time",
        ),
        (
            "      escalate: [{after: 4h, to: []}]\n",
            "nobody could sign",
        ),
        ("      on_expire: reject\n", "at the end of 'expires'"),
        ("      on_expire: approve\n      expires: 3h\n", "approve"),
        ("      remind: 5s\n", "between 1m and 366d"),
        ("      rounds: 99\n", "at most 20 times"),
        ("      from: [group:Not A Name]\n", "a group's name"),
        (
            "      from: [someone]\n",
            "role:approver, group:NAME or user:LOGIN",
        ),
        (
            "      inputs: {Window: {type: string}}\n",
            "an input's name",
        ),
    ] {
        refused(&gate(keys), "", words);
    }
}
