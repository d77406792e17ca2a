//! Compares the policies of two gates, key by key.

use super::super::{
    ChangesAskerRule, CommentRule, Gate, OnExpire, RefusalRule, RequesterRule, RiskLevel, RiskRule,
    Signer,
};
use crate::identity::Role;

/// Returns what `now` is looser in than `former`, each as the end of a sentence about the
/// gate; empty where it is at least as strict in every key.
///
/// A change whose effect is not known is looser. Both gates are taken apart key by key, so that
/// a new key does not compile until it is judged here.
pub(super) fn looser(former: &Gate, now: &Gate) -> Vec<String> {
    let Gate {
        phase,
        when,
        from,
        required,
        requester,
        changes_asker,
        comment,
        refusal,
        expires_seconds,
        on_expire,
        // Being reminded less changes nothing about who signs.
        remind_seconds: _,
        escalate,
        inputs,
        risk,
        rounds,
    } = now;
    let mut found = Vec::new();
    if *phase != former.phase {
        found.push("it stands at another place than before".to_owned());
    }
    if when.is_some() && *when != former.when {
        found.push(match &former.when {
            None => "it stops only where a condition holds, and stopped always".to_owned(),
            Some(_) => "the condition by which it stops is another one".to_owned(),
        });
    }
    found.extend(wider(former, from));
    found.extend(fewer(former, *required, risk));
    if *requester == RequesterRule::Allowed && former.requester == RequesterRule::Forbidden {
        found.push("whoever asked for the run may sign it".to_owned());
    }
    if *changes_asker == ChangesAskerRule::Allowed
        && former.changes_asker == ChangesAskerRule::Forbidden
    {
        found.push("whoever asked for changes may sign what comes of them".to_owned());
    }
    if comments(*comment) < comments(former.comment) {
        found.push("a comment is asked for less often".to_owned());
    }
    if *refusal == RefusalRule::Majority && former.refusal == RefusalRule::One {
        found.push("one refusal does not end it any more".to_owned());
    }
    if let Some(before) = former.expires_seconds
        && expires_seconds.is_none_or(|after| after > before)
    {
        found.push("a request stays open for longer".to_owned());
    }
    if *on_expire == OnExpire::Escalate && former.on_expire == OnExpire::Reject {
        found.push("the end of its time does not refuse any more".to_owned());
    }
    if sooner(former, now) {
        found.push(format!(
            "{} may be asked besides, or sooner",
            listed(escalate.iter().flat_map(|step| &step.to))
        ));
    }
    if *inputs != former.inputs {
        found.push("it asks for other values".to_owned());
    }
    if *rounds > former.rounds {
        found.push("changes may be asked for more often".to_owned());
    }
    found
}

/// Names those who may sign now and might not before; or tells that too few are left.
fn wider(former: &Gate, from: &[Signer]) -> Option<String> {
    let mut added = from
        .iter()
        .filter(|signer| !former.from.contains(signer))
        .peekable();
    if added.peek().is_some() {
        return Some(format!("{} may sign as well", listed(added)));
    }
    // Where nobody but the requester is left, they sign alone; so fewer names are no stricter
    // unless every approver is still among them.
    let lost = former.from.iter().any(|signer| !from.contains(signer));
    let all = from.contains(&Signer::Role(Role::Approver));
    (lost && !all && former.requester == RequesterRule::Forbidden).then(|| {
        "fewer may sign it, and the requester does where they are the only one left".to_owned()
    })
}

/// Tells if fewer signatures might do.
fn fewer(former: &Gate, required: u32, risk: &[RiskRule]) -> Option<String> {
    match (former.risk.is_empty(), risk.is_empty()) {
        (true, true) => (required < former.required).then(|| {
            format!(
                "it needs {required} of {} signatures that it needed",
                former.required
            )
        }),
        (true, false) => Some("rules of risk say how many must sign".to_owned()),
        (false, true) => (required < RiskLevel::STRICTEST.signatures())
            .then(|| "it needs fewer signatures than the rules of risk could ask for".to_owned()),
        (false, false) => {
            let raised = former.risk.len() == risk.len()
                && former.risk.iter().zip(risk).all(|(before, after)| {
                    before.when == after.when && before.level <= after.level
                });
            (!raised).then(|| "its rules of risk are other ones".to_owned())
        }
    }
}

const fn comments(rule: CommentRule) -> u8 {
    match rule {
        CommentRule::Optional => 0,
        CommentRule::RequiredOnReject => 1,
        CommentRule::Required => 2,
    }
}

/// Tells if anybody is asked who was not, or earlier than before.
fn sooner(former: &Gate, now: &Gate) -> bool {
    // Here the end of the time asks the next step, so each of its parts moves the others.
    if now.on_expire == OnExpire::Escalate
        && (now.escalate != former.escalate || now.expires_seconds < former.expires_seconds)
    {
        return true;
    }
    now.escalate.iter().any(|step| {
        step.to.iter().any(|signer| {
            !former.from.contains(signer)
                && !former.escalate.iter().any(|before| {
                    before.after_seconds <= step.after_seconds && before.to.contains(signer)
                })
        })
    })
}

fn listed<'a>(signers: impl Iterator<Item = &'a Signer>) -> String {
    let mut names: Vec<String> = signers.map(Signer::to_string).collect();
    names.dedup();
    names.join(", ")
}
