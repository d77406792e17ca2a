//! Every key of a gate, both ways.

use super::policy::looser;
use crate::identity::Role;
use crate::plan::{
    CommentRule, EscalationStep, Gate, InputDefinition, InputKind, OnExpire, RefusalRule,
    RequesterRule, RiskLevel, RiskRule, Signer,
};
use crate::task::GatePhase;

fn gate() -> Gate {
    Gate::new(
        GatePhase::AfterResult,
        vec![Signer::Role(Role::Approver), group("release")],
    )
}

fn group(name: &str) -> Signer {
    Signer::Group(name.to_owned())
}

fn user(login: &str) -> Signer {
    Signer::User(login.to_owned())
}

fn with(change: impl FnOnce(&mut Gate)) -> Gate {
    let mut gate = gate();
    change(&mut gate);
    gate
}

fn rules(levels: &[(Option<&str>, RiskLevel)]) -> Vec<RiskRule> {
    levels
        .iter()
        .map(|(when, level)| RiskRule {
            when: when.map(str::to_owned),
            level: *level,
        })
        .collect()
}

fn asks(after_seconds: u64, to: Signer) -> EscalationStep {
    EscalationStep {
        after_seconds,
        to: vec![to],
    }
}

fn input(required: bool) -> InputDefinition {
    InputDefinition {
        name: "window".to_owned(),
        description: String::new(),
        kind: InputKind::String,
        required,
        default: None,
    }
}

/// One pair of gates: whether going from the first to the second is looser, and back.
struct Row {
    key: &'static str,
    first: Gate,
    second: Gate,
    there: bool,
    back: bool,
}

fn row(key: &'static str, first: Gate, second: Gate, there: bool, back: bool) -> Row {
    Row {
        key,
        first,
        second,
        there,
        back,
    }
}

fn who() -> Vec<Row> {
    let some = || "diff_size > 5".to_owned();
    let other = || "diff_size > 6".to_owned();
    vec![
        row(
            "phase",
            gate(),
            with(|g| g.phase = GatePhase::BeforeStart),
            true,
            true,
        ),
        row("when", gate(), with(|g| g.when = Some(some())), true, false),
        row(
            "when, another",
            with(|g| g.when = Some(some())),
            with(|g| g.when = Some(other())),
            true,
            true,
        ),
        row(
            "from, one more",
            gate(),
            with(|g| g.from.push(user("me@example.org"))),
            true,
            false,
        ),
        row(
            "from, in another order",
            gate(),
            with(|g| g.from.reverse()),
            false,
            false,
        ),
        row(
            "from, somebody else",
            with(|g| g.from = vec![user("a@example.org")]),
            with(|g| g.from = vec![user("b@example.org")]),
            true,
            true,
        ),
        row(
            "from, fewer people, so that one may be left to sign alone",
            with(|g| g.from = vec![user("a@example.org"), user("b@example.org")]),
            with(|g| g.from = vec![user("a@example.org")]),
            true,
            true,
        ),
        row("required", gate(), with(|g| g.required = 2), false, true),
        row(
            "requester",
            gate(),
            with(|g| g.requester = RequesterRule::Allowed),
            true,
            false,
        ),
        row(
            "comment, required",
            gate(),
            with(|g| g.comment = CommentRule::Required),
            false,
            true,
        ),
        row(
            "comment, optional",
            gate(),
            with(|g| g.comment = CommentRule::Optional),
            true,
            false,
        ),
        row(
            "refusal",
            gate(),
            with(|g| g.refusal = RefusalRule::Majority),
            true,
            false,
        ),
    ]
}

fn time() -> Vec<Row> {
    vec![
        row(
            "expires",
            with(|g| g.expires_seconds = Some(60)),
            with(|g| g.expires_seconds = Some(120)),
            true,
            false,
        ),
        row(
            "expires, never",
            with(|g| g.expires_seconds = Some(60)),
            gate(),
            true,
            false,
        ),
        row(
            "on_expire",
            gate(),
            with(|g| g.on_expire = OnExpire::Escalate),
            true,
            false,
        ),
        row(
            "remind",
            gate(),
            with(|g| g.remind_seconds = Some(60)),
            false,
            false,
        ),
        row(
            "escalate",
            gate(),
            with(|g| g.escalate = vec![asks(60, group("leads"))]),
            true,
            false,
        ),
        row(
            "escalate, sooner",
            with(|g| g.escalate = vec![asks(120, group("leads"))]),
            with(|g| g.escalate = vec![asks(60, group("leads"))]),
            true,
            false,
        ),
        row(
            "escalate, to those asked anyway",
            gate(),
            with(|g| g.escalate = vec![asks(60, group("release"))]),
            false,
            false,
        ),
        row(
            "escalate at the end of a shorter time",
            with(|g| {
                g.escalate = vec![asks(60, group("leads"))];
                g.on_expire = OnExpire::Escalate;
                g.expires_seconds = Some(600);
            }),
            with(|g| {
                g.escalate = vec![asks(60, group("leads"))];
                g.on_expire = OnExpire::Escalate;
                g.expires_seconds = Some(300);
            }),
            true,
            true,
        ),
    ]
}

fn judged() -> Vec<Row> {
    let small = Some("diff_size < 5");
    vec![
        row(
            "inputs",
            gate(),
            with(|g| g.inputs = vec![input(true)]),
            true,
            true,
        ),
        row(
            "inputs, of another shape",
            with(|g| g.inputs = vec![input(true)]),
            with(|g| g.inputs = vec![input(false)]),
            true,
            true,
        ),
        row(
            "risk, for one signature",
            gate(),
            with(|g| g.risk = rules(&[(small, RiskLevel::Auto)])),
            true,
            true,
        ),
        row(
            "risk, for two signatures",
            with(|g| g.required = 2),
            with(|g| g.risk = rules(&[(small, RiskLevel::One)])),
            true,
            false,
        ),
        row(
            "risk, a level",
            with(|g| g.risk = rules(&[(small, RiskLevel::One), (None, RiskLevel::Two)])),
            with(|g| g.risk = rules(&[(small, RiskLevel::Auto), (None, RiskLevel::Two)])),
            true,
            false,
        ),
        row(
            "risk, a condition",
            with(|g| g.risk = rules(&[(small, RiskLevel::One)])),
            with(|g| g.risk = rules(&[(Some("diff_size < 9"), RiskLevel::One)])),
            true,
            true,
        ),
        row(
            "risk, a rule in front",
            with(|g| g.risk = rules(&[(small, RiskLevel::One)])),
            with(|g| g.risk = rules(&[(Some("true"), RiskLevel::Two), (small, RiskLevel::One)])),
            true,
            true,
        ),
        row("rounds", gate(), with(|g| g.rounds = 4), true, false),
    ]
}

#[test]
fn each_key_counts_in_the_direction_that_asks_less() {
    for row in who().into_iter().chain(time()).chain(judged()) {
        let Row {
            key,
            first,
            second,
            there,
            back,
        } = row;
        assert_ne!(first, second, "{key}: the row compares a gate with itself");
        assert_eq!(!looser(&first, &second).is_empty(), there, "{key}, there");
        assert_eq!(!looser(&second, &first).is_empty(), back, "{key}, back");
        assert_eq!(looser(&first, &first), Vec::<String>::new(), "{key}");
        assert_eq!(looser(&second, &second), Vec::<String>::new(), "{key}");
    }
}

#[test]
fn fewer_names_are_stricter_where_every_approver_is_left() {
    let named = with(|g| g.from.push(user("a@example.org")));
    assert_eq!(looser(&named, &gate()), Vec::<String>::new());
    let alone = with(|g| g.from = vec![user("a@example.org")]);
    let both = with(|g| g.from = vec![user("a@example.org"), user("b@example.org")]);
    let lost = looser(&both, &alone);
    assert!(
        lost.iter().any(|why| why.contains("only one left")),
        "{lost:?}"
    );
    let allowed = |mut gate: Gate| {
        gate.requester = RequesterRule::Allowed;
        gate
    };
    assert_eq!(
        looser(&allowed(both), &allowed(alone)),
        Vec::<String>::new()
    );
}
