//! The settings of mail.

use std::str::FromStr as _;

use engine::settings::{Smtp, SmtpTls};
use secrecy::SecretString;

use super::{Reader, parse, path};

/// The mail server, from one line or from its parts; none where nothing names one.
pub(super) fn server(reader: &mut Reader<'_>) -> Option<Smtp> {
    let whole = reader.optional("notify.smtp.url", url);
    let host = reader.optional("notify.smtp.host", host);
    let port = reader.optional("notify.smtp.port", |text| {
        parse::number(text, 1, 65_535).map(|port| u16::try_from(port).unwrap_or(u16::MAX))
    });
    let tls = reader.optional("notify.smtp.tls", guard);
    let user = reader.optional("notify.smtp.user", |text| Ok(text.to_owned()));
    let password = reader.optional("notify.smtp.password", |text| {
        Ok(SecretString::from(text.to_owned()))
    });
    let ca_file = reader.optional("notify.smtp.ca_file", path);
    let parts = host.is_some() || port.is_some() || tls.is_some();
    if whole.is_some() && (parts || user.is_some() || password.is_some()) {
        let text = "notify.smtp.url says all of it: leave out the other settings of notify.smtp";
        reader.problems.push(text.to_owned());
    }
    if let Some(smtp) = whole {
        return Some(Smtp { ca_file, ..smtp });
    }
    let Some(host) = host else {
        if port.is_some() || tls.is_some() || user.is_some() || password.is_some() {
            let text = "notify.smtp.host is missing; without it no mail server is known";
            reader.problems.push(text.to_owned());
        }
        return None;
    };
    if user.is_some() != password.is_some() {
        let text = "notify.smtp.user and notify.smtp.password go together";
        reader.problems.push(text.to_owned());
    }
    let tls = tls.unwrap_or(SmtpTls::StartTls);
    Some(Smtp {
        host,
        port: port.unwrap_or_else(|| usual_port(tls)),
        tls,
        user,
        password,
        ca_file,
    })
}

/// Whom mail is from: what was said, else an address at the public host.
pub(super) fn sender(reader: &mut Reader<'_>, public_url: Option<&str>, is_sent: bool) -> String {
    if let Some(text) = reader.optional("notify.mail_from", mailbox) {
        return text;
    }
    let public = public_url
        .and_then(|url| url.parse::<axum::http::Uri>().ok())
        .and_then(|uri| mailbox(&format!("Watchbill <watchbill@{}>", uri.host()?)).ok());
    if public.is_none() && is_sent && reader.sources.get("notify.mail_from").is_none() {
        let text =
            "notify.mail_from is missing; write whom mail is from, like watchbill@example.org";
        reader.problems.push(text.to_owned());
    }
    public.unwrap_or_else(|| engine::settings::MailSettings::default().from)
}

fn mailbox(text: &str) -> Result<String, String> {
    engine::notify::mail::checked_sender(text).ok_or_else(|| {
        format!("'{text}' is not a sender; write it like Watchbill <watchbill@example.org>")
    })
}

fn host(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    if !text.is_empty() && text.len() <= 253 && text.bytes().all(plain) {
        Ok(text.trim_matches(['[', ']']).to_owned())
    } else {
        Err(format!("'{text}' is not the name of a host"))
    }
}

fn guard(text: &str) -> Result<SmtpTls, String> {
    SmtpTls::ALL
        .into_iter()
        .find(|(_, word, _)| *word == text)
        .map(|(tls, _, _)| tls)
        .ok_or_else(|| format!("'{text}' is not known; write starttls, tls or none"))
}

fn usual_port(tls: SmtpTls) -> u16 {
    SmtpTls::ALL
        .into_iter()
        .find(|(known, _, _)| *known == tls)
        .map_or(587, |(_, _, port)| port)
}

/// The text is never quoted: it may hold a password.
fn url(text: &str) -> Result<Smtp, String> {
    const FORM: &str = "write it like smtp://user:password@host:587, smtps://user:password@host:465 or \
                        smtp://host:25?tls=none; what is special in a user or password is written as %40";
    let wrong = || FORM.to_owned();
    let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let tls = match (scheme, query) {
        ("smtps", "" | "tls=tls") => SmtpTls::Tls,
        ("smtp", "" | "tls=starttls") => SmtpTls::StartTls,
        ("smtp", "tls=none") => SmtpTls::None,
        _ => return Err(wrong()),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (login, place) = match rest.rsplit_once('@') {
        Some((login, place)) => (Some(login), place),
        None => (None, rest),
    };
    let authority = axum::http::uri::Authority::from_str(place).map_err(|_| wrong())?;
    let (user, password) = match login.map(|login| login.split_once(':').ok_or_else(wrong)) {
        None => (None, None),
        Some(pair) => {
            let (user, password) = pair?;
            let password = decoded(password).ok_or_else(wrong)?;
            (
                Some(decoded(user).ok_or_else(wrong)?),
                Some(SecretString::from(password)),
            )
        }
    };
    Ok(Smtp {
        host: host(authority.host()).map_err(|_| wrong())?,
        port: authority.port_u16().unwrap_or_else(|| usual_port(tls)),
        tls,
        user,
        password,
        ca_file: None,
    })
}

/// Undoes `%40` and the like.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_written_in_one_line() {
        let smtp = url("smtp://night%40example.org:p%3Aw@mail.example.org").expect("a server");
        assert_eq!(
            (smtp.host.as_str(), smtp.port, smtp.tls),
            ("mail.example.org", 587, SmtpTls::StartTls)
        );
        assert_eq!(smtp.user.as_deref(), Some("night@example.org"));
        assert_eq!(
            smtp.password
                .as_ref()
                .map(secrecy::ExposeSecret::expose_secret),
            Some("p:w")
        );
        let smtps = url("smtps://mail.example.org:2465/").expect("a server");
        assert_eq!((smtps.port, smtps.tls), (2465, SmtpTls::Tls));
        let plain = url("smtp://127.0.0.1:1025?tls=none").expect("a server");
        assert_eq!((plain.tls, plain.user), (SmtpTls::None, None));
    }

    #[test]
    fn a_wrong_server_is_refused_without_its_password() {
        for wrong in [
            "mail.example.org",
            "http://mail.example.org",
            "smtp://user:secret@",
            "smtp://secret@mail.example.org",
            "smtp://user:secret%zz@mail.example.org",
            "smtp://user:secret@mail.example.org?tls=opportunistic",
        ] {
            let error = url(wrong).expect_err(wrong);
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
