//! From the wish to the end of a step that does nothing: without walls, and behind them.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use process::{Launcher, Network, StepCommand, View, Walls};

use crate::report::{Report, median};

const ROUNDS: usize = 300;

/// How a plain program starts what it runs.
#[derive(Clone)]
pub enum Starter {
    /// As the standard library does.
    Library,
    /// By the same launcher, behind the same walls, with nothing made ahead of need.
    Walled(Arc<Launcher>, Walls, Arc<tempfile::TempDir>),
}

impl Starter {
    /// One behind the walls that this machine lets us build.
    pub async fn walled() -> Result<Self> {
        let launcher = Launcher::start(None)?;
        let folder = tempfile::tempdir()?;
        let found = launcher.find(folder.path(), None).await;
        if let Some(refused) = &found.refused {
            eprintln!("no walls here: {refused}");
        }
        Ok(Self::Walled(
            Arc::new(launcher),
            found.walls,
            Arc::new(folder),
        ))
    }

    /// Runs `true` to its end.
    pub async fn run(&self) -> Result<()> {
        match self {
            Self::Library => {
                let status =
                    tokio::task::spawn_blocking(|| Command::new("true").status()).await??;
                ensure!(status.success(), "true failed");
            }
            Self::Walled(launcher, walls, folder) => start(launcher, *walls, folder.path()).await?,
        }
        Ok(())
    }
}

pub async fn measure(report: &mut Report) -> Result<()> {
    let library = rounds(&Starter::Library).await?;
    let walled = Starter::walled().await?;
    if let Starter::Walled(launcher, _, folder) = &walled {
        let open = Starter::Walled(Arc::clone(launcher), Walls::None, Arc::clone(folder));
        let taken = rounds(&open).await?;
        report.duration(
            "start and end of `true`, without walls",
            taken,
            Some(library),
        );
    }
    let taken = rounds(&walled).await?;
    report.duration(
        "start and end of `true`, behind walls",
        taken,
        Some(library),
    );
    Ok(())
}

async fn rounds(starter: &Starter) -> Result<Duration> {
    let mut taken = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let from = Instant::now();
        starter.run().await?;
        taken.push(from.elapsed());
    }
    Ok(median(&mut taken))
}

async fn start(launcher: &Launcher, walls: Walls, tmp: &Path) -> Result<()> {
    let cell = launcher.cell(walls, Network::Host).await?;
    let command = StepCommand {
        argv: vec!["true".to_owned()],
        folder: "/".into(),
        environment: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
        user: None,
        view: View {
            own: vec![(tmp.to_owned(), "/tmp".into())],
            ..View::default()
        },
        descriptors: None,
    };
    let mut attempt = cell.run(command).await?;
    let ended = attempt.ended().await;
    attempt.empty().await;
    ensure!(
        ended.is_some_and(|ended| ended.status.success()),
        "true failed"
    );
    Ok(())
}
