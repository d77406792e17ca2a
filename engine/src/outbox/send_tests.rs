use super::super::receiver::{Answer, Receiver, nobody};
use super::*;

async fn post_to(url: &str) -> Result<(), Failure> {
    let client = patient_for(Duration::from_millis(300)).unwrap();
    let url = SecretString::from(url);
    send(
        &client,
        Post {
            url: &url,
            envelope: None,
            body: "{}".to_owned(),
        },
    )
    .await
}

fn is_transient(outcome: &Result<(), Failure>) -> bool {
    matches!(outcome, Err(Failure::Transient { .. }))
}

#[tokio::test]
async fn each_answer_means_what_it_says() {
    for (status, transient) in [
        (301, true),
        (302, true),
        (307, true),
        (400, false),
        (401, false),
        (404, false),
        (410, false),
        (408, true),
        (429, true),
        (500, true),
        (503, true),
    ] {
        let receiver = Receiver::answering(&[Answer::Status(status)]).await;
        let outcome = post_to(&receiver.url).await;
        assert_eq!(is_transient(&outcome), transient, "{status}: {outcome:?}");
        assert!(outcome.is_err(), "{status}");
    }
    for status in [200, 202, 204] {
        let receiver = Receiver::answering(&[Answer::Status(status)]).await;
        assert_eq!(post_to(&receiver.url).await, Ok(()), "{status}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Receiver::answering(&[Answer::Status(200)]).await;
    let location: &'static str = Box::leak(elsewhere.url.clone().into_boxed_str());
    let receiver = Receiver::answering(&[Answer::With(307, "location", location)]).await;
    assert!(is_transient(&post_to(&receiver.url).await));
    assert!(elsewhere.received().is_empty());
}

#[tokio::test]
async fn a_receiver_that_hangs_or_is_not_there_costs_one_timeout_and_tells_no_address() {
    let hanging = Receiver::answering(&[Answer::Hang]).await;
    for url in [hanging.url.clone(), nobody().await] {
        let outcome = post_to(&url).await;
        assert!(is_transient(&outcome), "{outcome:?}");
        let message = outcome.unwrap_err().message().to_owned();
        assert!(
            !message.contains("secret-part") && !message.contains("127.0.0.1"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_kept_within_a_day() {
    for (asked, kept) in [
        ("120", Some(120)),
        ("9999999", Some(86_400)),
        ("tomorrow", None),
    ] {
        let receiver = Receiver::answering(&[Answer::With(429, "retry-after", asked)]).await;
        let Err(Failure::Transient { retry_after, .. }) = post_to(&receiver.url).await else {
            panic!("429 is transient");
        };
        assert_eq!(retry_after, kept.map(Duration::from_secs), "{asked}");
    }
}

#[tokio::test]
async fn what_is_no_address_is_permanent() {
    for url in ["", "not a url", "ftp://x.example/", "/relative"] {
        let outcome = post_to(url).await;
        assert!(
            matches!(outcome, Err(Failure::Permanent(_))),
            "{url}: {outcome:?}"
        );
    }
}
