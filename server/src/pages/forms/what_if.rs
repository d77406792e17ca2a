//! Trying a draft of a plan's gates on the past. It changes nothing; it is sent, since a
//! plan's text does not fit into an address.

use app::text::words_in;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use engine::approvals::MOST_DAYS_BACK;
use engine::plans;
use model::identity::Permission;

use super::super::reader::Reader;
use super::super::refusal::{Sent, again, refused, see};
use super::{Fields, sender, value};
use crate::state::AppState;

/// `POST /plans/{name}/what-if`
pub async fn ask(
    State(state): State<AppState>,
    reader: Reader,
    Path(name): Path<String>,
    Form(fields): Fields,
) -> Response {
    let Ok(principal) = sender(&reader) else {
        return see("/login");
    };
    // Nothing is read for those who may not ask.
    if let Err(error) = engine::authorise(&principal, Permission::EditPlan) {
        let sent = Sent {
            page: format!("/plans/{name}/what-if"),
            form: "what-if",
            typed: Vec::new(),
            fields: Vec::new(),
        };
        return refused(&state, &reader, sent, error).await;
    }
    let mut wrong = Vec::new();
    let days = value(&fields, "days").trim().parse::<u32>();
    if !days.is_ok_and(|days| (1..=MOST_DAYS_BACK).contains(&days)) {
        let message = words_in(reader.language).what_if.days_wrong;
        wrong.push(("days".to_owned(), message.to_owned()));
    }
    match plans::draft(&name, value(&fields, "source")).await {
        Ok(_) => {}
        Err(engine::Error::Invalid(problems)) => {
            let lines: Vec<String> = problems
                .into_iter()
                .map(|problem| engine::Error::Invalid(vec![problem]).to_string())
                .collect();
            wrong.push(("source".to_owned(), lines.join("\n")));
        }
        Err(error) => wrong.push(("source".to_owned(), error.to_string())),
    }
    let status = if wrong.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let sent = Sent {
        page: format!("/plans/{name}/what-if"),
        form: "what-if",
        typed: fields,
        fields: Vec::new(),
    };
    let mut answer = sent.answer();
    answer.wrong = wrong;
    again(&state, &reader, answer, status).await
}
