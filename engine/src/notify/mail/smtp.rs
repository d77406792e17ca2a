//! One exchange with the mail server: a fresh connection, a limit of time on every step,
//! and at which step it failed, since that decides what a refusal means.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use secrecy::ExposeSecret as _;

use super::letter::one_line;
use crate::settings::{MailSettings, Smtp, SmtpTls};

/// Enhanced codes by which a server says that the recipient's address is no good.
const ABOUT_THE_ADDRESS: [&str; 6] = ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"];

/// A step of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reading the certificates to trust.
    Certificates,
    /// The connection, the server's greeting and EHLO.
    Connect,
    StartTls,
    Login,
    Sender,
    Recipient,
    Data,
    /// The server takes the message over.
    Message,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Certificates => "certificates",
            Self::Connect => "connection and EHLO",
            Self::StartTls => "STARTTLS",
            Self::Login => "AUTH",
            Self::Sender => "MAIL FROM",
            Self::Recipient => "RCPT TO",
            Self::Data => "DATA",
            Self::Message => "message",
        })
    }
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub step: Step,
    pub went: bool,
    pub text: String,
}

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Another try may succeed.
    Later(Reason),
    /// The server refuses this address for good.
    Address(Reason),
}

/// A reason: in words for admins, which may hold an address, and as logs may tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    pub text: String,
    /// The number that the server answered, where it did.
    pub code: Option<u16>,
}

impl Reason {
    /// What failed without an answer of the server.
    pub fn unanswered(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            code: None,
        }
    }
}

/// Who sends what to whom.
pub(super) struct Parcel<'a> {
    pub from: &'a Address,
    pub to: &'a Address,
    pub mail: &'a [u8],
}

/// Hands one message over; `told` gains a line for each step.
pub(super) async fn hand_over(
    settings: &MailSettings,
    smtp: &Smtp,
    parcel: &Parcel<'_>,
    told: &mut Vec<Said>,
) -> Result<(), Refusal> {
    let mut exchange = Exchange {
        limit: settings.step_timeout,
        told,
    };
    let hello = ClientId::Domain(parcel.from.domain().to_owned());
    let tls = match smtp.tls {
        SmtpTls::None => None,
        SmtpTls::StartTls | SmtpTls::Tls => Some(exchange.trust(smtp)?),
    };
    let wrapper = tls.clone().filter(|_| smtp.tls == SmtpTls::Tls);
    let connecting = AsyncSmtpConnection::connect_tokio1(
        (smtp.host.as_str(), smtp.port),
        Some(settings.step_timeout),
        &hello,
        wrapper,
        None,
    );
    let mut connection = exchange
        .step(Step::Connect, connecting, |_| {
            format!("{}:{} answers", smtp.host, smtp.port)
        })
        .await?;
    let outcome = exchange
        .speak(&mut connection, smtp, tls, &hello, parcel)
        .await;
    // The connection is not used again. After a failure it is dropped without a word: the
    // library's own farewell panics where the change to TLS has failed.
    if outcome.is_ok() {
        let patience = Duration::from_secs(2).min(settings.step_timeout);
        drop(tokio::time::timeout(patience, connection.quit()).await);
    }
    outcome
}

struct Exchange<'a> {
    limit: Duration,
    told: &'a mut Vec<Said>,
}

impl Exchange<'_> {
    fn trust(&mut self, smtp: &Smtp) -> Result<TlsParameters, Refusal> {
        let read = || -> Result<TlsParameters, String> {
            let mut builder = TlsParameters::builder(smtp.host.clone());
            if let Some(file) = &smtp.ca_file {
                let pem = std::fs::read(file)
                    .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
                let certificate = Certificate::from_pem(&pem)
                    .map_err(|_| format!("{} holds no certificate in PEM", file.display()))?;
                builder = builder.add_root_certificate(certificate);
            }
            builder.build().map_err(|error| error.to_string())
        };
        read().map_err(|text| Refusal::Later(self.failed(Step::Certificates, &text, None)))
    }

    async fn speak(
        &mut self,
        connection: &mut AsyncSmtpConnection,
        smtp: &Smtp,
        tls: Option<TlsParameters>,
        hello: &ClientId,
        parcel: &Parcel<'_>,
    ) -> Result<(), Refusal> {
        if let Some(tls) = tls.filter(|_| smtp.tls == SmtpTls::StartTls) {
            let change = connection.starttls(tls, hello);
            self.step(Step::StartTls, change, |()| "encrypted".to_owned())
                .await?;
        }
        if let Some(user) = &smtp.user {
            let password = smtp.password.as_ref().map_or("", |it| it.expose_secret());
            let credentials = Credentials::new(user.clone(), password.to_owned());
            let login = connection.auth(DEFAULT_MECHANISMS, &credentials);
            self.step(Step::Login, login, said).await?;
        }
        let command = connection.command(Mail::new(Some(parcel.from.clone()), Vec::new()));
        self.step(Step::Sender, command, said).await?;
        let command = connection.command(Rcpt::new(parcel.to.clone(), Vec::new()));
        self.step(Step::Recipient, command, said).await?;
        self.step(Step::Data, connection.command(Data), said)
            .await?;
        self.step(Step::Message, connection.message(parcel.mail), said)
            .await?;
        Ok(())
    }

    async fn step<T>(
        &mut self,
        step: Step,
        doing: impl Future<Output = Result<T, Error>>,
        describe: impl FnOnce(&T) -> String,
    ) -> Result<T, Refusal> {
        match tokio::time::timeout(self.limit, doing).await {
            Ok(Ok(done)) => {
                let text = one_line(&describe(&done), 300);
                let went = true;
                self.told.push(Said { step, went, text });
                Ok(done)
            }
            Ok(Err(error)) => {
                let code = error.status().map(u16::from);
                let reason = self.failed(step, &what(step, &error), code);
                let is_address = step == Step::Recipient
                    && code.is_some_and(|code| refuses_address(code, &error.to_string()));
                Err(if is_address {
                    Refusal::Address(reason)
                } else {
                    Refusal::Later(reason)
                })
            }
            Err(_) => {
                let text = format!("no answer within {} seconds", self.limit.as_secs());
                Err(Refusal::Later(self.failed(step, &text, None)))
            }
        }
    }

    fn failed(&mut self, step: Step, text: &str, code: Option<u16>) -> Reason {
        let text = one_line(text, 300);
        let reason = Reason {
            text: format!("{step}: {text}"),
            code,
        };
        let went = false;
        self.told.push(Said { step, went, text });
        reason
    }
}

fn said(response: &Response) -> String {
    format!(
        "{} {}",
        response.code(),
        response.first_line().unwrap_or_default()
    )
}

/// What the server said; a refused login is told by its number alone, since a server may
/// repeat what it was sent.
fn what(step: Step, error: &Error) -> String {
    match error.status() {
        Some(code) if step == Step::Login => format!("the server answered {code} to the login"),
        None if step == Step::Login && error.is_response() => {
            "the server's answer to the login cannot be read".to_owned()
        }
        None if error.is_timeout() => "no answer in time".to_owned(),
        Some(_) | None => error.to_string(),
    }
}

/// Whether an answer to RCPT refuses the address for good.
///
/// Servers put off to RCPT what they hold against our sender, our greeting or our login, and a
/// full mailbox is a 5xx too: taken for the address's fault, one mistake of our configuration
/// would strike off every address. So only what speaks of the recipient's address counts: of
/// RFC 3463 section 3.2 (no such mailbox, system or form; moved away) and 3.3 (disabled), RFC
/// 7505 (a domain that takes no mail), and 550, 551 and 553 of RFC 5321 section 4.2.3 where
/// no enhanced code says more. All else is tried again until it is given up.
fn refuses_address(code: u16, text: &str) -> bool {
    match text.split_whitespace().find_map(enhanced_code) {
        Some(said) => (500..600).contains(&code) && ABOUT_THE_ADDRESS.contains(&said),
        None => matches!(code, 550 | 551 | 553),
    }
}

/// The enhanced code that a word is; some servers write `(#5.7.1)`, and at the end.
fn enhanced_code(word: &str) -> Option<&str> {
    let word = word.trim_matches(|character: char| !character.is_ascii_alphanumeric());
    let parts: Vec<&str> = word.split('.').collect();
    let [class, subject, detail] = parts[..] else {
        return None;
    };
    let is_number = |part: &str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    (matches!(class, "2" | "4" | "5") && is_number(subject) && is_number(detail)).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_speaks_of_the_address_refuses_it_for_good() {
        for (code, text, expected) in [
            (550, "5.1.1 no such user", true),
            (550, "5.1.2 no such domain", true),
            (501, "5.1.3 bad address syntax", true),
            (551, "5.1.6 moved away", true),
            (556, "5.1.10 the domain takes no mail", true),
            (550, "5.2.1 the mailbox is disabled", true),
            (550, "no such user", true),
            (551, "user not local", true),
            (553, "mailbox name not allowed", true),
            (550, "no such user (#5.1.1)", true),
            // Postfix says at RCPT what it holds against the sender and the greeting.
            (550, "5.1.8 <a@b.c>: Sender address rejected", false),
            (504, "5.5.2 <localhost>: Helo command rejected", false),
            (550, "5.7.1 relaying denied", false),
            (553, "not in my list of allowed rcpthosts (#5.7.1)", false),
            (550, "[5.7.1] rejected, see 5.1.1", false),
            (530, "5.7.0 authentication required", false),
            (530, "authentication required", false),
            (552, "5.2.2 the mailbox is full", false),
            (552, "the mailbox is full", false),
            (554, "transaction failed", false),
            (550, "5.1.11 not one of those", false),
            (450, "5.1.1 come back later", false),
            (450, "4.2.1 come back later", false),
        ] {
            assert_eq!(refuses_address(code, text), expected, "{code} {text}");
        }
    }

    #[test]
    fn an_address_of_the_network_is_no_enhanced_code() {
        for (word, code) in [
            ("5.1.1", Some("5.1.1")),
            ("<5.1.10>:", Some("5.1.10")),
            ("5.1.1.9", None),
            ("(5.1)", None),
            ("5.1.1x", None),
            ("5.1.1@example.org", None),
            ("5.1.", None),
            ("3.1.1", None),
        ] {
            assert_eq!(enhanced_code(word), code, "{word}");
        }
    }
}
