use app::text::words_in;
use app::visit::{FormAnswer, Message};
use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::super::reader::Reader;
use super::super::refusal::{Sent, again, refused, see};
use crate::auth::{Client, LoginForm, LoginOutcome, login_submit};
use crate::state::AppState;

/// `POST /login`
pub async fn login(
    State(state): State<AppState>,
    mut reader: Reader,
    client: Client,
    headers: HeaderMap,
    Form(form): Form<LoginForm>,
) -> Response {
    // Who logs in anew sees the form again if it does not go, whoever they were before.
    reader.principal = None;
    let sent = Sent {
        page: "/login".to_owned(),
        form: "login",
        typed: vec![("login".to_owned(), form.login.clone())],
        fields: vec!["login".to_owned(), "password".to_owned()],
    };
    match login_submit(&state, &client, &headers, form).await {
        Ok(LoginOutcome::LoggedIn { cookies, next }) => {
            let mut response = see(&next).into_response();
            for cookie in cookies {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
        Ok(LoginOutcome::Refused {
            problems,
            retry_seconds,
            next,
        }) => {
            reader.next = Some(next);
            let words = &words_in(reader.language).login;
            let mut answer = sent.answer();
            for problem in problems {
                let (field, message) = match (problem.field.as_str(), retry_seconds) {
                    ("login", _) => ("login", words.login_missing.to_owned()),
                    ("password", _) => ("password", words.password_missing.to_owned()),
                    (_, Some(seconds)) => ("password", (words.too_many)(seconds)),
                    // Which of the two is wrong is nobody's business.
                    (_, None) => ("password", words.wrong.to_owned()),
                };
                answer.wrong.push((field.to_owned(), message));
            }
            let status = match retry_seconds {
                Some(_) => StatusCode::TOO_MANY_REQUESTS,
                None => StatusCode::UNPROCESSABLE_ENTITY,
            };
            let mut response = again(&state, &reader, answer, status).await;
            if let Some(seconds) = retry_seconds {
                let headers = response.headers_mut();
                headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
        Ok(LoginOutcome::InsecureTransport { explanation }) => {
            let answer = FormAnswer {
                message: Some(Message::Refused(explanation)),
                ..sent.answer()
            };
            again(&state, &reader, answer, StatusCode::FORBIDDEN).await
        }
        Err(error) => refused(&state, &reader, sent, error).await,
    }
}
