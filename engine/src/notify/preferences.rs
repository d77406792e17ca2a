//! How a person wants to be told, set by themselves or by an admin.

use anyhow::Context as _;
use chrono::NaiveTime;
use model::id::AccountId;
use model::identity::{Permission, Principal, PrincipalKind};
use model::notify::{Language, NotifyMode, Preferences, QuietHours, WorkingHours, local_time};
use serde_json::json;
use sqlx::PgConnection;

use super::mail;
use crate::audit;
use crate::identity::accounts::{checked_email, locked, no_account, subject};
use crate::schedule::find_zone;
use crate::{Engine, Error, FieldProblem, Result, authorise};

/// What is to change, as it was typed; none leaves a thing as it is, an empty text clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreferencesEdit {
    pub email: Option<String>,
    pub language: Option<String>,
    pub zone: Option<String>,
    pub mode: Option<String>,
    pub digest_hour: Option<String>,
    pub quiet_from: Option<String>,
    pub quiet_until: Option<String>,
    pub failures: Option<bool>,
    pub failures_in_a_row: Option<String>,
    pub working_hours: Option<String>,
}

const BOTH_TIMES: &str = "Write both times like 22:00 and 07:00, or neither.";
const TIMES_DIFFER: &str = "The two times must differ.";
const END_LATER: &str = "The end must be later than the start.";

/// What this person chose; one's own needs no permission.
pub async fn preferences(
    engine: &Engine,
    principal: &Principal,
    id: AccountId,
) -> Result<Preferences> {
    if principal.account() != Some(id) {
        authorise(principal, Permission::Administer)?;
    }
    read(&mut *engine.pool.acquire().await?, id).await
}

/// Changes what was given and nothing else. One's own needs a session; another's, admin.
///
/// # Errors
/// [`Error::Invalid`] with a sentence for each field that is wrong.
pub async fn set_preferences(
    engine: &Engine,
    principal: &Principal,
    id: AccountId,
    edit: &PreferencesEdit,
) -> Result<Preferences> {
    match &principal.kind {
        PrincipalKind::Session { account } if *account == id => {}
        // A token must not lead its person's mail elsewhere.
        PrincipalKind::Session { .. }
        | PrincipalKind::PendingPassword { .. }
        | PrincipalKind::PersonToken { .. }
        | PrincipalKind::StepToken { .. }
        | PrincipalKind::TrustedReporter
        | PrincipalKind::System => authorise(principal, Permission::Administer)?,
    }
    let mut transaction = engine.pool.begin().await?;
    let account = locked(&mut transaction, id).await?;
    let before = read(&mut transaction, id).await?;
    let after = edited(before.clone(), edit)?;
    if after == before {
        return Ok(after);
    }
    write(&mut transaction, id, &after).await?;
    mail::preferences_changed(&mut transaction, id, after.mode).await?;
    audit::record(
        &mut transaction,
        principal,
        "account.preferences",
        &subject(&account.login),
        json!({ "account": id.0, "email": after.email, "email_before": before.email, "mode": after.mode }),
    )
    .await?;
    transaction.commit().await?;
    Ok(after)
}

fn edited(mut to: Preferences, edit: &PreferencesEdit) -> Result<Preferences> {
    let mut problems = Vec::new();
    let mut wrong = |field: &str, message: String| {
        problems.push(FieldProblem {
            field: field.to_owned(),
            message,
        });
    };
    if let Some(text) = &edit.email {
        match filled(text).map(checked_email).transpose() {
            Ok(email) => {
                let alone = PreferencesEdit {
                    email: edit.email.clone(),
                    ..PreferencesEdit::default()
                };
                // A form sends the address with every change; only who sends nothing else asks
                // for another try of a refused one.
                if email != to.email || *edit == alone {
                    to.email_disabled_at = None;
                    to.email_disabled_reason = None;
                }
                to.email = email;
            }
            Err(message) => wrong("email", message),
        }
    }
    if let Some(text) = &edit.language {
        match text.trim().parse::<Language>() {
            Ok(language) => to.language = language,
            Err(error) => wrong("language", error.to_string()),
        }
    }
    if let Some(text) = &edit.zone {
        match find_zone(text.trim()) {
            Ok(_) => text.trim().clone_into(&mut to.zone),
            Err(message) => wrong("zone", message),
        }
    }
    if let Some(text) = &edit.mode {
        match text.trim().parse::<NotifyMode>() {
            Ok(mode) => to.mode = mode,
            Err(error) => wrong("mode", error.to_string()),
        }
    }
    if let Some(text) = &edit.digest_hour {
        match text.trim().parse() {
            Ok(hour @ 0..=23) => to.digest_hour = hour,
            Ok(_) | Err(_) => wrong("digest_hour", "Write an hour from 0 to 23.".to_owned()),
        }
    }
    if let Some(on) = edit.failures {
        to.failures = on;
    }
    if let Some(text) = &edit.failures_in_a_row {
        match text.trim().parse() {
            Ok(count @ 1..=100) => to.failures_in_a_row = count,
            Ok(_) | Err(_) => wrong(
                "failures_in_a_row",
                "Write a number from 1 to 100.".to_owned(),
            ),
        }
    }
    if let Some(text) = &edit.working_hours {
        match filled(text).map(|text| text.parse::<WorkingHours>().map(|_| text.to_owned())) {
            None => to.working_hours = None,
            Some(Ok(text)) => to.working_hours = Some(text),
            Some(Err(_)) if ends_first(text) => wrong("working_hours", END_LATER.to_owned()),
            Some(Err(error)) => wrong("working_hours", error.to_string()),
        }
    }
    quiet_hours(&mut to, edit, &mut wrong);
    if problems.is_empty() {
        Ok(to)
    } else {
        Err(Error::Invalid(problems))
    }
}

/// Whether working hours such as `Mon-Fri 18:00-09:00` end before they begin, or as they do.
fn ends_first(text: &str) -> bool {
    text.trim()
        .split_once(' ')
        .and_then(|(_, hours)| hours.split_once('-'))
        .and_then(|(from, until)| local_time(from).zip(local_time(until)))
        .is_some_and(|(from, until)| until <= from)
}

fn quiet_hours(to: &mut Preferences, edit: &PreferencesEdit, wrong: &mut impl FnMut(&str, String)) {
    let shown = |time: NaiveTime| time.format("%H:%M").to_string();
    let text = |edit: &Option<String>, present: Option<NaiveTime>| {
        edit.clone()
            .unwrap_or_else(|| present.map(shown).unwrap_or_default())
    };
    let from = text(&edit.quiet_from, to.quiet.map(|quiet| quiet.from));
    let until = text(&edit.quiet_until, to.quiet.map(|quiet| quiet.until));
    if filled(&from).is_none() && filled(&until).is_none() {
        to.quiet = None;
        return;
    }
    match (local_time(&from), local_time(&until)) {
        (Some(from), Some(until)) if from == until => wrong("quiet_until", TIMES_DIFFER.to_owned()),
        (Some(from), Some(until)) => to.quiet = Some(QuietHours { from, until }),
        (None, _) => wrong("quiet_from", BOTH_TIMES.to_owned()),
        (Some(_), None) => wrong("quiet_until", BOTH_TIMES.to_owned()),
    }
}

fn filled(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// What one person chose.
pub(crate) async fn read(connection: &mut PgConnection, id: AccountId) -> Result<Preferences> {
    let mut people = read_many(connection, &[id]).await?;
    people
        .pop()
        .map(|person| person.preferences)
        .ok_or_else(|| no_account(id))
}

/// A person with what they chose.
pub(crate) struct Person {
    pub account: AccountId,
    pub is_disabled: bool,
    pub preferences: Preferences,
}

/// The people of these accounts, by id, in one statement: a cause of messages concerns many
/// at once, and is written while others wait for its transaction.
pub(crate) async fn read_many(
    connection: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<Person>> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = accounts.iter().map(|account| account.0).collect();
    let rows = sqlx::query!(
        r#"SELECT id, disabled_at IS NOT NULL AS "disabled!", email, email_disabled_at, email_disabled_reason,
                  language, zone, notify_mode, digest_hour, quiet_from, quiet_until, failure_mail,
                  failures_in_a_row, working_hours
           FROM accounts WHERE id = ANY($1) ORDER BY id"#,
        &ids
    )
    .fetch_all(connection)
    .await?;
    let mut people = Vec::with_capacity(rows.len());
    for row in rows {
        let account = AccountId(row.id);
        people.push(Person {
            account,
            is_disabled: row.disabled,
            preferences: Preferences {
                email: row.email,
                email_disabled_at: row.email_disabled_at,
                email_disabled_reason: row.email_disabled_reason,
                language: row
                    .language
                    .parse()
                    .with_context(|| format!("accounts.language of account {account} is wrong"))?,
                zone: row.zone,
                mode: row.notify_mode.parse().with_context(|| {
                    format!("accounts.notify_mode of account {account} is wrong")
                })?,
                digest_hour: row.digest_hour,
                quiet: row
                    .quiet_from
                    .zip(row.quiet_until)
                    .map(|(from, until)| QuietHours { from, until }),
                failures: row.failure_mail,
                failures_in_a_row: row.failures_in_a_row,
                working_hours: row.working_hours,
            },
        });
    }
    Ok(people)
}

async fn write(connection: &mut PgConnection, id: AccountId, to: &Preferences) -> Result<()> {
    sqlx::query!(
        "UPDATE accounts
         SET email = $2, email_disabled_at = $3, email_disabled_reason = $4, language = $5, zone = $6,
             notify_mode = $7, digest_hour = $8, quiet_from = $9, quiet_until = $10, failure_mail = $11,
             failures_in_a_row = $12, working_hours = $13
         WHERE id = $1",
        id.0,
        to.email,
        to.email_disabled_at,
        to.email_disabled_reason,
        to.language.as_str(),
        to.zone,
        to.mode.as_str(),
        to.digest_hour,
        to.quiet.map(|quiet| quiet.from),
        to.quiet.map(|quiet| quiet.until),
        to.failures,
        to.failures_in_a_row,
        to.working_hours,
    )
    .execute(connection)
    .await?;
    Ok(())
}
