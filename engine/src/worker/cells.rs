//! The walls that attempts are given, one built ahead of need.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use process::{Cell, Found, Launcher, Network, Refusal, Walls};

use tokio::time::Instant;

use super::steps::StepsUser;
use crate::settings::WantedWalls;

/// What the machine has mounted later is not in a spare one, and what it has unmounted is.
const LONGEST_SPARE: Duration = Duration::from_secs(60);

/// Builds cells, and keeps one ready: an attempt that begins should not wait for its walls.
pub struct Cells {
    spare: Arc<Mutex<Option<(Instant, Cell)>>>,
    walls: Walls,
    launcher: Arc<Launcher>,
}

impl Cells {
    /// Starts the launcher, and finds which walls can be built here.
    ///
    /// # Errors
    /// Where the launcher cannot be started.
    pub async fn find(
        user: Option<&StepsUser>,
        wanted: WantedWalls,
    ) -> std::io::Result<(Self, Found)> {
        let launcher = Launcher::start(super::steps::descriptors::of_steps())?;
        let folder = tempfile::tempdir()?;
        let ids = user.map(|user| (user.uid, user.gid));
        let found = match wanted {
            WantedWalls::Auto => launcher.find(folder.path(), ids).await,
            WantedWalls::None => Found {
                walls: Walls::None,
                refused: None,
            },
        };
        let cells = Self {
            launcher: Arc::new(launcher),
            walls: found.walls,
            spare: Arc::default(),
        };
        Ok((cells, found))
    }

    /// What its cells are walled in by.
    #[must_use]
    pub const fn walls(&self) -> Walls {
        self.walls
    }

    /// A cell. Has the next one built meanwhile.
    ///
    /// # Errors
    /// What the kernel refused.
    pub async fn take(&self, network: Network) -> Result<Cell, Refusal> {
        if network != Network::Host {
            return self.launcher.cell(self.walls, network).await;
        }
        let spare = locked(&self.spare).take();
        let (launcher, walls, place) = (
            Arc::clone(&self.launcher),
            self.walls,
            Arc::clone(&self.spare),
        );
        tokio::spawn(async move {
            // Where it fails, the attempt that finds no spare one fails in its own name.
            if let Ok(cell) = launcher.cell(walls, Network::Host).await {
                *locked(&place) = Some((Instant::now(), cell));
            }
        });
        match spare {
            Some((made, cell)) if made.elapsed() < LONGEST_SPARE && cell.lives() => Ok(cell),
            Some(_) | None => self.launcher.cell(self.walls, network).await,
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
