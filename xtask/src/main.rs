//! The tasks of this repository that a makefile would express badly.

mod check;
mod files;
mod paths;
mod site;
mod sqlx_prepare;
mod tool;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <task>
  check                    layers, sizes, words, documents
  site [--release]         build what the browser loads into <target>/site
  sqlx-prepare [--check]   write .sqlx, or compare it, with the server of DATABASE_URL";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["check"] => check::run(),
        ["site"] => site::build(site::Profile::Dev),
        ["site", "--release"] => site::build(site::Profile::Release),
        ["sqlx-prepare"] => sqlx_prepare::run(sqlx_prepare::Mode::Write),
        ["sqlx-prepare", "--check"] => sqlx_prepare::run(sqlx_prepare::Mode::Check),
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
