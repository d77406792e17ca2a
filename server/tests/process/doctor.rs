//! `watchbill doctor --mail`: a test message to a real mail server, past its refusal, into a file.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::Home;
use sink::{At, Fault, Sink};

#[path = "../../../engine/tests/engine/mail/sink.rs"]
#[expect(dead_code, reason = "shared with the engine's tests of mail")]
mod sink;

const ADDRESS: &str = "approver@example.org";

/// The exit code and what was told, with these settings.
fn doctor(home: &Home, settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = home
        .command("doctor")
        .args(["--mail", ADDRESS])
        .env_remove("SMTP_URL")
        .env(
            "WATCHBILL_MAIL_FROM",
            "Watchbill <watchbill@night.example.org>",
        )
        .envs(settings.iter().copied())
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = String::from_utf8_lossy(&output.stderr);
    (output.status.code(), format!("{told}{log}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_message_arrives_and_each_step_is_told() {
    let home = Home::new();
    let sink = Sink::new().await;
    let server = format!("smtp://localhost:{}", sink.starttls().port);
    let certificate = sink.certificate();
    let settings = [
        ("WATCHBILL_SMTP_URL", server.as_str()),
        (
            "WATCHBILL_SMTP_CA_FILE",
            certificate.to_str().expect("a path"),
        ),
    ];
    let (code, told) = doctor(&home, &settings);
    assert_eq!(code, Some(0), "{told}");
    for line in [
        "to                 approver@example.org",
        "STARTTLS           ok: encrypted",
        "RCPT TO            ok: 250 ok",
        "message            ok: 250 taken",
        "the mail server has taken the message over",
    ] {
        assert!(told.lines().any(|said| said == line), "{line}: {told}");
    }
    let received = sink.received();
    assert_eq!(received.len(), 1, "{received:?}");
    assert_eq!(received[0].to, [ADDRESS]);
    assert!(received[0].encrypted);
    for (header, address) in [("From: ", "watchbill@night.example.org"), ("To: ", ADDRESS)] {
        let said = received[0].mail.lines().find(|it| it.starts_with(header));
        assert!(
            said.is_some_and(|said| said.contains(address)),
            "{header}{address}: {said:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_recipient_is_told_by_its_step() {
    let home = Home::new();
    let sink = Sink::new().await;
    sink.rule(&[(At::Rcpt, Fault::Answer("550 5.1.1 no such user"))]);
    let server = format!("smtp://127.0.0.1:{}?tls=none", sink.plain().port);
    let (code, told) = doctor(&home, &[("WATCHBILL_SMTP_URL", &server)]);
    assert_eq!(code, Some(1), "{told}");
    let failed: Vec<&str> = told
        .lines()
        .filter(|line| line.contains(" failed: "))
        .collect();
    assert!(
        matches!(failed.as_slice(), [only] if only.starts_with("RCPT TO ") && only.contains("no such user")),
        "{told}"
    );
    for line in ["MAIL FROM          ok: 250 ok", "the message was not sent"] {
        assert!(told.lines().any(|said| said == line), "{line}: {told}");
    }
    assert!(sink.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_the_message_is_a_file() {
    let home = Home::new();
    let (code, told) = doctor(&home, &[]);
    assert_eq!(code, Some(0), "{told}");
    let files: Vec<_> = std::fs::read_dir(home.data().join("mail"))
        .expect("a folder")
        .map(|entry| entry.expect("a file").path())
        .collect();
    let [file] = files.as_slice() else {
        panic!("one message: {files:?}");
    };
    let line = format!(
        "no mail server is configured; the message is the file {}",
        file.display()
    );
    assert!(told.lines().any(|said| said == line), "{line}: {told}");
    let mail = std::fs::read_to_string(file).expect("text");
    let to = format!("To: {ADDRESS}");
    assert!(mail.lines().any(|header| header == to), "{mail}");
    let mode = std::fs::metadata(file).expect("its mode").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
}
