//! Letting a colleague sign in one's place, from the account's page.

use axum::Form;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Days, NaiveDate, Utc};
use engine::approvals::delegations::{self, NewDelegation};
use engine::lifecycle::people;

use super::super::reader::Reader;
use super::super::refusal::{Sent, refused, see};
use super::{Fields, sender, value};
use crate::state::AppState;

const PAGE: &str = "/account";
const FIELDS: [&str; 4] = ["to", "starts_at", "ends_at", "note"];

/// `POST /account/delegate`: from one day to another, both included, in UTC.
pub async fn create(
    State(state): State<AppState>,
    reader: Reader,
    Form(fields): Fields,
) -> Response {
    let done = async {
        let person = sender(&reader)?;
        let new = NewDelegation {
            to: value(&fields, "to").to_owned(),
            starts_at: day(&fields, "starts_at", 0)?,
            ends_at: day(&fields, "ends_at", 1)?,
            note: Some(value(&fields, "note").to_owned()),
        };
        delegations::create(&state.engine, &person, &new).await
    };
    match done.await {
        Ok(_) => see(PAGE),
        Err(error) => {
            let sent = Sent {
                page: PAGE.to_owned(),
                form: "delegate",
                typed: fields,
                fields: FIELDS.map(str::to_owned).to_vec(),
            };
            refused(&state, &reader, sent, error).await
        }
    }
}

/// `POST /account/undelegate`
pub async fn revoke(
    State(state): State<AppState>,
    reader: Reader,
    Form(fields): Fields,
) -> Response {
    let done = async {
        let person = sender(&reader)?;
        let id = value(&fields, "delegation").parse().map_err(|_| {
            engine::Error::invalid("delegation", "It is not a delegation's number.")
        })?;
        people::revoke_delegation(&state.engine, &person, id).await
    };
    match done.await {
        Ok(()) => see(PAGE),
        Err(error) => refused(&state, &reader, Sent::bare(PAGE.to_owned()), error).await,
    }
}

/// The midnight that begins a day, so many days later.
fn day(fields: &[(String, String)], name: &str, later: u64) -> engine::Result<DateTime<Utc>> {
    value(fields, name)
        .trim()
        .parse::<NaiveDate>()
        .ok()
        .and_then(|day| day.checked_add_days(Days::new(later)))
        .and_then(|day| day.and_hms_opt(0, 0, 0))
        .map(|moment| moment.and_utc())
        .ok_or_else(|| engine::Error::invalid(name, "Write a day such as 2026-11-20."))
}
