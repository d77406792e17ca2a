//! A JSON body, refused with a problem document where it is none or holds what we cannot store.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use engine::{Error, FieldProblem};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::Refusal;
use super::strict;

/// The largest body.
pub const BODY_LIMIT: usize = 2 * 1024 * 1024;

/// The body as `T`: 415 for another content type, 413 past the limit, 400 for what is not
/// JSON that we can store, 422 for JSON of the wrong shape, naming the field.
pub struct ApiJson<T>(pub T);

/// The same, where nothing at all may be sent.
pub struct OptionalJson<T>(pub Option<T>);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ApiJson<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        json_content_type(&parts.headers)?;
        let bytes = whole(body).await?;
        typed(value(&bytes)?).map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let bytes = whole(body).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(None));
        }
        json_content_type(&parts.headers)?;
        typed(value(&bytes)?).map(|it| Self(Some(it)))
    }
}

/// The body as text of one of these content types.
///
/// # Errors
/// 415, 413, and 400 where it is not UTF-8.
pub async fn text(
    headers: &HeaderMap,
    body: Body,
    kinds: &[&str],
) -> Result<(String, String), Refusal> {
    let kind = content_type(headers).filter(|kind| kinds.contains(&kind.as_str()));
    let Some(kind) = kind else {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            &format!("send the body as {}", kinds.join(" or ")),
        ));
    };
    let bytes = whole(body).await?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "the body is not UTF-8"))?;
    Ok((kind, text))
}

/// The body, where it stays under the limit.
async fn whole(body: Body) -> Result<Vec<u8>, Refusal> {
    match to_bytes(body, BODY_LIMIT).await {
        Ok(bytes) => Ok(bytes.into()),
        Err(error) => {
            let limited = std::error::Error::source(&error)
                .is_some_and(|source| source.to_string().contains("length limit"));
            Err(if limited || error.to_string().contains("length limit") {
                Error::TooLarge(format!("the body is larger than {BODY_LIMIT} bytes")).into()
            } else {
                Refusal::new(StatusCode::BAD_REQUEST, "the body did not arrive whole")
            })
        }
    }
}

/// The JSON of a body.
pub(super) fn value(bytes: &[u8]) -> Result<Value, Refusal> {
    strict::parse(bytes).map_err(|message| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            &format!("the body is not JSON that can be taken: {message}"),
        )
    })
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        // A missing field is reported at its parent; people look for the field.
        let missing = message
            .strip_prefix("missing field `")
            .and_then(|rest| rest.split('`').next());
        let field = match (path.as_str(), missing) {
            (".", Some(field)) => field.to_owned(),
            (path, Some(field)) => format!("{path}.{field}"),
            (".", None) => String::new(),
            (path, None) => path.to_owned(),
        };
        Error::Invalid(vec![FieldProblem { field, message }]).into()
    })
}

fn json_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let json = content_type(headers)
        .is_some_and(|kind| kind == "application/json" || kind.ends_with("+json"));
    if json {
        Ok(())
    } else {
        Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send the body as application/json",
        ))
    }
}

/// The one content type without its parameters; none where several are given.
fn content_type(headers: &HeaderMap) -> Option<String> {
    let mut given = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(only), None) = (given.next(), given.next()) else {
        return None;
    };
    let kind = only.to_str().ok()?.split(';').next()?;
    Some(kind.trim().to_ascii_lowercase())
}
