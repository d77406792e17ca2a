//! Browsers in plain words, from how they name themselves.

use serde::{Deserialize, Serialize};

/// What a browser says it is; nobody has to say the truth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Browser {
    /// Such as Firefox.
    pub name: String,
    /// Such as Windows.
    pub system: Option<String>,
}

/// Those that call themselves others, too, stand before them.
const NAMES: [(&str, &str); 12] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python-requests/", "Python"),
];

const SYSTEMS: [(&str, &str); 8] = [
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
    ("BSD", "BSD"),
];

impl Browser {
    /// Reads the header `User-Agent`; none where it names no browser that is known.
    #[must_use]
    pub fn of(user_agent: &str) -> Option<Self> {
        let known = |list: &[(&str, &str)]| {
            list.iter()
                .find(|(sign, _)| user_agent.contains(sign))
                .map(|(_, word)| (*word).to_owned())
        };
        Some(Self {
            name: known(&NAMES)?,
            system: known(&SYSTEMS),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_apart() {
        for (user_agent, name, system) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
                "Firefox",
                Some("Linux"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
                "Edge",
                Some("Windows"),
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
                "Chrome",
                Some("Android"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
                "Safari",
                Some("iOS"),
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
                "Safari",
                Some("macOS"),
            ),
            ("curl/8.5.0", "curl", None),
        ] {
            let browser = Browser::of(user_agent).unwrap();
            let found = (browser.name.as_str(), browser.system.as_deref());
            assert_eq!(found, (name, system), "{user_agent}");
        }
        assert_eq!(Browser::of(""), None);
        assert_eq!(Browser::of("<script>"), None);
    }
}
