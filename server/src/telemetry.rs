//! Logs on standard error: text for a terminal, JSON for everything else.

use std::io::IsTerminal;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

/// What is logged where nothing else is asked for.
const DEFAULT: &str = "info,sqlx::postgres::notice=warn";

/// Begins to log. `WATCHBILL_LOG` lists levels and levels of targets, as `engine=debug,info`.
///
/// A filter by target is asked once for each place that logs; one that can also name spans
/// would be asked each time that a request goes on.
pub fn init() {
    let asked = std::env::var("WATCHBILL_LOG").ok();
    let filter = asked.as_deref().unwrap_or(DEFAULT).parse::<Targets>();
    let refused = filter.as_ref().err().map(ToString::to_string);
    let filter = filter.or_else(|_| DEFAULT.parse()).unwrap_or_default();
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = if std::io::stderr().is_terminal() {
        lines.with_target(false).boxed()
    } else {
        lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed()
    };
    // A second call, as tests make it, changes nothing.
    let begun = tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init();
    drop(begun);
    if let Some(why) = refused {
        tracing::warn!("WATCHBILL_LOG cannot be read, so {DEFAULT} holds: {why}");
    }
}
