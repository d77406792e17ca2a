use model::identity::{Permission, Role};
use model::plan::{Gate, Signer};
use model::task::GatePhase;

use super::super::duration;
use super::super::source::Step;
use super::super::types::{ApprovalDocument, AtWord};
use super::{Findings, at, nth};
use crate::plans::condition;

/// No request stays open for longer.
const MAX_EXPIRES_SECONDS: u64 = 366 * 24 * 60 * 60;

pub(super) fn check(findings: &mut Findings, path: &[Step], document: ApprovalDocument) -> Gate {
    if let Some(when) = &document.when {
        findings.take(&at(path, "when"), condition::check_gate(when));
    }
    let required = document.required.unwrap_or(1);
    if required == 0 {
        findings.add(
            &at(path, "required"),
            "an approval needs a signature; write 1, or remove 'approval'",
        );
    } else if required > 1 {
        findings.add(
            &at(path, "required"),
            "more than one signature is not available yet; write 1",
        );
    }
    let expires_seconds = document.expires.and_then(|text| {
        let path = at(path, "expires");
        let seconds = findings.take(&path, duration::seconds(&text))?;
        if !(60..=MAX_EXPIRES_SECONDS).contains(&seconds) {
            findings.add(&path, "a request stays open between 1m and 366d");
        }
        Some(seconds)
    });
    Gate {
        phase: match document.at {
            Some(AtWord::Start) => GatePhase::BeforeStart,
            Some(AtWord::Result) | None => GatePhase::AfterResult,
        },
        when: document.when,
        from: signers(findings, &at(path, "from"), document.from),
        required,
        expires_seconds,
    }
}

fn signers(findings: &mut Findings, path: &[Step], from: Option<Vec<String>>) -> Vec<Signer> {
    let Some(from) = from else {
        return vec![Signer::Role(Role::Approver)];
    };
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
        Some(("user" | "group", _)) => {
            Err("single users and groups are not available yet; write role:approver".to_owned())
        }
        Some(_) | None => Err("write who may sign as a role, such as role:approver".to_owned()),
    }
}
