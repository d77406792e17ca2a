use std::time::Duration;

use crate::Settings;

/// How a worker behaves.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// The machine's name, for people.
    pub name: String,
    /// How many tasks run at once.
    pub slots: u32,
    /// Only tasks whose labels are all among these are taken.
    pub labels: Vec<String>,
    /// How long a step may take to end after TERM, before KILL.
    pub stop_grace: Duration,
    /// How long what a step left running, or its output held open, is waited for.
    pub drain: Duration,
    /// How long running steps may go on when the worker shuts down.
    pub shutdown_grace: Duration,
    /// An idle worker asks for work at least this often.
    pub poll: Duration,
}

impl WorkerOptions {
    /// The options that follow from the settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self {
            name: machine_name(),
            slots: settings.slots,
            labels: settings.worker_labels.clone(),
            ..Self::default()
        }
    }
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            name: machine_name(),
            slots: 8,
            labels: Vec::new(),
            stop_grace: Duration::from_secs(5),
            drain: Duration::from_secs(2),
            shutdown_grace: Duration::from_secs(20),
            poll: Duration::from_millis(500),
        }
    }
}

fn machine_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "worker".to_owned())
}
