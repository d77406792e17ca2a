//! From a letter to mail, by typed headers only.

use chrono::{DateTime, Utc};
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use lettre::{Address, address::AddressError};

use super::letter::Letter;

/// What surrounds a letter.
pub(super) struct Around<'a> {
    /// Stable over all tries of the same message.
    pub id: &'a str,
    /// What messages about the same run have in common.
    pub thread: Option<&'a str>,
    pub from: &'a Mailbox,
    pub to: &'a Address,
    pub at: DateTime<Utc>,
    /// The page where the reader changes what they receive.
    pub account_page: &'a str,
}

/// Builds the mail: text first, HTML beside it.
pub(super) fn build(letter: &Letter, around: &Around<'_>) -> Result<Message, lettre::error::Error> {
    let domain = around.from.email.domain();
    let mut builder = Message::builder()
        .from(around.from.clone())
        .to(Mailbox::new(None, around.to.clone()))
        .subject(letter.subject())
        .date(around.at.into())
        .message_id(Some(format!("<{}@{domain}>", around.id)))
        .header(AutoSubmitted)
        .header(ListUnsubscribe(around.account_page.to_owned()));
    if let Some(thread) = around.thread {
        let root = format!("<{thread}@{domain}>");
        builder = builder.in_reply_to(root.clone()).references(root);
    }
    builder.multipart(MultiPart::alternative_plain_html(
        letter.plain(),
        letter.html(),
    ))
}

/// Whom our mail is from, as the configuration says.
pub(super) fn sender(text: &str) -> Result<Mailbox, AddressError> {
    text.parse()
}

/// The sender as it will be written; none where the text is no address with or without a name.
#[must_use]
pub fn checked_sender(text: &str) -> Option<String> {
    if text.chars().any(char::is_control) {
        return None;
    }
    sender(text)
        .ok()
        .filter(|sender| sender.email.to_string().is_ascii())
        .map(|sender| sender.to_string())
}

/// Tells automatic answers to stay away.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Where to stop or change the mail: a page that changes nothing by being opened.
#[derive(Clone)]
struct ListUnsubscribe(String);

impl Header for ListUnsubscribe {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Unsubscribe")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), format!("<{}>", self.0))
    }
}
