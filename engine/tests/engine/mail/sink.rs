//! A mail server for tests: real sockets, real SMTP with STARTTLS, and a fault where it is told.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use engine::settings::{Smtp, SmtpTls};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// Where the server misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Greeting,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    AfterData,
}

impl At {
    pub const PLAIN: [Self; 6] = [
        Self::Greeting,
        Self::Ehlo,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::AfterData,
    ];
}

/// What it does there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Answer(&'static str),
    Hang,
    Drop,
}

/// A fault, for one recipient where one is named.
#[derive(Clone, Debug)]
pub struct Rule {
    pub at: At,
    pub fault: Fault,
    pub only: Option<&'static str>,
}

/// A message as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub to: Vec<String>,
    pub mail: String,
    pub encrypted: bool,
    pub authenticated: bool,
}

struct Inner {
    rules: Mutex<Vec<Rule>>,
    received: Mutex<Vec<Received>>,
    seen: watch::Sender<usize>,
    connections: Mutex<usize>,
    acceptor: TlsAcceptor,
}

/// The server; it ends with the test's runtime.
pub struct Sink {
    inner: Arc<Inner>,
    port: u16,
    /// The certificate that it shows, for whoever trusts it.
    certificate: tempfile::NamedTempFile,
}

impl Sink {
    pub async fn new() -> Self {
        let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])
            .expect("a certificate");
        let certificate = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(certificate.path(), key.cert.pem()).expect("a certificate file");
        let private =
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![key.cert.der().clone()], private)
            .expect("a certificate and its key");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let inner = Arc::new(Inner {
            rules: Mutex::default(),
            received: Mutex::default(),
            seen: watch::Sender::new(0),
            connections: Mutex::new(0),
            acceptor: TlsAcceptor::from(Arc::new(tls)),
        });
        let kept = Arc::clone(&inner);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *kept.connections.lock().expect("no panic") += 1;
                tokio::spawn(serve(stream, Arc::clone(&kept)));
            }
        });
        Self {
            inner,
            port,
            certificate,
        }
    }

    /// How Watchbill reaches it without encryption.
    pub fn plain(&self) -> Smtp {
        Smtp {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            tls: SmtpTls::None,
            user: None,
            password: None,
            ca_file: None,
        }
    }

    /// How Watchbill reaches it with STARTTLS.
    pub fn starttls(&self) -> Smtp {
        Smtp {
            host: "localhost".to_owned(),
            tls: SmtpTls::StartTls,
            ca_file: Some(self.certificate.path().to_owned()),
            ..self.plain()
        }
    }

    pub fn certificate(&self) -> PathBuf {
        Path::new(self.certificate.path()).to_owned()
    }

    /// Misbehaves so from now on, instead of how it did before.
    pub fn rule(&self, rules: &[(At, Fault)]) {
        self.rules(
            rules
                .iter()
                .map(|(at, fault)| Rule {
                    at: *at,
                    fault: *fault,
                    only: None,
                })
                .collect(),
        );
    }

    pub fn rules(&self, rules: Vec<Rule>) {
        *self.inner.rules.lock().expect("no panic") = rules;
    }

    /// What came so far, in order.
    pub fn received(&self) -> Vec<Received> {
        self.inner.received.lock().expect("no panic").clone()
    }

    /// How often somebody connected.
    pub fn connections(&self) -> usize {
        *self.inner.connections.lock().expect("no panic")
    }

    /// Waits until this many messages have come.
    pub async fn until(&self, count: usize) {
        let mut seen = self.inner.seen.subscribe();
        let waiting = seen.wait_for(|seen| *seen >= count);
        tokio::time::timeout(std::time::Duration::from_secs(60), waiting)
            .await
            .expect("the messages come within a minute")
            .expect("the server lives");
    }
}

trait Both: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Both for T {}

async fn serve(stream: TcpStream, inner: Arc<Inner>) {
    let mut session = Session {
        stream: BufReader::new(Box::new(stream) as Box<dyn Both>),
        inner,
        to: Vec::new(),
        encrypted: false,
        authenticated: false,
    };
    // A client that goes away is no fault.
    let _ = session.run().await;
}

struct Session {
    stream: BufReader<Box<dyn Both>>,
    inner: Arc<Inner>,
    to: Vec<String>,
    encrypted: bool,
    authenticated: bool,
}

enum Next {
    Go,
    Stop,
}

impl Session {
    async fn run(&mut self) -> std::io::Result<()> {
        if let Next::Stop = self.answer(At::Greeting, "220 sink.example.org").await? {
            return Ok(());
        }
        let mut line = String::new();
        loop {
            line.clear();
            if self.stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let verb = line.split([' ', '\r']).next().unwrap_or_default();
            let next = match verb {
                "EHLO" => {
                    let extensions = if self.encrypted {
                        "250-sink.example.org\r\n250 AUTH PLAIN"
                    } else {
                        "250-sink.example.org\r\n250-AUTH PLAIN\r\n250 STARTTLS"
                    };
                    self.answer(At::Ehlo, extensions).await?
                }
                "STARTTLS" => {
                    let next = self.answer(At::StartTls, "220 go on").await?;
                    if let Next::Go = next
                        && self.no_fault(At::StartTls)
                    {
                        self.encrypt().await?;
                    }
                    next
                }
                "AUTH" => {
                    let next = self.answer(At::Auth, "235 welcome").await?;
                    self.authenticated = self.no_fault(At::Auth);
                    next
                }
                "MAIL" => {
                    self.to.clear();
                    self.answer(At::Mail, "250 ok").await?
                }
                "RCPT" => {
                    let address = line.trim_end().trim_start_matches("RCPT TO:").to_owned();
                    self.to.push(address.trim_matches(['<', '>']).to_owned());
                    self.answer(At::Rcpt, "250 ok").await?
                }
                "DATA" => {
                    let next = self.answer(At::Data, "354 go on").await?;
                    if let Next::Go = next
                        && self.no_fault(At::Data)
                    {
                        self.message().await?
                    } else {
                        next
                    }
                }
                "QUIT" => {
                    self.say("221 bye").await?;
                    Next::Stop
                }
                _ => {
                    self.say("502 what?").await?;
                    Next::Go
                }
            };
            if let Next::Stop = next {
                return Ok(());
            }
        }
    }

    async fn message(&mut self) -> std::io::Result<Next> {
        let mut mail = String::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                return Ok(Next::Stop);
            }
            if line == ".\r\n" {
                break;
            }
            mail.push_str(line.strip_prefix('.').unwrap_or(&line));
        }
        let taken = self.no_fault(At::AfterData);
        if taken {
            let received = Received {
                to: self.to.clone(),
                mail,
                encrypted: self.encrypted,
                authenticated: self.authenticated,
            };
            self.inner.received.lock().expect("no panic").push(received);
        }
        let next = self.answer(At::AfterData, "250 taken").await?;
        if taken {
            self.inner.seen.send_modify(|seen| *seen += 1);
        }
        Ok(next)
    }

    fn fault(&self, at: At) -> Option<Fault> {
        let rules = self.inner.rules.lock().expect("no panic");
        rules
            .iter()
            .find(|rule| {
                rule.at == at
                    && rule
                        .only
                        .is_none_or(|only| self.to.iter().any(|to| to == only))
            })
            .map(|rule| rule.fault)
    }

    fn no_fault(&self, at: At) -> bool {
        self.fault(at).is_none()
    }

    async fn answer(&mut self, at: At, usual: &str) -> std::io::Result<Next> {
        match self.fault(at) {
            None => {
                self.say(usual).await?;
                Ok(Next::Go)
            }
            Some(Fault::Answer(text)) => {
                self.say(text).await?;
                Ok(Next::Go)
            }
            Some(Fault::Drop) => Ok(Next::Stop),
            Some(Fault::Hang) => {
                // Until the client gives up: reads what it may still say, answers nothing.
                let mut line = String::new();
                while self.stream.read_line(&mut line).await? > 0 {
                    line.clear();
                }
                Ok(Next::Stop)
            }
        }
    }

    async fn say(&mut self, text: &str) -> std::io::Result<()> {
        self.stream
            .get_mut()
            .write_all(format!("{text}\r\n").as_bytes())
            .await?;
        self.stream.get_mut().flush().await
    }

    async fn encrypt(&mut self) -> std::io::Result<()> {
        let (nothing, _) = tokio::io::duplex(1);
        let plain = std::mem::replace(
            &mut self.stream,
            BufReader::new(Box::new(nothing) as Box<dyn Both>),
        );
        let stream = self.inner.acceptor.accept(plain.into_inner()).await?;
        self.stream = BufReader::new(Box::new(stream) as Box<dyn Both>);
        self.encrypted = true;
        Ok(())
    }
}
