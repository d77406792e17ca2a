use axum::Json;
use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use engine::notify::{self, PreferencesEdit};
use model::id::AccountId;
use model::notify::Preferences;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id;
use crate::auth::Authenticated;
use crate::rest::ApiError;
use crate::state::AppState;

/// How a person is notified; what is left out stays as it is, an empty text clears it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NotificationsChange {
    /// Writing the address anew also lifts its being refused.
    email: Option<String>,
    /// en or fr
    language: Option<String>,
    /// An IANA name, such as Europe/Paris.
    zone: Option<String>,
    /// `at_once`, digest or none
    mode: Option<String>,
    /// The local hour of the daily message, 0 to 23.
    digest_hour: Option<i64>,
    /// Local time such as 22:00; messages wait until `quiet_until`.
    quiet_from: Option<String>,
    quiet_until: Option<String>,
    /// Tell of tasks that failed after their last retry.
    failures: Option<bool>,
    /// Only from this many failures in a row of the same task of a plan.
    failures_in_a_row: Option<i64>,
    /// Such as Mon-Fri 09:00-18:00; empty is always.
    working_hours: Option<String>,
}

impl From<NotificationsChange> for PreferencesEdit {
    fn from(change: NotificationsChange) -> Self {
        Self {
            email: change.email,
            language: change.language,
            zone: change.zone,
            mode: change.mode,
            digest_hour: change.digest_hour.map(|hour| hour.to_string()),
            quiet_from: change.quiet_from,
            quiet_until: change.quiet_until,
            failures: change.failures,
            failures_in_a_row: change.failures_in_a_row.map(|count| count.to_string()),
            working_hours: change.working_hours,
        }
    }
}

/// How a person is notified.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Notifications {
    email: Option<String>,
    /// Since when a mail server refuses the address for good.
    email_disabled_at: Option<DateTime<Utc>>,
    email_disabled_reason: Option<String>,
    language: &'static str,
    zone: String,
    mode: &'static str,
    digest_hour: i16,
    quiet_from: Option<String>,
    quiet_until: Option<String>,
    failures: bool,
    failures_in_a_row: i32,
    working_hours: Option<String>,
}

/// How a person is notified; one's own, or with admin another's.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/notifications", tag = "identity",
    operation_id = "get_notifications", params(("id" = i64, Path, description = "the account's id")),
    responses((status = 200, body = Notifications), (status = 403, description = "needs the role admin"),
        (status = 404, description = "unknown")))]
pub(super) async fn get(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(account): Path<String>,
) -> Result<Json<Notifications>, ApiError> {
    let account = id::<AccountId>("account", &account)?;
    let chosen = notify::preferences(&state.engine, &caller, account).await?;
    Ok(Json(shown(chosen)))
}

fn shown(chosen: Preferences) -> Notifications {
    let time = |time: chrono::NaiveTime| time.format("%H:%M").to_string();
    Notifications {
        email: chosen.email,
        email_disabled_at: chosen.email_disabled_at,
        email_disabled_reason: chosen.email_disabled_reason,
        language: chosen.language.as_str(),
        zone: chosen.zone,
        mode: chosen.mode.as_str(),
        digest_hour: chosen.digest_hour,
        quiet_from: chosen.quiet.map(|quiet| time(quiet.from)),
        quiet_until: chosen.quiet.map(|quiet| time(quiet.until)),
        failures: chosen.failures,
        failures_in_a_row: chosen.failures_in_a_row,
        working_hours: chosen.working_hours,
    }
}
