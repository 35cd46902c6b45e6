//! Every command, one file each, and the way from the command line to them.

mod audit;
mod backup;
mod caller;
mod charter;
pub(crate) mod connection;
mod decide;
mod dev;
mod doctor;
mod explained;
pub(crate) mod failure;
mod feed;
mod ledger;
mod man;
mod node;
mod operator;
pub(crate) mod output;
mod patient;
mod rejected;
mod replay;
mod serve;
mod signing_in;
mod stored;
mod temporary;
mod witness;

use crate::cli::{Cli, Command};
use failure::Failure;
use output::Output;

/// Runs a command to its end.
pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    let out = Output::new(cli.json);
    match cli.command {
        Command::Dev(args) => serving()?.block_on(dev::run(args)),
        Command::Serve(args) => serving()?.block_on(serve::run(args)),
        Command::Doctor(args) => asking()?.block_on(doctor::run(args, out)),
        Command::Caller(args) => asking()?.block_on(caller::run(args, out)),
        Command::Operator(args) => asking()?.block_on(operator::run(args, out)),
        Command::Person(args) => asking()?.block_on(signing_in::person(args, out)),
        Command::Recover(args) => asking()?.block_on(signing_in::recover(args, out)),
        Command::SignIn(args) => asking()?.block_on(signing_in::sign_in(args, out)),
        Command::Workstation(args) => asking()?.block_on(signing_in::workstation(args, out)),
        Command::Charter(args) => asking()?.block_on(charter::run(args, out)),
        Command::Decide(args) => asking()?.block_on(decide::run(args, out)),
        Command::Who(args) => asking()?.block_on(decide::who(args, out)),
        Command::Ledger(args) => serving()?.block_on(ledger::run(args, out)),
        Command::Audit(args) => asking()?.block_on(audit::run(args, out)),
        Command::Patient(args) => asking()?.block_on(patient::run(args, out)),
        Command::Feed(args) => serving()?.block_on(feed::run(args, out)),
        Command::Witness(args) => serving()?.block_on(witness::run(args, out)),
        Command::Replay(args) => serving()?.block_on(replay::run(args, out)),
        Command::Backup(args) => serving()?.block_on(backup::back_up(args, out)),
        Command::Restore(args) => serving()?.block_on(backup::restore(args, out)),
        Command::Store(args) => asking()?.block_on(stored::run(args, out)),
        Command::Node(args) => asking()?.block_on(node::run(args, out)),
        Command::Man(args) => man::run(args, out),
        Command::Completions { shell } => {
            let mut command = <Cli as clap::CommandFactory>::command();
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, "handrail", &mut script);
            out.raw(&script)
        }
    }
}

/// A runtime for a node.
fn serving() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// A runtime for a command that asks one thing.
fn asking() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
