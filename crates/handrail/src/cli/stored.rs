//! `handrail store …`, as `--help` shows it.

use super::Data;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Stored {
    /// Move the store into a PostgreSQL database, or from there back into a file. The node has to be stopped.
    Move {
        /// An empty database, `postgres://user@host:port/database?passfile=FILE&sslrootcert=FILE`, or `file`.
        #[arg(long, value_name = "URL")]
        to: String,
        #[command(flatten)]
        data: Data,
    },
}
