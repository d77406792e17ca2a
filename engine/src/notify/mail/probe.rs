//! A test message, and what happened at each step.

use chrono::{DateTime, Utc};
use lettre::Address;
use model::id::AccountId;
use model::notify::{Language, NotifyMode, Preferences};

use super::compose::{Reader, test};
use super::recipient::Recipient;
use super::smtp::{Parcel, Said, hand_over};
use super::{folder, message};
use crate::identity::accounts::checked_email;
use crate::{Engine, Error, Result};

/// What came of a test message.
#[derive(Clone, Debug)]
pub struct Probe {
    pub to: String,
    pub from: String,
    /// The steps of the exchange with the server, in order.
    pub steps: Vec<Said>,
    /// The file, where there is no server.
    pub file: Option<std::path::PathBuf>,
    pub went: bool,
}

/// Sends a test message outside the outbox, at once.
///
/// # Errors
/// [`Error::Invalid`] where an address is none, or nothing is configured.
pub async fn probe(engine: &Engine, to: Option<&str>) -> Result<Probe> {
    let settings = &engine.settings.mail;
    let from = message::sender(&settings.from)
        .map_err(|_| Error::invalid("notify.mail_from", "The sender is no mail address."))?;
    let to = match to {
        Some(text) => checked_email(text).map_err(|message| Error::invalid("address", message))?,
        None => from.email.to_string(),
    };
    let address: Address = to
        .parse()
        .map_err(|_| Error::invalid("address", "This is no mail address."))?;
    let now = engine.clock.now();
    let recipient = stranger(&to);
    let reader = Reader::new(&recipient, &settings.base_url, now);
    let letter = test(&reader);
    let id = id(engine, now);
    let around = message::Around {
        id: &id,
        thread: None,
        from: &from,
        to: &address,
        at: now,
        account_page: &reader.account_page(),
    };
    let mail = message::build(&letter, &around)
        .map_err(anyhow::Error::new)?
        .formatted();
    let mut probe = Probe {
        to,
        from: from.to_string(),
        steps: Vec::new(),
        file: None,
        went: false,
    };
    match (&settings.smtp, &settings.folder) {
        (Some(smtp), _) => {
            let parcel = Parcel {
                from: &from.email,
                to: &address,
                mail: &mail,
            };
            let handed = hand_over(settings, smtp, &parcel, &mut probe.steps).await;
            probe.went = handed.is_ok();
        }
        (None, Some(path)) => {
            let name = format!("{id}.eml");
            folder::write(path, &name, &mail)?;
            probe.file = Some(path.join(name));
            probe.went = true;
        }
        (None, None) => {
            return Err(Error::invalid(
                "notify.smtp.host",
                "No mail server is configured.",
            ));
        }
    }
    Ok(probe)
}

fn id(engine: &Engine, now: DateTime<Utc>) -> String {
    format!(
        "test-{}-{}",
        now.timestamp_micros(),
        engine.random.uuid().simple()
    )
}

/// A reader of whom nothing is known but the address.
fn stranger(email: &str) -> Recipient {
    Recipient {
        account: AccountId(0),
        email: email.to_owned(),
        preferences: Preferences {
            email: Some(email.to_owned()),
            email_disabled_at: None,
            email_disabled_reason: None,
            language: Language::English,
            zone: "UTC".to_owned(),
            mode: NotifyMode::AtOnce,
            digest_hour: 7,
            quiet: None,
            failures: false,
            failures_in_a_row: 1,
            working_hours: None,
        },
    }
}
