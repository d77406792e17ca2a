//! Where a step's result is to be seen: found in its output as the reference's users expect.

use super::segments::Reader;

/// The longest address that is kept.
pub const LONGEST_URI: usize = 512;

const NAME: &[u8] = b"outputs_uri=";

/// A line without any of these two has no address.
pub const MARKS: [u8; 2] = [b'=', b':'];

/// More of an address is not looked at: one that is longer cannot be kept.
const ADDRESS_BYTES: usize = 4 * LONGEST_URI + 64;

/// Looks at what a step's output shows, in bounded memory. A part `outputs_uri=…` wins, the
/// last of them; else the first link to a pull request; else the first link to an artifact.
#[derive(Default)]
pub struct UriFinder {
    place: Place,
    /// An address, as far as it was read.
    address: Vec<u8>,
    /// More was read than can be kept.
    is_cut: bool,
    named: Option<String>,
    pull_request: Option<String>,
    artifact: Option<String>,
}

/// The finder's place in a part of the output.
#[derive(Clone, Copy)]
enum Place {
    /// At its beginning, behind so many bytes of `outputs_uri=`.
    Name(usize),
    /// Behind `outputs_uri=`.
    Value,
    /// Elsewhere, where the address holds the beginning of `https://`.
    Words,
    /// In a link.
    Link,
}

impl Default for Place {
    fn default() -> Self {
        Self::Name(0)
    }
}

impl UriFinder {
    /// The address that wins.
    #[must_use]
    pub fn found(self) -> Option<String> {
        self.named.or(self.pull_request).or(self.artifact)
    }

    /// Reads on at one place: how many bytes were read.
    fn read(&mut self, text: &[u8]) -> usize {
        match self.place {
            Place::Name(0) if text[0] == b' ' => {
                text.iter().take_while(|&&byte| byte == b' ').count()
            }
            Place::Name(length) if text[0] == NAME[length] => {
                self.place = if length + 1 == NAME.len() {
                    Place::Value
                } else {
                    Place::Name(length + 1)
                };
                1
            }
            // None of what was read begins a link.
            Place::Name(_) => {
                self.place = Place::Words;
                0
            }
            Place::Value => {
                self.value(text);
                text.len()
            }
            // A link to a pull request wins over all links that follow it.
            Place::Words if self.pull_request.is_some() => text.len(),
            Place::Words => self.words(text),
            Place::Link => {
                let end = text
                    .iter()
                    .position(|byte| byte.is_ascii() && ends_link(char::from(*byte)));
                let end = end.unwrap_or(text.len());
                self.keep(&text[..end]);
                if end < text.len() {
                    self.link();
                }
                end
            }
        }
    }

    fn value(&mut self, text: &[u8]) {
        let text = if self.address.is_empty() {
            text.trim_ascii_start()
        } else {
            text
        };
        // Blanks at the end are not part of it, however many.
        let seen = text.trim_ascii_end().len();
        self.keep(&text[..seen]);
        let is_cut = self.is_cut;
        self.keep(&text[seen..]);
        self.is_cut = is_cut;
    }

    fn words(&mut self, text: &[u8]) -> usize {
        if self.address.is_empty() {
            match memchr::memchr(b'h', text) {
                Some(0) => {}
                place => return place.unwrap_or(text.len()),
            }
        }
        self.address.push(text[0]);
        let read = &self.address[..];
        if read == b"https://" || read == b"http://" {
            self.place = Place::Link;
        } else if !(b"https://".starts_with(read) || b"http://".starts_with(read)) {
            self.address.clear();
            // It may begin anew with this one.
            return usize::from(text[0] != b'h');
        }
        1
    }

    fn keep(&mut self, text: &[u8]) {
        let room = ADDRESS_BYTES - self.address.len();
        self.address
            .extend_from_slice(&text[..text.len().min(room)]);
        self.is_cut |= text.len() > room;
    }

    /// The end of a link.
    fn link(&mut self) {
        self.place = Place::Words;
        let is_cut = std::mem::take(&mut self.is_cut);
        let address = std::mem::take(&mut self.address);
        for link in links(&String::from_utf8_lossy(&address)) {
            if self.pull_request.is_none()
                && let Some(end) = pull_request_end(link)
            {
                self.pull_request = acceptable(&link[..end]);
            }
            if self.artifact.is_none() && link.contains("/artifacts/") && !is_cut {
                self.artifact = acceptable(link);
            }
        }
    }
}

impl Reader for UriFinder {
    fn text(&mut self, mut text: &[u8]) {
        while !text.is_empty() {
            text = &text[self.read(text)..];
        }
    }

    fn end(&mut self) {
        match self.place {
            Place::Value if !self.is_cut => {
                let value = String::from_utf8_lossy(&self.address);
                if let Some(uri) = acceptable(&value) {
                    self.named = Some(uri);
                }
            }
            Place::Link => self.link(),
            Place::Name(_) | Place::Value | Place::Words => {}
        }
        self.place = Place::default();
        self.address.clear();
        self.is_cut = false;
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
            let length = after_scheme.find(ends_link).unwrap_or(after_scheme.len());
            let (link, further) = candidate.split_at(scheme + length);
            rest = further;
            return Some(link.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '*']));
        }
    })
}

fn ends_link(character: char) -> bool {
    character.is_whitespace() || "\"'<>`|\\^{}".contains(character)
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
                finder.text(line.as_bytes());
                finder.end();
            }
            assert_eq!(finder.found().as_deref(), expected, "{lines:?}");
        }
    }
}
