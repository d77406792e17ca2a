//! The settings of answers.

use engine::settings::{ApprovalSettings, WithoutDigest};
use model::identity::Role;
use model::plan::RequesterRule;

use super::{Reader, parse};

pub(super) fn approvals(reader: &mut Reader<'_>) -> ApprovalSettings {
    let usual = ApprovalSettings::default();
    ApprovalSettings {
        reported_signers: reader.or("approvals.reported", usual.reported_signers, roles),
        reported_requester: reader.or(
            "approvals.reported_requester",
            usual.reported_requester,
            requester,
        ),
        native_without_digest: reader.or(
            "approvals.native_without_digest",
            usual.native_without_digest,
            without_digest,
        ),
        reported_without_digest: reader.or(
            "approvals.reported_without_digest",
            usual.reported_without_digest,
            without_digest,
        ),
    }
}

fn roles(text: &str) -> Result<Vec<Role>, String> {
    parse::list(text)
        .iter()
        .map(|item| item.parse().map_err(|error| format!("{error}")))
        .collect()
}

fn requester(text: &str) -> Result<RequesterRule, String> {
    match text {
        "forbidden" => Ok(RequesterRule::Forbidden),
        "allowed" => Ok(RequesterRule::Allowed),
        _ => Err(format!("'{text}' is unknown; write forbidden or allowed")),
    }
}

fn without_digest(text: &str) -> Result<WithoutDigest, String> {
    match text {
        "refuse" => Ok(WithoutDigest::Refuse),
        "blind" => Ok(WithoutDigest::Blind),
        _ => Err(format!("'{text}' is unknown; write refuse or blind")),
    }
}
