//! Figures beside their limits, as a table.

use std::time::Duration;

/// What was measured.
#[derive(Default)]
pub struct Report(Vec<Row>);

struct Row {
    what: String,
    watchbill: String,
    limit: String,
    ratio: String,
}

impl Report {
    /// A duration, where less is better; the ratio says how many times the limit it takes.
    pub fn duration(&mut self, what: &str, watchbill: Duration, limit: Option<Duration>) {
        self.row(
            what,
            milliseconds(watchbill),
            limit.map_or_else(String::new, milliseconds),
            limit.map(|limit| watchbill.as_secs_f64() / limit.as_secs_f64()),
        );
    }

    /// A rate, where more is better; the ratio says how many times as fast the limit is.
    pub fn rate(&mut self, what: &str, watchbill: f64, limit: Option<f64>) {
        self.row(
            what,
            format!("{watchbill:.0} /s"),
            limit.map_or_else(String::new, |limit| format!("{limit:.0} /s")),
            limit.map(|limit| limit / watchbill),
        );
    }

    /// A figure on its own.
    pub fn figure(&mut self, what: &str, watchbill: String) {
        self.row(what, watchbill, String::new(), None);
    }

    fn row(&mut self, what: &str, watchbill: String, limit: String, ratio: Option<f64>) {
        let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        eprintln!("{what}: {watchbill}  (limit {limit}, ratio {ratio})");
        self.0.push(Row {
            what: what.to_owned(),
            watchbill,
            limit,
            ratio,
        });
    }

    /// Writes the table to standard output.
    pub fn print(&self) {
        println!("| work | Watchbill | limit, plain program | ratio |");
        println!("|---|---|---|---|");
        for row in &self.0 {
            println!(
                "| {} | {} | {} | {} |",
                row.what, row.watchbill, row.limit, row.ratio
            );
        }
    }
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1_000.0)
}

/// The middle of the durations.
///
/// # Panics
/// Where there is none.
pub fn median(durations: &mut [Duration]) -> Duration {
    durations.sort();
    durations[durations.len() / 2]
}
