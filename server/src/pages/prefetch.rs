//! Links in messages are fetched by more than people: previews, scanners. That changes
//! nothing, as no GET does; the log tells it apart from a person's look.

use axum::http::{HeaderMap, Method, header};
use model::id::ApprovalId;

/// Who fetches links in order to show or to judge them, as their user agents say.
const FETCHERS: [&str; 16] = [
    "Slackbot-LinkExpanding",
    "Slackbot",
    "Slack-ImgProxy",
    "Discordbot",
    "Twitterbot",
    "facebookexternalhit",
    "LinkedInBot",
    "TelegramBot",
    "WhatsApp",
    "SkypeUriPreview",
    "MicrosoftPreview",
    "Mattermost",
    "Iframely",
    "Embedly",
    "GoogleImageProxy",
    "Barracuda",
];

/// Logs a fetch of an approval's page that is no person's look.
pub fn note(method: &Method, path: &str, headers: &HeaderMap, logged_in: bool) {
    let Some(approval) = approval(path) else {
        return;
    };
    let fetcher = fetcher(headers);
    if fetcher.is_none() && logged_in {
        return;
    }
    // Neither the query nor the sender's own words: a log is read by people.
    tracing::info!(
        approval.id = approval.0,
        prefetch.by = fetcher.unwrap_or("somebody who is not logged in"),
        %method,
        "the link to approval {approval} was prefetched; nothing was changed"
    );
}

/// The approval whose own page it is.
fn approval(path: &str) -> Option<ApprovalId> {
    let id = path.strip_prefix("/approvals/")?.trim_end_matches('/');
    let digits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| id.parse().ok()).flatten()
}

/// The known fetcher, under our own name for it.
fn fetcher(headers: &HeaderMap) -> Option<&'static str> {
    let agent = headers.get(header::USER_AGENT)?.to_str().ok()?;
    let agent = agent.to_ascii_lowercase();
    FETCHERS
        .into_iter()
        .find(|name| agent.contains(&name.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetchers_are_known_by_their_user_agents() {
        for (agent, expected) in [
            (
                "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
                Some("Slackbot-LinkExpanding"),
            ),
            (
                "Mozilla/5.0 (compatible; discordbot/2.0)",
                Some("Discordbot"),
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101",
                None,
            ),
            ("", None),
        ] {
            let headers =
                HeaderMap::from_iter([(header::USER_AGENT, agent.parse().expect("a header"))]);
            assert_eq!(fetcher(&headers), expected, "{agent}");
        }
        assert_eq!(fetcher(&HeaderMap::new()), None);
    }

    #[test]
    fn only_an_approvals_own_page_counts() {
        assert_eq!(approval("/approvals/7"), Some(ApprovalId(7)));
        assert_eq!(approval("/approvals/7/"), Some(ApprovalId(7)));
        for path in [
            "/approvals",
            "/approvals/",
            "/approvals/x",
            "/approvals/7/decide",
            "/tasks/7",
        ] {
            assert_eq!(approval(path), None, "{path}");
        }
    }
}
