//! A form that did not go: its page again, with the messages beside the fields.

use app::text::words_in;
use app::visit::{FormAnswer, Message};
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::reader::Reader;
use super::render;
use crate::state::AppState;

/// A form that was sent: which page shows it again, and what was typed.
pub struct Sent {
    /// The address of the page that the form belongs to.
    pub page: String,
    /// Which form of that page.
    pub form: &'static str,
    /// The fields that are shown again; never a secret.
    pub typed: Vec<(String, String)>,
    /// The names of fields that a message can stand beside.
    pub fields: Vec<String>,
}

impl Sent {
    /// A form of one button.
    pub fn bare(page: String) -> Self {
        Self {
            page,
            form: "verb",
            typed: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// The answer before anything is said in it.
    pub fn answer(self) -> FormAnswer {
        FormAnswer {
            page: self.page,
            form: self.form.to_owned(),
            typed: self.typed,
            ..FormAnswer::default()
        }
    }
}

/// Goes to a page, as a form that went does.
pub fn see(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// The page again, with an answer of the caller's making.
pub async fn again(
    state: &AppState,
    reader: &Reader,
    answer: FormAnswer,
    status: StatusCode,
) -> Response {
    let request = Request::builder()
        .uri(answer.page.clone())
        .body(Body::empty());
    match request {
        Ok(request) => render::page(state, reader, request, Some(answer), status).await,
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The page again, with what the engine has against it.
pub async fn refused(
    state: &AppState,
    reader: &Reader,
    sent: Sent,
    error: engine::Error,
) -> Response {
    let fields = sent.fields.clone();
    let mut answer = sent.answer();
    let mut retry = None;
    let status = match error {
        engine::Error::Unauthenticated(_) => return see("/login"),
        engine::Error::Invalid(problems) => {
            let (beside, above): (Vec<_>, Vec<_>) = problems
                .into_iter()
                .partition(|problem| fields.contains(&problem.field));
            answer.wrong = beside
                .into_iter()
                .map(|problem| (problem.field, problem.message))
                .collect();
            if !above.is_empty() {
                let text = engine::Error::Invalid(above).to_string();
                answer.message = Some(Message::Refused(text));
            }
            StatusCode::UNPROCESSABLE_ENTITY
        }
        engine::Error::Conflict(text) => {
            answer.message = Some(Message::Conflict(text));
            StatusCode::CONFLICT
        }
        engine::Error::Gone(text) => {
            answer.message = Some(Message::Conflict(text));
            StatusCode::GONE
        }
        engine::Error::Replaced {
            message, expired, ..
        } => {
            answer.message = Some(Message::Conflict(message));
            if expired {
                StatusCode::GONE
            } else {
                StatusCode::CONFLICT
            }
        }
        engine::Error::DigestNeeded(text) => {
            answer.message = Some(Message::Refused(text));
            StatusCode::PRECONDITION_REQUIRED
        }
        engine::Error::NotFound(text) => {
            answer.message = Some(Message::Refused(text));
            StatusCode::NOT_FOUND
        }
        engine::Error::Forbidden(text) => {
            answer.message = Some(Message::Refused(text));
            StatusCode::FORBIDDEN
        }
        engine::Error::TooLarge(text) => {
            answer.message = Some(Message::Refused(text));
            StatusCode::PAYLOAD_TOO_LARGE
        }
        engine::Error::TooMany {
            message,
            retry_seconds,
        } => {
            answer.message = Some(Message::Refused(message));
            retry = Some(retry_seconds);
            StatusCode::TOO_MANY_REQUESTS
        }
        engine::Error::Unavailable(source) => {
            tracing::warn!(error = %source, "a form could not reach the database");
            let text = words_in(reader.language).problem.unavailable.to_owned();
            answer.message = Some(Message::Refused(text));
            StatusCode::SERVICE_UNAVAILABLE
        }
        engine::Error::Internal(source) => {
            tracing::error!(error = %format!("{source:#}"), "a form failed");
            let text = words_in(reader.language).problem.internal.to_owned();
            answer.message = Some(Message::Refused(text));
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    let mut response = again(state, reader, answer, status).await;
    if let Some(seconds) = retry {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
