//! `handrail patient` on the command line.

use super::Data;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Patient {
    /// Give an unknown patient a temporary record number, good at once for messages and decisions.
    Temporary {
        /// Where they are: a unit, by its id or one of its codes.
        #[arg(long, value_name = "UNIT")]
        unit: String,
        #[command(flatten)]
        data: Data,
    },
    /// Make a temporary record part of the patient's own, as an A40 does, after showing both.
    Merge {
        /// The temporary number, which goes.
        retired: String,
        /// The patient's own number, which stays.
        #[arg(long, value_name = "RECORD")]
        into: String,
        /// Do not ask for the number that stays once more.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        data: Data,
    },
    /// Take a merge of two records back, as an A37 does: each keeps what came under its own number.
    Unmerge {
        /// The number that had gone.
        retired: String,
        /// The number that had stayed.
        #[arg(long, value_name = "RECORD")]
        from: String,
        /// Do not ask for the number that had gone once more.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        data: Data,
    },
    /// Show whom a record number stands for, and any hold. Looking is itself recorded.
    Show {
        /// The patient's record number; `-` reads it from standard input, where no list of processes shows it.
        #[arg(long, value_name = "MRN")]
        record_number: String,
        #[command(flatten)]
        data: Data,
    },
    /// Destroy everything that tells who a patient is: keys, detail, directory, kept messages. The log still verifies.
    Erase {
        #[command(flatten)]
        of: PatientReason,
        /// Do not ask for the number once more.
        #[arg(long)]
        yes: bool,
    },
    /// Place a legal hold: nothing of the patient may be erased or expire.
    Hold {
        #[command(flatten)]
        of: PatientReason,
        /// Who answers for the hold: a team or person of the charter's owners.toml.
        #[arg(long, value_name = "OWNER")]
        owner: String,
    },
    /// Lift a legal hold.
    Release {
        #[command(flatten)]
        of: PatientReason,
    },
    /// List the legal holds in force.
    Holds {
        #[command(flatten)]
        data: Data,
    },
}

/// A patient, and why.
#[derive(Debug, Args)]
pub(crate) struct PatientReason {
    /// The patient's record number, any of theirs; `-` reads it from standard input, where no list of processes shows it.
    #[arg(long, value_name = "MRN")]
    pub(crate) record_number: String,
    /// Why, in words that name nobody: they stay in the log for ever.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) data: Data,
}
