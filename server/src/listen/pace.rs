//! A connection that ends where its other end takes too long: to say what it wants, or to take
//! what it asked for.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long a request's head may take from its first byte.
pub const HEAD: Duration = Duration::from_secs(10);
/// How long a connection may stay without a request; longer than proxies keep theirs idle
/// (nginx: 60 s), so that they end it first.
pub const IDLE: Duration = Duration::from_secs(75);
/// How long the other end may take no byte of an answer.
pub const TAKE: Duration = Duration::from_secs(30);

/// Counts the requests of a connection.
#[derive(Clone, Debug, Default)]
pub struct Answering(Arc<Requests>);

#[derive(Debug, Default)]
struct Requests {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

/// A request that is being answered, until this is dropped.
#[derive(Debug)]
pub struct Answer(Arc<Requests>);

impl Answering {
    /// Counts a request whose head is whole.
    #[must_use]
    pub fn begin(&self) -> Answer {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        Answer(Arc::clone(&self.0))
    }

    /// How many have begun so far, and whether one of them is being answered.
    fn now(&self) -> (usize, bool) {
        let ended = self.0.ended.load(Ordering::Relaxed);
        let begun = self.0.begun.load(Ordering::Relaxed);
        (begun, begun > ended)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// Keeps the pace of a connection.
pub struct Paced<S> {
    stream: S,
    answering: Answering,
    /// How many requests had begun when the connection was last read.
    seen: usize,
    head: Timer,
    take: Timer,
}

/// A limit that runs only now and then.
struct Timer {
    length: Duration,
    runs: bool,
    sleep: Pin<Box<Sleep>>,
}

impl Timer {
    fn new(length: Duration) -> Self {
        Self {
            length,
            runs: false,
            sleep: Box::pin(tokio::time::sleep(length)),
        }
    }

    fn start(&mut self) {
        if !self.runs {
            self.runs = true;
            self.sleep.as_mut().reset(Instant::now() + self.length);
        }
    }

    /// Whether it has run out; wakes the task when it does.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        self.runs && self.sleep.as_mut().poll(context).is_ready()
    }
}

impl<S> Paced<S> {
    /// Watches `stream`, on which the requests counted by `answering` come.
    #[must_use]
    pub fn new(stream: S, answering: Answering) -> Self {
        Self {
            stream,
            answering,
            seen: 0,
            head: Timer::new(HEAD),
            take: Timer::new(TAKE),
        }
    }

    fn taken<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match written {
            Poll::Ready(written) => {
                self.take.runs = false;
                Poll::Ready(written)
            }
            Poll::Pending => {
                self.take.start();
                if self.take.is_over(context) {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Poll::Pending
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let (begun, answers) = this.answering.now();
        if begun != this.seen {
            // The head is whole.
            this.seen = begun;
            this.head.runs = false;
        }
        if answers {
            // The handler has its own limit for the body.
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        if this.head.is_over(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            this.head.start();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.taken(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.taken(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.taken(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_end_is_not_waited_for() {
        let (mut sender, receiver) = duplex(64);
        let mut paced = Paced::new(receiver, Answering::default());
        let begun = Instant::now();
        let trickle = async {
            loop {
                tokio::time::sleep(Duration::from_secs(3)).await;
                if sender.write_all(b"x").await.is_err() {
                    return;
                }
            }
        };
        let reading = async {
            let mut byte = [0];
            loop {
                if let Err(error) = paced.read_exact(&mut byte).await {
                    return error.kind();
                }
            }
        };
        let kind = tokio::select! {
            kind = reading => kind,
            () = trickle => unreachable!("the reader ends first"),
        };
        assert_eq!(kind, io::ErrorKind::TimedOut);
        let after = begun.elapsed();
        assert!(after <= HEAD + Duration::from_secs(4), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_its_handlers_matter() {
        let (mut sender, receiver) = duplex(64);
        let answering = Answering::default();
        let mut paced = Paced::new(receiver, answering.clone());
        sender.write_all(b"head").await.expect("room");
        paced.read_exact(&mut [0; 4]).await.expect("a head");
        let answer = answering.begin();
        tokio::spawn(async move {
            tokio::time::sleep(HEAD * 2).await;
            sender.write_all(b"body").await.expect("room");
            std::future::pending::<()>().await;
        });
        paced.read_exact(&mut [0; 4]).await.expect("a body");
        drop(answer);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_no_head_that_does_not_end() {
        let (mut sender, receiver) = duplex(64);
        let answering = Answering::default();
        let mut paced = Paced::new(receiver, answering.clone());
        sender.write_all(b"head").await.expect("room");
        paced.read_exact(&mut [0; 4]).await.expect("a head");
        // Answered before the connection is read again.
        drop(answering.begin());
        tokio::spawn(async move {
            tokio::time::sleep(HEAD * 2).await;
            sender.write_all(b"next").await.expect("room");
            std::future::pending::<()>().await;
        });
        paced.read_exact(&mut [0; 4]).await.expect("another head");
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_not_waited_for() {
        let (_sender, receiver) = duplex(64);
        let mut paced = Paced::new(receiver, Answering::default());
        let begun = Instant::now();
        let written = paced.write_all(&[0; 65]).await;
        assert_eq!(
            written.expect_err("too late").kind(),
            io::ErrorKind::TimedOut
        );
        assert_eq!(begun.elapsed().as_secs(), TAKE.as_secs());
    }
}
