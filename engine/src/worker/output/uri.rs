//! Where a step's result is to be seen: found in its output as the reference's users expect.

/// The longest address that is kept.
pub const LONGEST_URI: usize = 512;

/// Looks at a step's output line by line. A line `outputs_uri=…` wins, the last of
/// them; else the first link to a pull request; else the first link to an artifact.
#[derive(Default)]
pub struct UriFinder {
    named: Option<String>,
    pull_request: Option<String>,
    artifact: Option<String>,
}

impl UriFinder {
    /// Whether `raw` is worth the cost of decoding it.
    #[must_use]
    pub fn may_concern(&self, raw: &[u8]) -> bool {
        (self.pull_request.is_none() && holds(raw, b"://")) || holds(raw, b"outputs_uri=")
    }

    /// Takes one plain line.
    pub fn line(&mut self, line: &str) {
        let line = line.trim();
        if let Some(value) = line.strip_prefix("outputs_uri=") {
            if let Some(uri) = acceptable(value) {
                self.named = Some(uri);
            }
            return;
        }
        for link in links(line) {
            if self.pull_request.is_none()
                && let Some(end) = pull_request_end(link)
            {
                self.pull_request = acceptable(&link[..end]);
            }
            if self.artifact.is_none() && link.contains("/artifacts/") {
                self.artifact = acceptable(link);
            }
        }
    }

    /// The address that wins.
    #[must_use]
    pub fn found(self) -> Option<String> {
        self.named.or(self.pull_request).or(self.artifact)
    }
}

/// `value` without blanks around it, if it is one address of a length that can be kept.
#[must_use]
pub fn acceptable(value: &str) -> Option<String> {
    let value = value.trim();
    let fits = !value.is_empty()
        && value.chars().count() <= LONGEST_URI
        && !value.chars().any(char::is_control);
    fits.then(|| value.to_owned())
}

fn holds(text: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(text, needle).is_some()
}

/// Each http(s) link in `text`, without the punctuation that follows it.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let place = rest.find("http")?;
            let candidate = &rest[place..];
            let Some(after_scheme) = candidate
                .strip_prefix("https://")
                .or_else(|| candidate.strip_prefix("http://"))
            else {
                rest = &candidate[4..];
                continue;
            };
            let scheme = candidate.len() - after_scheme.len();
            let length = after_scheme
                .find(|character: char| {
                    character.is_whitespace() || "\"'<>`|\\^{}".contains(character)
                })
                .unwrap_or(after_scheme.len());
            let (link, further) = candidate.split_at(scheme + length);
            rest = further;
            return Some(link.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '*']));
        }
    })
}

/// Where a link to a pull or merge request ends: after its number.
fn pull_request_end(link: &str) -> Option<usize> {
    ["/pull/", "/-/merge_requests/"]
        .iter()
        .filter_map(|marker| {
            let mut from = 0;
            while let Some(place) = link[from..].find(marker) {
                let number = from + place + marker.len();
                let digits = link[number..]
                    .find(|character: char| !character.is_ascii_digit())
                    .unwrap_or(link.len() - number);
                if digits > 0 {
                    return Some(number + digits);
                }
                from = number;
            }
            None
        })
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_hold() {
        let long = format!("outputs_uri=https://e.org/{}", "x".repeat(600));
        let table: [(&[&str], Option<&str>); 16] = [
            (&[], None),
            (&["nothing here", "http://", "https"], None),
            (&["outputs_uri=https://e.org/1"], Some("https://e.org/1")),
            (&["outputs_uri=a", "outputs_uri=b"], Some("b")),
            (&["outputs_uri=a", "outputs_uri="], Some("a")),
            (&["  outputs_uri= a b "], Some("a b")),
            (&["the outputs_uri=a in a sentence"], None),
            (
                &["Opened https://github.com/u/r/pull/12.", "outputs_uri=mine"],
                Some("mine"),
            ),
            (
                &[
                    "see https://github.com/u/r/pull/12/files#diff, then https://github.com/u/r/pull/13",
                ],
                Some("https://github.com/u/r/pull/12"),
            ),
            (
                &["(https://gitlab.com/g/p/-/merge_requests/7)"],
                Some("https://gitlab.com/g/p/-/merge_requests/7"),
            ),
            (
                &[
                    "https://ci/artifacts/1.zip",
                    "https://github.com/u/r/pull/1",
                ],
                Some("https://github.com/u/r/pull/1"),
            ),
            (
                &["at https://ci/x/artifacts/1, and https://ci/artifacts/2"],
                Some("https://ci/x/artifacts/1"),
            ),
            (&["https://github.com/u/r/pull/new"], None),
            (&["ftp://h/pull/1 /artifacts/2"], None),
            (&["<a href=\"https://h/pull/5\">"], Some("https://h/pull/5")),
            (
                &[long.as_str(), "https://h/pull/5"],
                Some("https://h/pull/5"),
            ),
        ];
        for (lines, expected) in table {
            let mut finder = UriFinder::default();
            for line in lines {
                if finder.may_concern(line.as_bytes()) {
                    finder.line(line);
                }
            }
            assert_eq!(finder.found().as_deref(), expected, "{lines:?}");
        }
    }
}
