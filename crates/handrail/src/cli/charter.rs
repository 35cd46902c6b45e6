//! `handrail charter`, as `--help` shows it.

use super::Data;
use clap::Subcommand;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Charter {
    /// Load a charter and say everything that is wrong with it, or most likely not meant.
    Check {
        /// The charter's directory.
        dir: PathBuf,
        /// Fail on warnings, too.
        #[arg(long)]
        deny_warnings: bool,
    },
    /// Run a charter's scenarios, then see whether they notice every change of a policy.
    ///
    /// Each policy is deleted, reversed, negated, widened and narrowed, each change alone; a change that no scenario notices is said.
    Test {
        /// The charter's directory.
        dir: PathBuf,
        /// Only scenarios whose name contains this; no policy is changed then.
        #[arg(long, value_name = "TEXT")]
        only: Option<String>,
        /// Change no policy, only run the scenarios.
        #[arg(long)]
        no_mutants: bool,
        /// Change only policies whose id or file contains this.
        #[arg(long, value_name = "TEXT", conflicts_with_all = ["only", "no_mutants"])]
        mutants_of: Option<String>,
    },
    /// Say what changes from one charter to another: in people's words, and which cells of the authority matrix.
    Diff {
        /// The charter before: a directory, a digest, or `@in-force` for the one a node judges by.
        #[arg(value_name = "BEFORE")]
        before: String,
        /// The charter after, named in the same ways.
        #[arg(value_name = "AFTER")]
        after: String,
        #[command(flatten)]
        data: Data,
    },
    /// Propose a charter to a node: checked, tried and compared, then signed by two people in the console.
    Propose {
        /// The charter's directory.
        dir: PathBuf,
        /// Why it changes, for those who sign and for those who ask later.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        data: Data,
    },
    /// Put a charter into force: at once in a store made by `handrail dev`, elsewhere by proposing it.
    Apply {
        /// The charter's directory.
        dir: PathBuf,
        /// Why it changes.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        data: Data,
    },
    /// List proposed charters and who signed them.
    Proposals {
        #[command(flatten)]
        data: Data,
    },
    /// Take a proposed charter back.
    Withdraw {
        /// The proposal's number.
        proposal: u64,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        data: Data,
    },
    /// Print who may do what in which circumstances: role × action × resource × circumstance.
    Matrix {
        /// The charter: a directory, a digest, or `@in-force`.
        #[arg(value_name = "CHARTER")]
        charter: String,
        #[command(flatten)]
        data: Data,
    },
}
