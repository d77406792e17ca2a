//! Moving from one key for everything: a reporter and pages that share it.

use model::plan::RequesterRule;

use crate::{Engine, Result};

/// What there is to choose, where reporters and those who sign may share a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneKey {
    /// Somebody must choose, or nothing that the key reports is signed with it.
    pub open: bool,
    /// What holds, and which of the two to choose.
    pub sentence: String,
}

/// The two ways out.
const CHOICE: &str = "give the reporter a token whose only scope is report (watchbill token create), or, \
     where it cannot have one of its own, set approvals.reported_requester = allowed (docs/API.md, moving from one key)";

/// What somebody needs who moves from one key, by the tokens and settings as they are.
///
/// # Errors
/// When the database cannot be read.
pub async fn one_key(engine: &Engine) -> Result<OneKey> {
    let shared = sqlx::query!(
        r#"SELECT t.name, a.login FROM tokens t JOIN accounts a ON a.id = t.account_id
           WHERE t.scopes @> ARRAY['report', 'decide'] AND t.revoked_at IS NULL
             AND (t.expires_at IS NULL OR t.expires_at > watchbill_now()) AND a.disabled_at IS NULL
           ORDER BY t.id LIMIT 1"#
    )
    .fetch_optional(&engine.pool)
    .await?;
    Ok(match (engine.settings.approvals.reported_requester, shared) {
        (RequesterRule::Allowed, _) => OneKey {
            open: false,
            sentence: "Who reports a task may sign it: approvals.reported_requester is allowed. Where the reporter has \
                       a token of its own whose only scope is report, set it to forbidden."
                .to_owned(),
        },
        (RequesterRule::Forbidden, Some(token)) => OneKey {
            open: true,
            sentence: format!(
                "The token '{}' of {} both reports and decides, and who reports a task does not sign it, unless \
                 nobody else could: {CHOICE}.",
                token.name, token.login
            ),
        },
        (RequesterRule::Forbidden, None) => OneKey {
            open: false,
            sentence: format!(
                "Who reports a task does not sign it, unless nobody else could. A reporter without a token \
                 (api.trust_report_from) is nobody's voice. Where reporter and pages share one key: {CHOICE}."
            ),
        },
    })
}
