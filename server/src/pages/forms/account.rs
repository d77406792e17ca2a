use app::visit::{FormAnswer, Message};
use axum::Form;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::Response;
use engine::identity::accounts::{self, PasswordChange};
use engine::identity::tokens::{self, NewToken};
use engine::identity::{NewSession, Presence, sessions};
use engine::lifecycle::people;
use model::id::{AccountId, SessionId, TokenId};
use model::identity::{Principal, Scope};
use secrecy::{ExposeSecret, SecretString};

use super::super::reader::Reader;
use super::super::refusal::{Sent, again, refused, see};
use super::{Fields, sender, value};
use crate::auth::{Client, clear_cookie, local_path, session_cookie};
use crate::state::AppState;

const PAGE: &str = "/account";

/// `POST /account/password`: other sessions end, this one goes on under a fresh cookie.
pub async fn password(
    State(state): State<AppState>,
    reader: Reader,
    client: Client,
    Form(fields): Fields,
) -> Response {
    let sent = Sent {
        page: PAGE.to_owned(),
        form: "password",
        typed: fields
            .iter()
            .filter(|(name, _)| name == "next")
            .cloned()
            .collect(),
        fields: vec!["present_password".to_owned(), "password".to_owned()],
    };
    match change(&state, &reader, &fields).await {
        Ok(session) => {
            let mut response = if reader.must_choose_password() {
                see(&local_path(Some(value(&fields, "next"))))
            } else {
                let answer = FormAnswer {
                    message: Some(Message::PasswordChanged),
                    ..sent.answer()
                };
                again(&state, &reader, answer, StatusCode::OK).await
            };
            let cookie = session.and_then(|session| session_cookie(&client, &session));
            if let Some(cookie) = cookie {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(error) => refused(&state, &reader, sent, error).await,
    }
}

async fn change(
    state: &AppState,
    reader: &Reader,
    fields: &[(String, String)],
) -> engine::Result<Option<NewSession>> {
    let (person, account) = account(reader)?;
    let secret = |name| SecretString::from(value(fields, name));
    let change = PasswordChange {
        present: Some(secret("present_password")),
        new: secret("password"),
        end_tokens: value(fields, "end_tokens") == "true",
        origin: reader.origin.clone(),
    };
    accounts::set_password(&state.engine, &person, account, &change).await
}

/// `POST /account/tokens`: the secret is shown this once, so there is no redirect.
pub async fn create_token(
    State(state): State<AppState>,
    reader: Reader,
    Form(fields): Fields,
) -> Response {
    let sent = Sent {
        page: PAGE.to_owned(),
        form: "tokens",
        fields: ["name", "scopes", "lifetime_days", "present_password"]
            .map(str::to_owned)
            .to_vec(),
        typed: fields
            .iter()
            .filter(|(name, _)| name != "present_password")
            .cloned()
            .collect(),
    };
    let created = async {
        let (person, account) = account(&reader)?;
        let new = NewToken {
            name: value(&fields, "name").trim().to_owned(),
            scopes: Scope::ALL
                .into_iter()
                .filter(|scope| value(&fields, &format!("scope.{}", scope.as_str())) == "true")
                .collect(),
            lifetime_days: lifetime(&fields),
        };
        let presence = Presence {
            password: Some(SecretString::from(value(&fields, "present_password"))),
            session: reader.origin.session.clone(),
        };
        people::create_token(&state.engine, &person, account, &new, &presence).await
    };
    match created.await {
        Ok(issued) => {
            let answer = FormAnswer {
                page: PAGE.to_owned(),
                form: "tokens".to_owned(),
                message: Some(Message::TokenCreated),
                secret: Some(issued.value.expose_secret().to_owned()),
                ..FormAnswer::default()
            };
            again(&state, &reader, answer, StatusCode::OK).await
        }
        Err(error) => refused(&state, &reader, sent, error).await,
    }
}

/// `POST /account/logout-everywhere`: this session ends with the others.
pub async fn logout_everywhere(
    State(state): State<AppState>,
    reader: Reader,
    client: Client,
    Form(fields): Fields,
) -> Response {
    let ended = async {
        let person = sender(&reader)?;
        let end_tokens = value(&fields, "end_tokens") == "true";
        sessions::logout_everywhere(&state.engine, &person, end_tokens).await
    };
    match ended.await {
        Ok(_) => {
            let mut response = see("/login");
            if let Some(cleared) = clear_cookie(&client) {
                response.headers_mut().insert(header::SET_COOKIE, cleared);
            }
            response
        }
        Err(error) => refused(&state, &reader, Sent::bare(PAGE.to_owned()), error).await,
    }
}

/// `POST /account/end-session`
pub async fn end_session(
    State(state): State<AppState>,
    reader: Reader,
    Form(fields): Fields,
) -> Response {
    let ended = async {
        let person = sender(&reader)?;
        let id = value(&fields, "session")
            .parse::<SessionId>()
            .map_err(|_| engine::Error::NotFound("there is no such session".to_owned()))?;
        sessions::end_one(&state.engine, &person, id).await
    };
    match ended.await {
        Ok(()) => see(PAGE),
        Err(error) => {
            let sent = Sent {
                form: "sessions",
                ..Sent::bare(PAGE.to_owned())
            };
            refused(&state, &reader, sent, error).await
        }
    }
}

/// `POST /account/revoke`
pub async fn revoke_token(
    State(state): State<AppState>,
    reader: Reader,
    Form(fields): Fields,
) -> Response {
    let revoked = async {
        let person = sender(&reader)?;
        let id = value(&fields, "token")
            .parse::<TokenId>()
            .map_err(|_| engine::Error::NotFound("there is no such token".to_owned()))?;
        tokens::revoke(&state.engine, &person, id).await
    };
    match revoked.await {
        Ok(()) => see(PAGE),
        Err(error) => {
            let sent = Sent {
                form: "tokens",
                ..Sent::bare(PAGE.to_owned())
            };
            refused(&state, &reader, sent, error).await
        }
    }
}

/// What was typed; the usual where nothing was, and what nobody may have where it is no number.
fn lifetime(fields: &[(String, String)]) -> Option<u32> {
    let typed = value(fields, "lifetime_days").trim();
    (!typed.is_empty()).then(|| typed.parse().unwrap_or(0))
}

/// The account whose page this is.
fn account(reader: &Reader) -> engine::Result<(Principal, AccountId)> {
    let person = sender(reader)?;
    let account = person
        .account()
        .ok_or_else(|| engine::Error::Forbidden("this is for people with an account".to_owned()))?;
    Ok((person, account))
}
