//! Clients that cost little: they share the processors with the server they measure.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// What every client asks again and again.
#[derive(Clone)]
pub struct Question {
    /// `127.0.0.1:4180`
    pub host: String,
    /// With its query.
    pub path: String,
    pub token: String,
}

/// How many answers a second so many clients get, each over a connection of its own and
/// one after the other.
pub async fn answers_per_second(
    question: &Question,
    clients: usize,
    during: Duration,
) -> Result<f64> {
    let until = Instant::now() + during;
    let clients = (0..clients).map(|_| tokio::spawn(ask(question.clone(), until)));
    let mut answers = 0;
    for client in futures::future::join_all(clients).await {
        answers += client??;
    }
    Ok(f64::from(answers) / during.as_secs_f64())
}

async fn ask(question: Question, until: Instant) -> Result<u32> {
    let stream = TcpStream::connect(&question.host).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut answers = 0;
    while Instant::now() < until {
        let request = Request::get(&question.path)
            .header(header::HOST, &question.host)
            .header(header::AUTHORIZATION, format!("Bearer {}", question.token))
            .body(Empty::<Bytes>::new())?;
        sender.ready().await?;
        let answer = sender.send_request(request).await?;
        ensure!(
            answer.status().is_success(),
            "{} answered {}",
            question.path,
            answer.status()
        );
        let mut body = answer.into_body();
        while let Some(frame) = body.frame().await {
            frame.context("the answer broke off")?;
        }
        answers += 1;
    }
    drop(sender);
    connection.await??;
    Ok(answers)
}
