//! Which walls this machine lets us build.

use std::fmt;
use std::io;
use std::path::Path;

use crate::attempt::{NotStarted, StepCommand};
use crate::launcher::Launcher;
use crate::wire::{Network, View, Walls};

/// A wall that could not be built.
#[derive(Debug)]
pub struct Refusal {
    what: String,
    error: io::Error,
}

impl Refusal {
    pub(crate) fn new(what: impl Into<String>, error: io::Error) -> Self {
        let what = what.into();
        Self { what, error }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.what, self.error)
    }
}

impl std::error::Error for Refusal {}

/// The walls that stand, and why they are not higher.
#[derive(Debug)]
pub struct Found {
    pub walls: Walls,
    /// What was refused on the way, where it was.
    pub refused: Option<Refusal>,
}

impl Found {
    /// Why they are not higher, for a sentence.
    #[must_use]
    pub fn why(&self) -> String {
        match &self.refused {
            Some(refused) => refused.to_string(),
            None => "that is how it is configured".to_owned(),
        }
    }
}

impl Launcher {
    /// Finds the walls by building all of them once, up to the end of a command: kernels and
    /// containers allow the first call and refuse a later one. `folder` is an empty one of ours.
    pub async fn find(&self, folder: &Path, user: Option<(u32, u32)>) -> Found {
        let walls = if rustix::process::geteuid().is_root() {
            Walls::Namespaces
        } else {
            Walls::UserNamespaces
        };
        match self.try_out(walls, folder, user).await {
            Ok(()) => Found {
                walls,
                refused: None,
            },
            Err(refusal) => Found {
                walls: Walls::None,
                refused: Some(refusal),
            },
        }
    }

    async fn try_out(
        &self,
        walls: Walls,
        folder: &Path,
        user: Option<(u32, u32)>,
    ) -> Result<(), Refusal> {
        let cell = self.cell(walls, Network::Host).await?;
        let command = StepCommand {
            argv: vec!["true".to_owned()],
            folder: "/".into(),
            environment: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
            user,
            view: View {
                own: vec![(folder.to_owned(), "/tmp".into())],
                ..View::default()
            },
            descriptors: None,
        };
        match cell.run(command).await {
            Ok(mut attempt) => {
                attempt.ended().await;
                attempt.empty().await;
                Ok(())
            }
            // A machine without the program has come as far as looking for it.
            Err(NotStarted::Program(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(NotStarted::View(what, error)) => Err(Refusal::new(what, error)),
            Err(
                NotStarted::Program(error) | NotStarted::Folder(error) | NotStarted::Other(error),
            ) => Err(Refusal::new("starting a program behind them", error)),
        }
    }
}
