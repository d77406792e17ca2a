//! Sockets that ask for nothing, and writers who never finish: the night goes on beside them.

use std::net::SocketAddr;
use std::time::Duration;

use engine::worker::raise_descriptors;
use model::identity::Principal;
use model::task::TaskState;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Home, Served, until};

const GATED: &str =
    "plan: gated\ntasks:\n  change: {run: [echo, changed], approval: {from: [role:approver]}}\n";

/// Where the flood comes from: another address of this machine than the person's.
const ELSEWHERE: [u8; 4] = [127, 0, 0, 9];

async fn connect(to: SocketAddr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(SocketAddr::from((ELSEWHERE, 0))).ok()?;
    let connecting = tokio::time::timeout(Duration::from_secs(5), socket.connect(to));
    connecting.await.ok()?.ok()
}

/// As many idle sockets as asked for, or as the machine has room for here.
async fn flood(to: SocketAddr, wanted: u64) -> Vec<TcpStream> {
    let room = raise_descriptors().map_or(wanted, |most| most.saturating_sub(400).min(wanted));
    let mut sockets = Vec::new();
    for _ in 0..room {
        sockets.extend(connect(to).await);
    }
    sockets
}

/// Writers that have sent half a request and go on byte by byte, until they are cut off.
async fn dribble(to: SocketAddr) {
    let half = "POST /agents/tasks/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 900\r\n";
    loop {
        let Some(mut stream) = connect(to).await else {
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        };
        for byte in half.bytes() {
            if stream.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

fn body(answer: Option<String>) -> Value {
    let answer = answer.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    // Whatever the framing, the document is between the outer braces.
    let document = body.find('{').zip(body.rfind('}'));
    let (begin, end) = document.unwrap_or_else(|| panic!("{answer}"));
    serde_json::from_str(&body[begin..=end]).expect("JSON")
}

fn told(home: &Home, words: &[&str]) -> String {
    let (verb, rest) = words.split_first().expect("a verb");
    let output = home.command(verb).args(rest).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// Signs the request from an address that is not the flood's.
fn sign(served: &Served, token: &str, approval: i64) {
    let head = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    let path = format!("/api/v1/approvals/{approval}");
    let seen = body(served.ask("GET", &path, &head, ""));
    let answer = json!({ "verdict": "approve", "digest": seen["digest"] });
    body(served.ask(
        "POST",
        &format!("{path}/decide"),
        &head,
        &answer.to_string(),
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_sockets_and_slow_writers_stop_no_night() {
    let home = Home::new();
    let served = home.serve();
    std::fs::write(home.marks().join("plan.yaml"), GATED).expect("a file");
    told(&home, &["plan", "apply", "marks/plan.yaml"]);
    told(
        &home,
        &["user", "add", "approver@example.org", "--role", "approver"],
    );
    let token = told(
        &home,
        &[
            "token",
            "create",
            "--user",
            "approver@example.org",
            "--name",
            "t",
            "--scope",
            "decide",
            "--scope",
            "read",
        ],
    );
    let token = token.lines().next().expect("a token").trim();
    let (engine, _cluster) = home.engine().await;

    let sockets = flood(served.address(), 5_000).await;
    let writers: Vec<_> = (0..200)
        .map(|_| tokio::spawn(dribble(served.address())))
        .collect();
    println!("{} sockets are open from one address", sockets.len());

    let begun = std::time::Instant::now();
    let system = Principal::system("test");
    engine::lifecycle::start(&engine, &system, "gated", json!({}))
        .await
        .expect("a run");
    let pool = &engine.pool;
    let (approval, _) = until("the request", async || {
        sqlx::query_scalar::<_, i64>("SELECT id FROM approvals WHERE state = 'pending'")
            .fetch_optional(pool)
            .await
            .ok()?
    })
    .await;
    // Without a mail server a message is a file.
    until("the mail", async || {
        let mut files = std::fs::read_dir(home.data().join("mail")).ok()?;
        files.next().map(|_| ())
    })
    .await;
    sign(&served, token, approval);
    until("the end of the task", async || {
        let state: String = sqlx::query_scalar("SELECT state FROM tasks")
            .fetch_one(pool)
            .await
            .ok()?;
        (state == TaskState::Succeeded.as_str()).then_some(())
    })
    .await;
    println!(
        "a run, a signature and its mail took {:?} beside them",
        begun.elapsed()
    );
    assert_eq!(served.status("/ready"), Some(200));
    for writer in writers {
        writer.abort();
    }
    drop(sockets);
}
