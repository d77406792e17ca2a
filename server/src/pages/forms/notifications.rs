use app::visit::{FormAnswer, Message};
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::notify::{self, PreferencesEdit};

use super::super::reader::Reader;
use super::super::refusal::{Sent, again, refused};
use super::{Fields, sender, value};
use crate::state::AppState;

/// The fields that a message can stand beside.
const FIELDS: [&str; 9] = [
    "email",
    "language",
    "zone",
    "mode",
    "digest_hour",
    "quiet_from",
    "quiet_until",
    "failures_in_a_row",
    "working_hours",
];

/// `POST /account/notifications`: where, when and in which language a person is told.
pub async fn store(
    State(state): State<AppState>,
    reader: Reader,
    Form(fields): Fields,
) -> Response {
    let sent = Sent {
        page: "/account".to_owned(),
        form: "notifications",
        fields: FIELDS.iter().map(|field| (*field).to_owned()).collect(),
        typed: fields.clone(),
    };
    let stored = async {
        let person = sender(&reader)?;
        let account = person.account().ok_or_else(|| {
            engine::Error::Forbidden("this is for people with an account".to_owned())
        })?;
        notify::set_preferences(&state.engine, &person, account, &edit(&fields)).await
    };
    match stored.await {
        Ok(_) => {
            let answer = FormAnswer {
                page: sent.page,
                form: sent.form.to_owned(),
                message: Some(Message::NotificationsStored),
                ..FormAnswer::default()
            };
            again(&state, &reader, answer, StatusCode::OK).await
        }
        Err(error) => refused(&state, &reader, sent, error).await,
    }
}

/// What was sent; a field that was not is left as it is.
fn edit(fields: &[(String, String)]) -> PreferencesEdit {
    let given = |name: &str| {
        fields
            .iter()
            .any(|(key, _)| key == name)
            .then(|| value(fields, name).to_owned())
    };
    if value(fields, "again") == "email" {
        // Alone, so that an address that was refused is tried once more.
        return PreferencesEdit {
            email: given("email"),
            ..PreferencesEdit::default()
        };
    }
    PreferencesEdit {
        email: given("email"),
        language: given("language"),
        zone: given("zone"),
        mode: given("mode"),
        digest_hour: given("digest_hour"),
        quiet_from: given("quiet_from"),
        quiet_until: given("quiet_until"),
        // A box that is not ticked is not sent.
        failures: Some(value(fields, "failures") == "true"),
        failures_in_a_row: given("failures_in_a_row"),
        working_hours: given("working_hours"),
    }
}
