//! What an answer says that it is about: `digest` in the body or the query, or `If-Match`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use engine::tasks::digest::{self, Digest};

use super::Refusal;
use super::query::{Query, invalid};

/// What the query and the header say; [`Bound::with`] adds the body.
pub struct Bound {
    given: Option<Digest>,
}

impl<S: Send + Sync> FromRequestParts<S> for Bound {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let header = in_header(&parts.headers)?;
        let query = Query::of(parts.uri.query().unwrap_or_default());
        // An empty one is a script's unset variable: no answer of its is taken blindly.
        let query = query.last("digest").map(in_field).transpose()?;
        Ok(Self {
            given: one_of(header, query)?,
        })
    }
}

impl Bound {
    /// The digest of what the caller looked at, wherever it stands; none where nothing says it.
    ///
    /// # Errors
    /// 422 for what is no digest, 400 where two of them differ.
    pub fn with(self, body: Option<&str>) -> Result<Option<Digest>, Refusal> {
        let body = body.map(in_field).transpose()?;
        one_of(self.given, body)
    }
}

fn in_field(text: &str) -> Result<Digest, Refusal> {
    digest::from_text(text).ok_or_else(|| {
        invalid(
            "digest",
            "write the 64 hexadecimal digits that were shown, alone or after sha256:",
        )
        .into()
    })
}

/// `*` matches whatever there is, and so says nothing.
fn in_header(headers: &HeaderMap) -> Result<Option<Digest>, Refusal> {
    let mut values = headers.get_all(header::IF_MATCH).iter();
    let text = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().unwrap_or_default().trim(),
        (Some(_), Some(_)) => "",
    };
    if text == "*" {
        return Ok(None);
    }
    let bare = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
    digest::from_text(bare).map(Some).ok_or_else(|| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "If-Match takes one digest, as it was shown: \"sha256:…\" with its 64 hexadecimal digits",
        )
    })
}

fn one_of(first: Option<Digest>, second: Option<Digest>) -> Result<Option<Digest>, Refusal> {
    let differ = first
        .zip(second)
        .is_some_and(|(first, second)| first != second);
    if differ {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "If-Match, the query and the body give different digests; send one",
        ));
    }
    Ok(first.or(second))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(value: &str) -> Result<Option<Digest>, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_MATCH, value.parse().expect("a value"));
        in_header(&headers)
    }

    #[test]
    fn the_header_carries_one_digest_or_says_nothing() {
        let digits = "ab".repeat(32);
        let digest = digest::from_hex(&digits);
        for good in [
            format!("\"sha256:{digits}\""),
            format!("sha256:{digits}"),
            format!("\"{digits}\""),
        ] {
            assert_eq!(header(&good).expect("a digest"), digest, "{good}");
        }
        assert_eq!(header("*").expect("it is fine"), None);
        assert_eq!(in_header(&HeaderMap::new()).expect("it is fine"), None);
        for bad in [
            "",
            "\"\"",
            "W/\"sha256:00\"",
            "\"sha256:00\"",
            &format!("\"{digits}\", \"{digits}\""),
        ] {
            assert!(header(bad).is_err(), "{bad}");
        }
        let mut twice = HeaderMap::new();
        twice.append(header::IF_MATCH, "*".parse().expect("a value"));
        twice.append(header::IF_MATCH, "*".parse().expect("a value"));
        assert!(in_header(&twice).is_err());
    }

    #[test]
    fn two_digests_must_be_the_same() {
        let one = Some([1; 32]);
        assert_eq!(one_of(one, None).expect("one"), one);
        assert_eq!(one_of(None, one).expect("one"), one);
        assert_eq!(one_of(one, one).expect("one"), one);
        assert_eq!(one_of(None, None).expect("none"), None);
        assert!(one_of(one, Some([2; 32])).is_err());
    }
}
