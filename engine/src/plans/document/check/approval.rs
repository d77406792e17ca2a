use model::identity::{Permission, Role};
use model::plan::{
    ChangesAskerRule, CommentRule, EscalationStep, Gate, OnExpire, RefusalRule, RequesterRule,
    RiskLevel, RiskRule, Signer,
};
use model::task::GatePhase;

use super::super::duration;
use super::super::source::Step;
use super::super::types::{
    ApprovalDocument, AtWord, ChangesAskerWord, CommentWord, EscalationDocument, OnExpireWord,
    RefusalWord, RequesterWord, RiskDocument, RiskWord,
};
use super::{Findings, at, inputs, names, nth};
use crate::plans::condition;

/// No request stays open for longer.
const MAX_EXPIRES_SECONDS: u64 = 366 * 24 * 60 * 60;
/// More signatures than this would never come together.
const MAX_REQUIRED: u32 = 20;
const MAX_ROUNDS: u32 = 20;

pub(super) fn check(findings: &mut Findings, path: &[Step], document: ApprovalDocument) -> Gate {
    let phase = match document.at {
        Some(AtWord::Start) => GatePhase::BeforeStart,
        Some(AtWord::Result) | None => GatePhase::AfterResult,
    };
    if let Some(when) = &document.when {
        findings.take(&at(path, "when"), check_condition(phase, when));
    }
    let rounds = document.rounds.unwrap_or(Gate::DEFAULT_ROUNDS);
    if rounds > MAX_ROUNDS {
        findings.add(
            &at(path, "rounds"),
            format!("changes can be asked for at most {MAX_ROUNDS} times"),
        );
    }
    let expires_seconds = time(findings, &at(path, "expires"), document.expires.as_deref());
    let on_expire = match document.on_expire {
        Some(OnExpireWord::Escalate) => OnExpire::Escalate,
        Some(OnExpireWord::Reject) | None => OnExpire::Reject,
    };
    if on_expire == OnExpire::Escalate && document.escalate.is_empty() {
        findings.add(
            &at(path, "on_expire"),
            "there is nobody to escalate to; add 'escalate', such as [{after: 4h, to: [role:admin]}]",
        );
    }
    if document.on_expire.is_some() && expires_seconds.is_none() {
        findings.add(
            &at(path, "on_expire"),
            "it says what happens at the end of 'expires'; add that, such as 72h",
        );
    }
    let gate = Gate {
        phase,
        when: document.when,
        required: required(findings, path, document.required, !document.risk.is_empty()),
        requester: match document.requester {
            Some(RequesterWord::Allowed) => RequesterRule::Allowed,
            Some(RequesterWord::Forbidden) | None => RequesterRule::Forbidden,
        },
        changes_asker: match document.changes_asker {
            Some(ChangesAskerWord::Forbidden) => ChangesAskerRule::Forbidden,
            Some(ChangesAskerWord::Allowed) | None => ChangesAskerRule::Allowed,
        },
        comment: match document.comment {
            Some(CommentWord::Required) => CommentRule::Required,
            Some(CommentWord::Optional) => CommentRule::Optional,
            Some(CommentWord::RequiredOnReject) | None => CommentRule::RequiredOnReject,
        },
        refusal: match document.refusal {
            Some(RefusalWord::Majority) => RefusalRule::Majority,
            Some(RefusalWord::One) | None => RefusalRule::One,
        },
        expires_seconds,
        on_expire,
        remind_seconds: time(findings, &at(path, "remind"), document.remind.as_deref()),
        escalate: escalation(findings, &at(path, "escalate"), document.escalate),
        inputs: inputs::check_at(findings, &at(path, "inputs"), document.inputs, false),
        risk: risk(findings, &at(path, "risk"), phase, document.risk),
        rounds,
        from: match document.from {
            None => vec![Signer::Role(Role::Approver)],
            Some(from) => signers(findings, &at(path, "from"), &from),
        },
    };
    enough_people(findings, path, &gate);
    gate
}

fn required(findings: &mut Findings, path: &[Step], given: Option<u32>, by_risk: bool) -> u32 {
    let path = at(path, "required");
    match given {
        Some(0) => findings.add(
            &path,
            "an approval needs a signature; write 1, or remove 'approval'",
        ),
        Some(many) if many > MAX_REQUIRED => findings.add(
            &path,
            format!("at most {MAX_REQUIRED} signatures can be asked for"),
        ),
        Some(_) if by_risk => findings.add(
            &path,
            "the rules of 'risk' say how many must sign; remove 'required' or 'risk'",
        ),
        Some(_) | None => {}
    }
    given.unwrap_or(1)
}

/// Single people can be counted; roles and groups may grow.
fn enough_people(findings: &mut Findings, path: &[Step], gate: &Gate) {
    let mut people: Vec<&String> = Vec::new();
    for signer in &gate.from {
        match signer {
            Signer::User(login) => people.push(login),
            Signer::Role(_) | Signer::Group(_) => return,
        }
    }
    people.sort();
    people.dedup();
    let most = usize::try_from(gate.most_required()).unwrap_or(usize::MAX);
    if !people.is_empty() && people.len() < most {
        findings.add(
            &at(path, "from"),
            format!(
                "{most} must sign, and only {} may; name more people, a group or a role",
                people.len()
            ),
        );
    }
}

fn time(findings: &mut Findings, path: &[Step], text: Option<&str>) -> Option<u64> {
    let seconds = findings.take(path, duration::seconds(text?))?;
    if !(60..=MAX_EXPIRES_SECONDS).contains(&seconds) {
        findings.add(path, "write a time between 1m and 366d");
    }
    Some(seconds)
}

fn escalation(
    findings: &mut Findings,
    path: &[Step],
    documents: Vec<EscalationDocument>,
) -> Vec<EscalationStep> {
    if documents.len() > 10 {
        findings.add(path, "a chain has at most 10 steps");
    }
    let mut last = 0;
    let mut steps = Vec::new();
    for (index, document) in documents.into_iter().enumerate() {
        let path = nth(path, index);
        let after = time(findings, &at(&path, "after"), Some(&document.after));
        if let Some(after) = after {
            if after <= last {
                findings.add(
                    &at(&path, "after"),
                    "steps follow each other: write a longer time than the step before has",
                );
            }
            last = after;
        }
        steps.push(EscalationStep {
            after_seconds: after.unwrap_or_default(),
            to: signers(findings, &at(&path, "to"), &document.to),
        });
    }
    steps
}

/// Before a start there is no result that a condition could look at.
fn check_condition(phase: GatePhase, when: &str) -> Result<(), String> {
    match phase {
        GatePhase::AfterResult => condition::check_gate(when),
        GatePhase::BeforeStart => condition::check_task(when),
    }
}

fn risk(
    findings: &mut Findings,
    path: &[Step],
    phase: GatePhase,
    documents: Vec<RiskDocument>,
) -> Vec<RiskRule> {
    if documents.len() > 50 {
        findings.add(path, "a gate has at most 50 rules of risk");
    }
    let count = documents.len();
    let mut rules = Vec::new();
    for (index, document) in documents.into_iter().enumerate() {
        let path = nth(path, index);
        match &document.when {
            Some(when) => {
                findings.take(&at(&path, "when"), check_condition(phase, when));
            }
            None if index + 1 < count => findings.add(
                &path,
                "it matches always, so those after it never would; give it a 'when' or move it to the end",
            ),
            None => {}
        }
        rules.push(RiskRule {
            when: document.when,
            level: match document.level {
                RiskWord::Auto => RiskLevel::Auto,
                RiskWord::One => RiskLevel::One,
                RiskWord::Two => RiskLevel::Two,
            },
        });
    }
    rules
}

fn signers(findings: &mut Findings, path: &[Step], from: &[String]) -> Vec<Signer> {
    if from.is_empty() {
        findings.add(
            path,
            "nobody could sign; write who may, such as [role:approver]",
        );
    }
    from.iter()
        .enumerate()
        .filter_map(|(index, text)| findings.take(&nth(path, index), signer(text)))
        .collect()
}

fn signer(text: &str) -> Result<Signer, String> {
    match text.split_once(':') {
        Some(("role", role)) => {
            let role: Role = role.parse().map_err(|error| format!("{error}"))?;
            if role.grants(Permission::Decide) {
                Ok(Signer::Role(role))
            } else {
                Err(format!(
                    "the role {role} may not sign; write role:approver or role:admin"
                ))
            }
        }
        Some(("group", name)) => {
            names::name("a group's name", name)?;
            Ok(Signer::Group(name.to_owned()))
        }
        Some(("user", login)) if !login.trim().is_empty() && login.len() <= 128 => {
            Ok(Signer::User(login.trim().to_lowercase()))
        }
        Some(_) | None => {
            Err("write who may sign as role:approver, group:NAME or user:LOGIN".to_owned())
        }
    }
}
