//! The tasks of this repository that a makefile would express badly.

mod paths;
mod site;
mod tool;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <task>
  site [--release]         build what the browser loads into <target>/site";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["site"] => site::build(site::Profile::Dev),
        ["site", "--release"] => site::build(site::Profile::Release),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
