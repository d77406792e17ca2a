//! Files of earlier tasks, laid out for a later one to read: once a run and worker, below a
//! folder that is named by their hashes.
//!
//! They are read again before each start, and where steps share our user after it, too: a
//! difference fails the attempt. The folder is then thrown away, so that the next attempt has a
//! new one. Laying it out anew for the same attempt would hide that somebody writes there.

mod files;
mod layout;
mod sweep;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::id::RunKey;
use serde_json::{Value, json};
use tokio::sync::Notify;

use self::layout::{Layout, Root};
pub use self::sweep::sweep;
use crate::lifecycle::{UsedFile, used_files};
use crate::tasks::Claimed;
use crate::tasks::digest::{self, Digest, hex};
use crate::{Engine, Error, Random};

/// The pause after a question that the database did not answer.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

/// All that is laid out by this worker. It goes when this is dropped.
pub struct Layouts {
    random: Arc<dyn Random>,
    /// Steps run as our own user, who can write what is ours.
    shared: bool,
    root: Mutex<Option<Arc<Root>>>,
    laid: Mutex<HashMap<(RunKey, Digest), Arc<Layout>>>,
    /// Told when something was laid out, and when a task that used it has ended.
    pub changed: Notify,
}

/// A folder that an attempt uses; it stays as long as this lives.
pub struct Lent {
    layout: Arc<Layout>,
    /// The number of the folder's filling.
    filling: u64,
    shared: bool,
}

impl Layouts {
    /// Nothing yet. `shared` where steps run as our own user.
    #[must_use]
    pub fn new(random: Arc<dyn Random>, shared: bool) -> Self {
        Self {
            random,
            shared,
            root: Mutex::default(),
            laid: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// The folder with what the task uses; `None` where those tasks left nothing. Waits for a
    /// database that cannot be reached, as long as the caller does.
    ///
    /// It may be dropped half way: what was not finished is begun anew by the next.
    ///
    /// # Errors
    /// A sentence that says why the attempt cannot start.
    pub async fn lend(&self, engine: &Engine, claimed: &Claimed) -> Result<Option<Lent>, String> {
        let Some(run) = claimed.run.filter(|_| !claimed.uses.is_empty()) else {
            return Ok(None);
        };
        let files = loop {
            match used_files(engine, claimed).await {
                Ok(files) => break files?,
                Err(error) => passing(&error).await?,
            }
        };
        if files.is_empty() {
            return Ok(None);
        }
        let layout = self.layout(run, files)?;
        let filling = layout.fill(engine).await?;
        self.changed.notify_one();
        Ok(Some(Lent {
            layout,
            filling,
            shared: self.shared,
        }))
    }

    /// The layout of these files, filled or not.
    fn layout(&self, run: RunKey, files: Vec<UsedFile>) -> Result<Arc<Layout>, String> {
        let digest = manifest(&files).map_err(|error| unread(&error))?;
        let root = self
            .root()
            .map_err(|error| format!("there is no room for the files that it uses: {error}"))?;
        let mut laid = locked(&self.laid);
        let known = laid.get(&(run, digest));
        if let Some(layout) = known.filter(|layout| Arc::ptr_eq(layout.root(), &root)) {
            return Ok(Arc::clone(layout));
        }
        let name = format!("{run}-{}", hex(&digest));
        let layout = Arc::new(Layout::new(root, name, files));
        laid.insert((run, digest), Arc::clone(&layout));
        Ok(layout)
    }

    /// The folder of all layouts; another one where it is gone: temporary folders are tidied.
    fn root(&self) -> std::io::Result<Arc<Root>> {
        let mut root = locked(&self.root);
        if let Some(root) = root.as_ref().filter(|root| root.is_there()) {
            return Ok(Arc::clone(root));
        }
        let made = Arc::new(Root::create(self.random.uuid())?);
        *root = Some(Arc::clone(&made));
        Ok(made)
    }
}

impl Lent {
    /// The folder, with a folder for each task that left something.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.layout.path()
    }

    /// Looks, after the step has ended, if the files are still what they were. Where steps are
    /// another user there is nothing to look at: they cannot write there.
    ///
    /// # Errors
    /// A sentence that names the file and both hashes.
    pub async fn check(&self) -> Result<(), String> {
        if !self.shared {
            return Ok(());
        }
        self.layout.check(self.filling).await
    }
}

/// Removes what workers that were killed had laid out. Returns how many folders there were.
pub fn remove_orphans() -> usize {
    layout::remove_orphans()
}

/// Names a layout: the digest of the hashes, by task and path.
fn manifest(files: &[UsedFile]) -> crate::Result<Digest> {
    let mut named = json!({});
    for file in files {
        named[&file.task][&file.path] = Value::String(hex(&file.sha256));
    }
    digest::of(&named)
}

/// Waits a moment where trying again may help.
///
/// # Errors
/// A sentence for the attempt where it does not.
async fn passing(error: &Error) -> Result<(), String> {
    if matches!(error, Error::Unavailable(_)) {
        tracing::warn!("the files that a task uses cannot be read yet: {error}");
        tokio::time::sleep(PAUSE).await;
        return Ok(());
    }
    tracing::error!("the files that a task uses cannot be read: {error}");
    Err(unread(error))
}

fn unread(error: &Error) -> String {
    format!("the files that it uses cannot be read: {error}")
}

/// Names a file of a layout for a person.
fn shown(task: &str, path: &str) -> String {
    format!("{task}/{path}")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
