//! Logs on standard error: text for a terminal, JSON for everything else.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Begins to log. `WATCHBILL_LOG` filters as `RUST_LOG` would.
pub fn init() {
    let filter = EnvFilter::try_from_env("WATCHBILL_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx::postgres::notice=warn"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second call, as tests make it, changes nothing.
    let begun = if std::io::stderr().is_terminal() {
        builder.with_target(false).try_init()
    } else {
        builder
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .try_init()
    };
    drop(begun);
}
