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
    Later(String),
    /// The server refuses this address for good.
    Address(String),
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
        read().map_err(|text| self.failed(Step::Certificates, &text))
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
                let text = what(step, &error);
                let refusal = self.failed(step, &text);
                Err(match refusal {
                    Refusal::Later(text) if refuses_address(step, &error) => Refusal::Address(text),
                    other => other,
                })
            }
            Err(_) => {
                let text = format!("no answer within {} seconds", self.limit.as_secs());
                Err(self.failed(step, &text))
            }
        }
    }

    fn failed(&mut self, step: Step, text: &str) -> Refusal {
        let text = one_line(text, 300);
        let refusal = Refusal::Later(format!("{step}: {text}"));
        let went = false;
        self.told.push(Said { step, went, text });
        refusal
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

/// A 5xx to RCPT is about the address, unless it says that it is about us: 5.7 is policy
/// (relaying denied), 530 asks for a login. Then the configuration is at fault, and every
/// address would be struck off.
fn refuses_address(step: Step, error: &Error) -> bool {
    let Some(code) = error.status() else {
        return false;
    };
    let text = error.to_string();
    step == Step::Recipient
        && error.is_permanent()
        && code.to_string() != "530"
        && !text.contains(" 5.7.")
}
