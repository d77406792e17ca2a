//! Removes what is laid out for runs that have ended.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::id::RunKey;
use tokio_util::sync::CancellationToken;

use super::{Layouts, locked};
use crate::Engine;
use crate::lifecycle::open_runs;

/// A run may end by a task that uses nothing, or on another worker. While nothing is laid out
/// nobody asks.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// Removes the folders of runs that have ended, until `stop`.
pub async fn sweep(engine: Engine, layouts: Arc<Layouts>, stop: CancellationToken) {
    loop {
        let runs = layouts.runs();
        tokio::select! {
            () = stop.cancelled() => return,
            () = layouts.changed.notified() => {}
            () = tokio::time::sleep(ASK_EVERY), if !runs.is_empty() => {}
        }
        let runs = layouts.runs();
        if runs.is_empty() {
            continue;
        }
        match open_runs(&engine, &runs).await {
            Ok(open) => {
                for run in runs.into_iter().filter(|run| !open.contains(run)) {
                    layouts.forget(run).await;
                }
            }
            Err(error) => tracing::debug!("which runs have ended is not known yet: {error}"),
        }
    }
}

impl Layouts {
    /// The runs for which something is laid out that nobody uses now.
    fn runs(&self) -> Vec<RunKey> {
        let laid = locked(&self.laid);
        let idle = laid.iter().filter(|(_, it)| Arc::strong_count(it) == 1);
        let runs: BTreeSet<RunKey> = idle.map(|((run, _), _)| *run).collect();
        runs.into_iter().collect()
    }

    /// Removes what is laid out for the run, unless somebody uses it by now.
    async fn forget(&self, run: RunKey) {
        let idle: Vec<_> = locked(&self.laid)
            .iter()
            .filter(|((of, _), layout)| *of == run && Arc::strong_count(layout) == 1)
            .map(|(key, layout)| (*key, Arc::clone(layout)))
            .collect();
        for (key, layout) in idle {
            layout.empty().await;
            let mut laid = locked(&self.laid);
            if Arc::strong_count(&layout) == 2 {
                laid.remove(&key);
            }
        }
    }
}
