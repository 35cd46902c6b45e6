//! The one binary: configuration, wiring, command line.

mod cli;
mod command;
mod config;
mod server;

use clap::Parser as _;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { 1 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    if cli.command.writes_private_files() {
        // Exports, receipts and backups name people: whoever else may read them is given them.
        rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    }
    match command::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                command::output::note(&format!("handrail: {}", failure.message));
            }
            ExitCode::from(failure.code)
        }
    }
}
