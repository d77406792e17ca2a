use super::super::receiver::{Answer, Receiver, nobody};
use super::*;

async fn post_to(url: &str) -> Result<(), Failure> {
    let here = ["127.0.0.0/8".parse().unwrap()];
    let courier = Courier::with(&here, Arc::new(SystemLookup), Duration::from_millis(300));
    post_by(&courier, url).await
}

async fn post_by(courier: &Courier, url: &str) -> Result<(), Failure> {
    let url = SecretString::from(url);
    let post = Post {
        url: &url,
        envelope: None,
        body: "{}".to_owned(),
    };
    courier.send(post).await
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

/// Answers each question with the next list of addresses, and counts the questions.
struct Scripted {
    answers: std::sync::Mutex<std::collections::VecDeque<Vec<std::net::IpAddr>>>,
    asked: std::sync::atomic::AtomicUsize,
}

impl Scripted {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = answers
            .iter()
            .map(|list| list.iter().map(|text| text.parse().unwrap()).collect());
        Arc::new(Self {
            answers: std::sync::Mutex::new(parsed.collect()),
            asked: std::sync::atomic::AtomicUsize::new(0),
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(std::sync::atomic::Ordering::SeqCst)
    }
}

impl Lookup for Scripted {
    fn addresses(
        &self,
        _: String,
    ) -> futures::future::BoxFuture<'static, std::io::Result<Vec<std::net::IpAddr>>> {
        self.asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let answer = self.answers.lock().unwrap().pop_front();
        Box::pin(std::future::ready(Ok(answer.unwrap_or_default())))
    }
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_with_the_setting_to_change() {
    let receiver = Receiver::answering(&[Answer::Status(200)]).await;
    let port = receiver.url.split(':').nth(2).unwrap().to_owned();
    let lookup = Scripted::new(&[&["127.0.0.1"], &["93.184.215.14", "127.0.0.1"]]);
    let courier = Courier::with(&[], lookup.clone(), Duration::from_millis(300));
    for _ in 0..2 {
        let url = format!("http://hooks.example:{port}");
        let Err(failure) = post_by(&courier, &url).await else {
            panic!("it is refused");
        };
        assert!(
            failure.message().contains("notify.webhook_allow")
                && !failure.message().contains("hooks.example"),
            "{failure:?}"
        );
        assert!(matches!(failure, Failure::Transient { .. }));
    }
    assert_eq!(lookup.asked(), 2);
    assert!(receiver.received().is_empty());
}

/// The first answer is one that may be connected to, the second leads inside: it is never asked for.
#[tokio::test]
async fn the_connection_goes_where_the_guard_looked() {
    let receiver = Receiver::answering(&[Answer::Status(200)]).await;
    let elsewhere = ["127.0.0.1/32".parse().unwrap()];
    let port = receiver.url.split(':').nth(2).unwrap().to_owned();
    let lookup = Scripted::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let courier = Courier::with(&elsewhere, lookup.clone(), Duration::from_millis(300));
    let url = format!("http://rebinding.example:{port}");
    assert_eq!(post_by(&courier, &url).await, Ok(()));
    assert_eq!(
        lookup.asked(),
        1,
        "what was checked is what was connected to"
    );
    // A new connection asks again, and the new answer is judged anew.
    let outcome = post_by(&courier, &url).await;
    assert!(
        outcome
            .unwrap_err()
            .message()
            .contains("this machine itself")
    );
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_host_that_is_listed_may_be_inside() {
    let receiver = Receiver::answering(&[Answer::Status(200)]).await;
    let port = receiver.url.split(':').nth(2).unwrap().to_owned();
    let listed = ["Hooks.Example".parse().unwrap()];
    let lookup = Scripted::new(&[&["127.0.0.1"]]);
    let courier = Courier::with(&listed, lookup, Duration::from_millis(300));
    let url = format!("http://hooks.example:{port}");
    assert_eq!(post_by(&courier, &url).await, Ok(()));
}
