//! What stands in a click: one form field with JSON in it.

use engine::notify::outbox::{APPROVE_ACTION, REJECT_ACTION};
use engine::slack::Click;
use engine::tasks::digest;
use model::approval::Verdict;
use model::id::ApprovalId;
use secrecy::SecretString;
use serde::Deserialize;

/// What Slack tells.
#[derive(Debug)]
pub enum Payload {
    /// A click on one of our buttons.
    Click {
        click: Click,
        /// Where the person can be told what came of it; whoever knows it can write there.
        response_url: Option<SecretString>,
    },
    /// Anything else that an app may be sent.
    Other,
}

#[derive(Deserialize)]
struct Interaction {
    #[serde(rename = "type")]
    kind: String,
    user: Option<User>,
    team: Option<Team>,
    #[serde(default)]
    actions: Vec<Action>,
    response_url: Option<SecretString>,
}

#[derive(Deserialize)]
struct User {
    id: String,
    /// The person's own workspace; another one in a channel that two of them share.
    team_id: Option<String>,
}

#[derive(Deserialize)]
struct Team {
    id: String,
}

#[derive(Deserialize)]
struct Action {
    #[serde(default)]
    action_id: String,
    #[serde(default)]
    value: String,
}

/// Reads a body whose signature was verified.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(body: &[u8]) -> Result<Payload, String> {
    let payload = form_urlencoded::parse(body)
        .find(|(name, _)| name == "payload")
        .map(|(_, value)| value)
        .ok_or("the form has no field 'payload'")?;
    let interaction: Interaction = serde_json::from_str(&payload)
        .map_err(|error| format!("the payload is not an interaction of Slack: {error}"))?;
    if interaction.kind != "block_actions" {
        return Ok(Payload::Other);
    }
    let ours = interaction.actions.iter().find_map(|action| {
        let verdict = match action.action_id.as_str() {
            APPROVE_ACTION => Verdict::Approve,
            REJECT_ACTION => Verdict::Reject,
            _ => return None,
        };
        Some((verdict, action.value.as_str()))
    });
    let Some((verdict, value)) = ours else {
        return Ok(Payload::Other);
    };
    let user = interaction.user.ok_or("the payload names no user")?;
    let (approval, digest) = about(value).ok_or("the button does not say what it is about")?;
    Ok(Payload::Click {
        click: Click {
            team: user
                .team_id
                .or(interaction.team.map(|team| team.id))
                .unwrap_or_default(),
            user: user.id,
            approval,
            digest,
            verdict,
        },
        response_url: interaction.response_url,
    })
}

/// `approval:digest`, as our buttons carry it.
fn about(value: &str) -> Option<(ApprovalId, digest::Digest)> {
    let (approval, digest) = value.split_once(':')?;
    Some((approval.parse().ok()?, digest::from_hex(digest)?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn form(payload: &Value) -> Vec<u8> {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &payload.to_string())
            .finish()
            .into_bytes()
    }

    fn click(action: &str, value: &str) -> Value {
        json!({
            "type": "block_actions",
            "user": { "id": "U1", "team_id": "T2" },
            "team": { "id": "T1" },
            "actions": [{ "action_id": "other" }, { "action_id": action, "value": value }],
        })
    }

    #[test]
    fn a_click_says_who_and_about_what() {
        let value = format!("7:{}", "ab".repeat(32));
        let read = read(&form(&click("watchbill.reject", &value))).expect("a click");
        let Payload::Click {
            click,
            response_url: None,
        } = read
        else {
            panic!("{read:?}")
        };
        assert_eq!(
            click,
            Click {
                team: "T2".to_owned(),
                user: "U1".to_owned(),
                approval: ApprovalId(7),
                digest: [0xab; 32],
                verdict: Verdict::Reject,
            }
        );
    }

    #[test]
    fn what_is_no_click_of_ours_is_other_and_nonsense_is_told() {
        let other = [
            json!({ "type": "view_closed" }),
            click("somebody.else", "7:00"),
            json!({ "type": "block_actions" }),
        ];
        for payload in other {
            let read = read(&form(&payload));
            assert!(matches!(read, Ok(Payload::Other)), "{payload}: {read:?}");
        }
        for value in ["", "7", "7:", "x:00", "7:zz", "-:ab"] {
            assert!(
                read(&form(&click("watchbill.approve", value))).is_err(),
                "{value}"
            );
        }
        assert!(read(b"payload=%7B").is_err());
        assert!(read(b"ssl_check=1").is_err());
        assert!(read(b"\xff\xfe").is_err());
    }
}
