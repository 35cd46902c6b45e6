//! `handrail node …`, as `--help` shows it.

use super::Data;
use clap::Subcommand;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Node {
    /// Every node of this node's database: whether it works, how far it is, who sealed last.
    List {
        #[command(flatten)]
        data: Data,
    },
    /// Write what another node needs to join, its keys among it, into a new file: as secret as the directory `keys`.
    Keys {
        /// The file; it must not be there yet.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        #[command(flatten)]
        data: Data,
    },
    /// Make a data directory one of another node of the same log, or bring it the ledger's newest key. No node may have it open.
    Join {
        /// What `handrail node keys` wrote.
        #[arg(long, value_name = "FILE")]
        keys: PathBuf,
        /// The way to the database from this machine, if it is not the one in the file.
        #[arg(long, value_name = "URL")]
        store: Option<String>,
        #[command(flatten)]
        data: Data,
    },
    /// Forget a node that is gone for good, and has not been heard of for an hour.
    Forget {
        /// Its name, or how it begins.
        name: String,
        #[command(flatten)]
        data: Data,
    },
}
