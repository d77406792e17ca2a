//! What the messages say. The two payloads of the nightly-approvals reference are here, field by field.

use chrono::{DateTime, SecondsFormat, Utc};
use model::approval::Verdict;
use model::id::{ApprovalId, TaskId};
use model::plan::Gate;
use model::visible::shown_in_line;
use serde_json::{Value, json};

use crate::tasks::digest::hex;

/// What a message about a request for approval needs to know.
#[derive(Clone, Debug)]
pub struct AwaitingApproval<'a> {
    pub approval: ApprovalId,
    pub task_id: TaskId,
    /// The task's name.
    pub task: &'a str,
    pub run_id: Option<&'a str>,
    pub outputs_uri: Option<&'a str>,
    pub log_excerpt: Option<&'a str>,
    /// The reporter has already told Slack and e-mail (`webhook_notified_at` came with the report).
    pub already_notified: bool,
}

/// Slack's incoming webhook: the reference's sentence, and beside it the way to the decision.
pub fn slack(facts: &AwaitingApproval<'_>, decision_page: Option<&str>) -> Value {
    let task = slack_text(facts.task);
    let link = facts.outputs_uri.or(decision_page);
    let text = match link {
        Some(link) => format!("Task {task} awaiting approval: {}", slack_text(link)),
        None => format!("Task {task} awaiting approval"),
    };
    match (facts.outputs_uri, decision_page) {
        (Some(_), Some(page)) => json!({
            "text": text,
            "attachments": [{
                "fallback": format!("Decide in Watchbill: {}", slack_text(page)),
                "text": format!("<{}|Decide in Watchbill>", slack_text(page)),
            }],
        }),
        (None | Some(_), None) | (None, Some(_)) => json!({ "text": text }),
    }
}

/// The reference's e-mail webhook.
pub fn email(facts: &AwaitingApproval<'_>) -> Value {
    json!({
        "run_id": facts.run_id,
        "task": facts.task,
        "status": "awaiting_approval",
        "outputs_uri": facts.outputs_uri,
        "log_excerpt": facts.log_excerpt,
    })
}

/// The generic webhook: the same facts in the envelope of Standard Webhooks.
pub fn generic(
    facts: &AwaitingApproval<'_>,
    decision_page: Option<&str>,
    at: DateTime<Utc>,
) -> Value {
    let data = json!({
        "run_id": facts.run_id,
        "task": facts.task,
        "status": "awaiting_approval",
        "outputs_uri": facts.outputs_uri,
        "log_excerpt": facts.log_excerpt,
        "task_id": facts.task_id,
        "approval_id": facts.approval,
        "approval_url": decision_page,
    });
    envelope("task.awaiting_approval", at, &data)
}

/// The body of every generic webhook.
pub fn envelope(kind: &str, at: DateTime<Utc>, data: &Value) -> Value {
    json!({
        "type": kind,
        "timestamp": at.to_rfc3339_opts(SecondsFormat::Secs, true),
        "data": data,
    })
}

/// Text that Slack shows as it is: no link, no mention, no `<!channel>`, nothing invisible,
/// one line.
pub(crate) fn slack_text(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in shown_in_line(text).chars() {
        match character {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            other => shown.push(other),
        }
    }
    shown
}

/// The longest text that a section of Slack's blocks takes.
const SECTION_CHARACTERS: usize = 3_000;
/// The action of each button; the value of both names the request and what it is about.
pub const APPROVE_ACTION: &str = "watchbill.approve";
pub const REJECT_ACTION: &str = "watchbill.reject";

/// The answers that a button can give: none that needs a note, or entries, which only the
/// page can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buttons {
    pub approve: bool,
    pub reject: bool,
}

impl Buttons {
    /// What this policy lets a button do.
    pub fn of(gate: &Gate) -> Self {
        Self {
            approve: gate.inputs.is_empty() && !Verdict::Approve.needs_comment(gate.comment),
            reject: !Verdict::Reject.needs_comment(gate.comment),
        }
    }
}

/// Lays buttons under Slack's message. Its `text` stays as it is, for notifications and for
/// clients that show no blocks.
pub fn with_buttons(
    mut message: Value,
    facts: &AwaitingApproval<'_>,
    digest: &[u8],
    buttons: Buttons,
) -> Value {
    if !buttons.approve && !buttons.reject {
        return message;
    }
    let whole = message["text"].as_str().unwrap_or_default();
    let text = if whole.chars().count() > SECTION_CHARACTERS {
        let name: String = facts.task.chars().take(200).collect();
        format!("Task {} awaiting approval", slack_text(&name))
    } else {
        whole.to_owned()
    };
    let value = format!("{}:{}", facts.approval, hex(digest));
    let button = |label: &str, style: &str, action: &str| {
        json!({
            "type": "button",
            "text": { "type": "plain_text", "text": label },
            "style": style,
            "action_id": action,
            "value": value,
        })
    };
    let mut elements = Vec::new();
    if buttons.approve {
        elements.push(button("Approve", "primary", APPROVE_ACTION));
    }
    if buttons.reject {
        elements.push(button("Reject", "danger", REJECT_ACTION));
    }
    message["blocks"] = json!([
        { "type": "section", "text": { "type": "mrkdwn", "text": text } },
        {
            "type": "actions",
            "block_id": format!("watchbill.approval.{}", facts.approval),
            "elements": elements,
        },
    ]);
    message
}

#[cfg(test)]
mod tests {
    use model::plan::{CommentRule, InputDefinition, InputKind};
    use model::task::GatePhase;

    use super::*;

    const BOTH: Buttons = Buttons {
        approve: true,
        reject: true,
    };

    #[test]
    fn no_button_gives_an_answer_that_would_be_refused() {
        let gate = |comment, inputs| Gate {
            comment,
            inputs,
            ..Gate::new(GatePhase::AfterResult, Vec::new())
        };
        let window = InputDefinition {
            name: "window".to_owned(),
            description: String::new(),
            kind: InputKind::String,
            required: true,
            default: None,
        };
        for (comment, inputs, approve, reject) in [
            (CommentRule::RequiredOnReject, vec![], true, false),
            (CommentRule::Optional, vec![], true, true),
            (CommentRule::Required, vec![], false, false),
            (CommentRule::Optional, vec![window], false, true),
        ] {
            let expected = Buttons { approve, reject };
            assert_eq!(Buttons::of(&gate(comment, inputs)), expected, "{comment:?}");
        }
        let neither = Buttons {
            approve: false,
            reject: false,
        };
        let plain = slack(&facts(), Some("https://night.example/approvals/7"));
        assert_eq!(
            with_buttons(plain.clone(), &facts(), &[0; 32], neither),
            plain
        );
    }

    fn facts<'a>() -> AwaitingApproval<'a> {
        AwaitingApproval {
            approval: ApprovalId(7),
            task_id: TaskId(12),
            task: "seo.validate",
            run_id: Some("nightly-2025-01-15"),
            outputs_uri: Some("https://github.com/user/repo/pull/123"),
            log_excerpt: Some("..."),
            already_notified: false,
        }
    }

    #[test]
    fn slack_payload_is_the_references() {
        assert_eq!(
            slack(&facts(), None),
            json!({"text": "Task seo.validate awaiting approval: https://github.com/user/repo/pull/123"})
        );
    }

    #[test]
    fn slack_keeps_the_references_sentence_beside_the_link_to_decide() {
        let payload = slack(&facts(), Some("https://night.example/approvals/7"));
        assert_eq!(
            payload["text"],
            "Task seo.validate awaiting approval: https://github.com/user/repo/pull/123"
        );
        assert_eq!(
            payload["attachments"][0]["text"],
            "<https://night.example/approvals/7|Decide in Watchbill>"
        );
    }

    #[test]
    fn slack_without_an_output_leads_to_the_decision() {
        let facts = AwaitingApproval {
            outputs_uri: None,
            ..facts()
        };
        assert_eq!(
            slack(&facts, Some("https://night.example/approvals/7")),
            json!({"text": "Task seo.validate awaiting approval: https://night.example/approvals/7"})
        );
        assert_eq!(
            slack(&facts, None),
            json!({"text": "Task seo.validate awaiting approval"})
        );
    }

    #[test]
    fn slack_mentions_and_links_are_shown_not_obeyed() {
        let facts = AwaitingApproval {
            task: "<!channel> & <@U1>\n",
            outputs_uri: Some("https://x.example/a|<b>"),
            ..facts()
        };
        assert_eq!(
            slack(&facts, None)["text"],
            "Task &lt;!channel&gt; &amp; &lt;@U1&gt;  awaiting approval: https://x.example/a|&lt;b&gt;"
        );
    }

    #[test]
    fn slack_shows_what_nobody_would_see() {
        let facts = AwaitingApproval {
            task: "deploy\u{202e}\u{200b}\r",
            outputs_uri: Some("https://good.example\u{1b}/\u{ad}"),
            ..facts()
        };
        assert_eq!(
            slack(&facts, None)["text"],
            "Task deploy⟨U+202E⟩⟨U+200B⟩⟨CR⟩ awaiting approval: https://good.example⟨ESC⟩/⟨U+00AD⟩"
        );
    }

    #[test]
    fn buttons_stand_under_the_same_sentence_and_say_what_they_are_about() {
        let page = Some("https://night.example/approvals/7");
        let plain = slack(&facts(), page);
        let payload = with_buttons(plain.clone(), &facts(), &[0xab; 32], BOTH);
        assert_eq!(payload["text"], plain["text"]);
        assert_eq!(payload["attachments"], plain["attachments"]);
        assert_eq!(payload["blocks"][0]["text"]["text"], plain["text"]);
        let buttons = payload["blocks"][1]["elements"].as_array().unwrap();
        let told: Vec<_> = buttons
            .iter()
            .map(|it| (it["text"]["text"].as_str(), it["action_id"].as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (Some("Approve"), Some("watchbill.approve")),
                (Some("Reject"), Some("watchbill.reject"))
            ]
        );
        let value = format!("7:{}", "ab".repeat(32));
        assert!(
            buttons
                .iter()
                .all(|button| button["value"] == value.as_str())
        );
    }

    #[test]
    fn a_link_too_long_for_a_block_is_left_to_the_text() {
        let long = format!("https://x.example/{}", "a".repeat(4_000));
        let facts = AwaitingApproval {
            outputs_uri: Some(&long),
            ..facts()
        };
        let payload = with_buttons(slack(&facts, None), &facts, &[0; 32], BOTH);
        assert_eq!(
            payload["blocks"][0]["text"]["text"],
            "Task seo.validate awaiting approval"
        );
        assert!(payload["text"].as_str().unwrap().ends_with("aaa"));
    }

    #[test]
    fn email_payload_is_the_references() {
        assert_eq!(
            email(&facts()),
            json!({
                "run_id": "nightly-2025-01-15",
                "task": "seo.validate",
                "status": "awaiting_approval",
                "outputs_uri": "https://github.com/user/repo/pull/123",
                "log_excerpt": "...",
            })
        );
    }
}
