//! Reads a step's output as it comes and stores what is kept of it, a few times a second.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::cap::CappedLog;
use super::lines::LineReader;
use super::mask::{MaskStream, Masker};
use super::store::{append_log, record_progress};
use crate::tasks::LeaseRef;
use crate::{Engine, Result};

const READ_BYTES: usize = 64 * 1024;

/// How often the log is stored while it grows.
const STORE_EVERY: Duration = Duration::from_millis(250);

/// How often the attempt's counters are brought up to date.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// Takes an attempt's output in.
pub struct Pump {
    engine: Engine,
    lease: LeaseRef,
    masker: Masker,
    mask: MaskStream,
    lines: LineReader,
    log: CappedLog,
    next_chunk: i64,
    /// How many bytes have come; shared with whoever waits for more.
    read: Arc<AtomicU64>,
    masked: Vec<u8>,
    /// What an insert that failed was to store: it comes before all that is pending.
    unstored: Vec<u8>,
}

/// What there was to read, with the log still to be closed.
pub struct CollectedOutput {
    pub output_bytes: i64,
    pub outputs_uri: Option<String>,
    pub excerpt: Option<String>,
    /// Somebody had it open still when reading was stopped.
    pub held_open: bool,
    engine: Engine,
    lease: LeaseRef,
    masker: Masker,
    log: CappedLog,
    next_chunk: i64,
    unstored: Vec<u8>,
    is_closed: bool,
}

type Storing = Pin<Box<dyn Future<Output = (Vec<u8>, Result<i64>)> + Send>>;

impl Pump {
    /// A pump for one attempt.
    #[must_use]
    pub fn new(engine: &Engine, lease: LeaseRef, masker: &Masker) -> Self {
        Self {
            engine: engine.clone(),
            lease,
            masker: masker.clone(),
            mask: masker.stream(),
            lines: LineReader::default(),
            log: CappedLog::new(engine.settings.log_cap_bytes),
            next_chunk: 0,
            read: Arc::new(AtomicU64::new(0)),
            masked: Vec::with_capacity(READ_BYTES),
            unstored: Vec::new(),
        }
    }

    /// Counts the bytes that have come so far, also while it reads.
    #[must_use]
    pub fn count(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.read)
    }

    /// Reads until the end of `output`, or until `stop`.
    pub async fn run(
        mut self,
        mut output: impl AsyncRead + Unpin,
        stop: CancellationToken,
    ) -> CollectedOutput {
        let mut buffer = vec![0; READ_BYTES];
        let mut tick = interval(STORE_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.reset();
        let mut storing: Option<Storing> = None;
        let mut progress = (Instant::now(), 0);
        let mut held_open = false;
        loop {
            tokio::select! {
                read = output.read(&mut buffer) => match read {
                    Ok(0) => break,
                    Ok(length) => self.take(&buffer[..length]),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        tracing::warn!(task.id = %self.lease.task, "its output cannot be read on: {error}");
                        break;
                    }
                },
                (content, stored) = wait_for(&mut storing) => {
                    storing = None;
                    self.stored(content, stored);
                }
                _ = tick.tick() => {
                    if storing.is_none() {
                        let due = progress.0.elapsed() >= PROGRESS_EVERY && progress.1 != self.so_far();
                        storing = self.store(due);
                        if due {
                            progress = (Instant::now(), self.so_far());
                        }
                    }
                }
                () = stop.cancelled() => {
                    held_open = true;
                    break;
                }
            }
        }
        if let Some(storing) = storing {
            let (content, stored) = storing.await;
            self.stored(content, stored);
        }
        self.close(held_open)
    }

    fn so_far(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    fn take(&mut self, data: &[u8]) {
        self.read.fetch_add(data.len() as u64, Ordering::Relaxed);
        self.masked.clear();
        self.mask.push(data, &mut self.masked);
        self.lines.push(&self.masked);
        self.log.push(&self.masked);
    }

    fn store(&mut self, with_progress: bool) -> Option<Storing> {
        if self.unstored.is_empty() && !self.log.has_pending() && !with_progress {
            return None;
        }
        let mut content = std::mem::take(&mut self.unstored);
        content.append(&mut self.log.take_pending());
        let (engine, lease, next) = (self.engine.clone(), self.lease, self.next_chunk);
        let (read, omitted) = (self.so_far(), self.log.omitted());
        Some(Box::pin(async move {
            if with_progress {
                // It is repeated soon, and told for good at the end.
                let _ = record_progress(&engine, lease, read, omitted).await;
            }
            let stored = append_log(&engine, lease, next, &content).await;
            (content, stored)
        }))
    }

    fn stored(&mut self, content: Vec<u8>, stored: Result<i64>) {
        match stored {
            Ok(next) => self.next_chunk = next,
            Err(error) => {
                tracing::debug!(task.id = %self.lease.task, "the log is stored later: {error}");
                // The numbers stay: what was stored after all is replaced, not repeated.
                self.unstored = content;
            }
        }
    }

    fn close(mut self, held_open: bool) -> CollectedOutput {
        self.masked.clear();
        self.mask.finish(&mut self.masked);
        self.lines.push(&self.masked);
        self.log.push(&self.masked);
        let output_bytes = i64::try_from(self.so_far()).unwrap_or(i64::MAX);
        let (excerpt, outputs_uri) = self.lines.finish();
        CollectedOutput {
            output_bytes,
            outputs_uri,
            excerpt,
            held_open,
            engine: self.engine,
            lease: self.lease,
            masker: self.masker,
            log: self.log,
            next_chunk: self.next_chunk,
            unstored: self.unstored,
            is_closed: false,
        }
    }
}

impl CollectedOutput {
    /// Stores the rest of the log and then what Watchbill itself has to say, line by
    /// line. Returns how many bytes the cap left out.
    ///
    /// # Errors
    /// Where the database refuses; called again it stores the same.
    pub async fn store_rest(&mut self, notes: &[String]) -> Result<i64> {
        let mut content = std::mem::take(&mut self.unstored);
        if !self.is_closed {
            self.is_closed = true;
            content.append(&mut self.log.take_rest());
            self.append_notes(&mut content, notes);
        }
        match append_log(&self.engine, self.lease, self.next_chunk, &content).await {
            Ok(next) => {
                self.next_chunk = next;
                Ok(i64::try_from(self.log.omitted()).unwrap_or(i64::MAX))
            }
            Err(error) => {
                self.unstored = content;
                Err(error)
            }
        }
    }

    fn append_notes(&self, content: &mut Vec<u8>, notes: &[String]) {
        for note in notes {
            if content.last().is_some_and(|&last| last != b'\n') {
                content.push(b'\n');
            }
            let line = format!("[watchbill: {}]\n", self.masker.text(note));
            content.extend_from_slice(line.as_bytes());
        }
    }
}

async fn wait_for(storing: &mut Option<Storing>) -> (Vec<u8>, Result<i64>) {
    match storing {
        Some(storing) => storing.await,
        None => std::future::pending().await,
    }
}
