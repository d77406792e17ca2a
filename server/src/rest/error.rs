//! From the engine's errors to HTTP, in one place: RFC 9457 problem documents.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::{Error, FieldProblem};
use serde_json::{Value, json};

/// What a handler returns when a verb refuses or fails.
#[derive(Debug)]
pub struct ApiError(pub Error);

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = status(&self.0);
        if status.is_server_error() {
            // Clients get a stable sentence; what happened stays in the log.
            tracing::error!(
                error = &self.0 as &dyn std::error::Error,
                "a request failed"
            );
        }
        let (detail, fields, retry) = match &self.0 {
            Error::Internal(_) => (
                "an internal error; the log has the details".to_owned(),
                [].as_slice(),
                None,
            ),
            Error::Invalid(problems) => (self.0.to_string(), problems.as_slice(), None),
            Error::TooMany { retry_seconds, .. } => {
                (self.0.to_string(), [].as_slice(), Some(*retry_seconds))
            }
            Error::NotFound(_)
            | Error::Conflict(_)
            | Error::Gone(_)
            | Error::Replaced { .. }
            | Error::DigestNeeded(_)
            | Error::Forbidden(_)
            | Error::Unauthenticated(_)
            | Error::TooLarge(_)
            | Error::Unavailable(_) => (self.0.to_string(), [].as_slice(), None),
        };
        let mut response = match &self.0 {
            // A late answer is led to what took the place of what it was about.
            Error::Replaced { by, .. } => {
                let mut body = document(status, &detail, fields);
                body["successor"] = json!({ "id": by, "url": format!("/approvals/{by}") });
                respond(status, &body)
            }
            Error::NotFound(_)
            | Error::Conflict(_)
            | Error::Gone(_)
            | Error::DigestNeeded(_)
            | Error::Forbidden(_)
            | Error::Unauthenticated(_)
            | Error::TooMany { .. }
            | Error::Invalid(_)
            | Error::TooLarge(_)
            | Error::Unavailable(_)
            | Error::Internal(_) => problem(status, &detail, fields),
        };
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"watchbill\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = retry {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The status of each kind of error.
#[must_use]
pub fn status(error: &Error) -> StatusCode {
    match error {
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Conflict(_) | Error::Replaced { expired: false, .. } => StatusCode::CONFLICT,
        Error::Gone(_) | Error::Replaced { expired: true, .. } => StatusCode::GONE,
        Error::DigestNeeded(_) => StatusCode::PRECONDITION_REQUIRED,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A problem document. `errors` is there only where single fields are wrong.
#[must_use]
pub fn problem(status: StatusCode, detail: &str, fields: &[FieldProblem]) -> Response {
    respond(status, &document(status, detail, fields))
}

fn document(status: StatusCode, detail: &str, fields: &[FieldProblem]) -> Value {
    let mut body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "detail": detail,
    });
    if !fields.is_empty() {
        body["errors"] = json!(fields);
    }
    body
}

fn respond(status: StatusCode, body: &Value) -> Response {
    (
        status,
        [
            (header::CONTENT_TYPE, "application/problem+json"),
            (header::CACHE_CONTROL, "no-store"),
        ],
        body.to_string(),
    )
        .into_response()
}

/// A response that refuses, whatever said so.
#[derive(Debug)]
pub struct Refusal(Box<Response>);

impl Refusal {
    /// A problem document of this status.
    #[must_use]
    pub fn new(status: StatusCode, detail: &str) -> Self {
        Self(Box::new(problem(status, detail, &[])))
    }
}

impl<E: Into<ApiError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(Box::new(error.into().into_response()))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}
