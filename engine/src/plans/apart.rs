//! Work on what people wrote, on a stack of its own.
//!
//! Readers and interpreters recurse as deep as their input; within the limits
//! set for it that can still be more than a server's thread has.

use anyhow::Context;

/// Virtual memory, of which only what is used is ever taken.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Runs the work on a thread with a large stack; a panic there is an error here.
///
/// # Errors
/// What the work says, or a sentence where it panicked or no thread could be had.
pub(super) fn apart<T: Send>(work: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("plan text".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work)
            .map_err(|error| format!("there is no room to read this: {error}"))?
            .join()
            .unwrap_or_else(|_| Err("this is not understood".to_owned()))
    })
}

/// Does work that takes a while without an await away from the threads that answer everybody.
///
/// # Errors
/// When the work panics, or the server stops.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> crate::Result<T> {
    Ok(tokio::task::spawn_blocking(work)
        .await
        .context("work on a plan's text did not end")?)
}
