//! Bytes that leave as a file: attachments that no browser runs.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use engine::history::ByteStream;
use futures::TryStreamExt as _;

/// A file named `name`, of this content type.
pub fn attachment(stream: ByteStream, kind: &'static str, name: &str) -> Response {
    let stream = stream.inspect_err(|error| {
        // The status is long sent: the connection breaks, so that nobody takes a part for the whole.
        tracing::error!(
            error = error as &dyn std::error::Error,
            "a download broke off"
        );
    });
    let mut response = Body::from_stream(stream).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-store"),
    );
    if let Ok(disposition) = HeaderValue::from_str(&disposition(name)) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

/// RFC 6266: a plain name for old clients, the true one beside it.
fn disposition(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = name
        .chars()
        .map(|it| {
            if it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_') {
                it
            } else {
                '_'
            }
        })
        .collect();
    let plain = if plain.trim_matches('.').is_empty() {
        "file".to_owned()
    } else {
        plain
    };
    let mut exact = String::new();
    for byte in name.bytes() {
        use std::fmt::Write as _;
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'~') {
            exact.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(exact, "%{byte:02X}");
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_stays_a_name() {
        assert_eq!(
            disposition("out/../a\"b\r\nX: y.html"),
            "attachment; filename=\"a_b__X__y.html\"; filename*=UTF-8''a%22b%0D%0AX%3A%20y.html"
        );
        assert_eq!(
            disposition("rapport d'été.diff"),
            "attachment; filename=\"rapport_d__t_.diff\"; filename*=UTF-8''rapport%20d%27%C3%A9t%C3%A9.diff"
        );
        assert_eq!(
            disposition(".."),
            "attachment; filename=\"file\"; filename*=UTF-8''.."
        );
    }
}
