//! What the browser loads: script, style sheet and static files, embedded in a release build and
//! read from the target folder in a development build.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};
use serde::Deserialize;

#[derive(RustEmbed)]
#[folder = "$WATCHBILL_SITE"]
#[allow_missing = true]
struct Site;

/// The present addresses of the files whose names carry a hash.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Manifest {
    pub js: String,
    pub wasm: String,
    pub css: String,
}

/// The manifest that `cargo xtask site` wrote; none where the site was never built, as in a test
/// of the server alone: pages are whole without it.
pub fn manifest() -> Option<Manifest> {
    serde_json::from_slice(&Site::get("manifest.json")?.data).ok()
}

/// `/pkg/…`, with names that change with their content.
pub fn router() -> Router {
    Router::new().route("/pkg/{*path}", get(file))
}

/// Answers with the file of this name, or 404: the fallback of the pages' router.
pub async fn file(uri: Uri, headers: HeaderMap) -> Response {
    let name = uri.path().trim_start_matches('/');
    // The compressed twins are forms of a file, not files, and the manifest is the server's.
    let Some(kind) = content_type(name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Some((file, encoding)) = best(name, &headers) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = tag(&file, encoding);
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|held| held.as_bytes() == tag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(file.data.into_owned()).into_response()
    };
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(lifetime(name)),
    );
    answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if let Ok(tag) = HeaderValue::try_from(tag) {
        answer.insert(header::ETAG, tag);
    }
    response
}

/// The smallest form that the browser takes.
fn best(name: &str, headers: &HeaderMap) -> Option<(EmbeddedFile, Option<&'static str>)> {
    let accepted = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    for (encoding, ending) in [("br", "br"), ("gzip", "gz")] {
        if accepts(accepted, encoding)
            && let Some(file) = Site::get(&format!("{name}.{ending}"))
        {
            return Some((file, Some(encoding)));
        }
    }
    Some((Site::get(name)?, None))
}

/// Whether an `Accept-Encoding` header names this encoding without refusing it by `q=0`.
fn accepts(header: &str, encoding: &str) -> bool {
    header.split(',').any(|part| {
        let mut words = part.split(';').map(str::trim);
        let named = words
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        named && !words.any(|word| matches!(word, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

fn tag(file: &EmbeddedFile, encoding: Option<&str>) -> String {
    let hash = file.metadata.sha256_hash();
    let short = hash
        .iter()
        .take(8)
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    format!("\"{short}-{}\"", encoding.unwrap_or("plain"))
}

fn lifetime(name: &str) -> &'static str {
    if name.starts_with("pkg/") {
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=3600"
    }
}

fn content_type(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "ico" => "image/x-icon",
        "js" => "text/javascript; charset=utf-8",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_encoding_is_not_accepted() {
        assert!(accepts("gzip, deflate, br", "br"));
        assert!(accepts("br;q=1.0, gzip;q=0.8", "gzip"));
        assert!(!accepts("gzip, br;q=0", "br"));
        assert!(!accepts("", "br"));
        assert!(!accepts("brotli", "br"));
    }

    #[tokio::test]
    async fn what_is_not_there_is_not_found() {
        for path in [
            "/pkg/none.js",
            "/pkg/../Cargo.toml",
            "/manifest.json",
            "/nothing",
        ] {
            let answer = file(path.parse().expect("a path"), HeaderMap::new()).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
