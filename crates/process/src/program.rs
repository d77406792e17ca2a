//! A program in the form in which the kernel takes it.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::io;

use nix::errno::Errno;
use nix::unistd::execve;

/// What a script without `#!` is read by, as `execvp` does.
const SHELL: &CStr = c"/bin/sh";

/// Made before the start, so that nothing is left to fail in between but the kernel's own calls.
pub(crate) struct Program {
    /// Where it may be, in the order of the search.
    places: Vec<CString>,
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl Program {
    /// Prepares `argv`, which is searched in the environment's own `PATH`.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] where there is no command, or a part holds a NUL byte.
    pub fn new(argv: &[String], environment: &[(String, String)]) -> io::Result<Self> {
        let Some(name) = argv.first() else {
            return Err(invalid("it names no command"));
        };
        // Of a name that is given twice the last counts.
        let environment: BTreeMap<_, _> = environment.iter().cloned().collect();
        let places = if name.contains('/') {
            vec![text(name.as_str())?]
        } else {
            environment
                .get("PATH")
                .map_or("/bin:/usr/bin", String::as_str)
                .split(':')
                // An empty entry is the working folder, as in a shell.
                .map(|folder| if folder.is_empty() { "." } else { folder })
                .map(|folder| text(format!("{folder}/{name}")))
                .collect::<io::Result<_>>()?
        };
        Ok(Self {
            places,
            arguments: argv
                .iter()
                .map(String::as_str)
                .map(text)
                .collect::<io::Result<_>>()?,
            environment: environment
                .iter()
                .map(|(name, value)| text(format!("{name}={value}")))
                .collect::<io::Result<_>>()?,
        })
    }

    /// Executes the first of its places that can be; returns why none could.
    pub fn execute(&self) -> Errno {
        let mut refused = Errno::ENOENT;
        for place in &self.places {
            let error = match execve(place, &self.arguments, &self.environment) {
                Err(Errno::ENOEXEC) => self.execute_script(place),
                Err(error) => error,
                Ok(never) => match never {},
            };
            match error {
                Errno::ENOENT | Errno::ENOTDIR => {}
                // There may be one further on that this user may execute.
                Errno::EACCES => refused = error,
                error => return error,
            }
        }
        refused
    }

    /// `sh place arguments…`
    fn execute_script(&self, place: &CString) -> Errno {
        let mut arguments = vec![SHELL.to_owned(), place.clone()];
        arguments.extend(self.arguments.iter().skip(1).cloned());
        match execve(SHELL, &arguments, &self.environment) {
            Err(error) => error,
            Ok(never) => match never {},
        }
    }
}

fn text(bytes: impl Into<Vec<u8>>) -> io::Result<CString> {
    CString::new(bytes).map_err(|_| invalid("its arguments or its environment hold a NUL byte"))
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
