//! `handrail person …` and `handrail workstation …`, as `--help` shows them.

use super::Data;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Person {
    /// Make a one-use invitation: a link by which one person registers their first key or passkey. Who may be asked for by whom, on what
    /// proof and for how long is the charter's.
    Invite {
        /// For whom.
        #[arg(required_unless_present = "csv")]
        person: Option<String>,
        /// Who stands for their being who they are: one of those whom the charter lets invite people of their class.
        #[arg(long, value_name = "PERSON", required_unless_present = "csv")]
        voucher: Option<String>,
        /// What they checked, in a few words such as "staff card and face". Never a number of a document.
        #[arg(long, value_name = "WORDS", required_unless_present = "csv")]
        checked: Option<String>,
        /// The identity assurance level reached (SP 800-63A-4), 1 to 3.
        #[arg(long, value_name = "LEVEL", default_value_t = 2)]
        proofing: u8,
        /// Invite everybody in a CSV file with the columns person, voucher, checked and proofing, or nobody if one line is wrong; `-` reads
        /// standard input. Prints CSV with each person and their link.
        #[arg(long, value_name = "FILE", conflicts_with_all = ["person", "voucher", "checked", "proofing"])]
        csv: Option<PathBuf>,
        #[command(flatten)]
        data: Data,
    },
    /// List a person's keys and passkeys.
    Keys {
        /// Whose.
        person: String,
        #[command(flatten)]
        data: Data,
    },
    /// End one of a person's keys, as when it is lost and they cannot: it opens nothing from then on, and what rests on it ends.
    Revoke {
        /// Whose.
        person: String,
        /// Which, by the id that `person keys` lists.
        key: String,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Recover {
    /// For whom.
    pub(crate) person: String,
    /// Why, in a few words: it stands in the ledger.
    #[arg(long, value_name = "WORDS")]
    pub(crate) why: String,
    /// Their old keys are lost: they count no longer once a new one is registered.
    #[arg(long)]
    pub(crate) lost: bool,
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SignIn {
    /// Count how signing in went: attempts by step, device, place, method, outcome and cause, signs of workarounds, and the ways back in.
    Figures {
        /// How many days back.
        #[arg(long, value_name = "N", default_value_t = 7)]
        days: u32,
        #[command(flatten)]
        data: Data,
    },
    /// Record what somebody found of one who was let in by name alone: once, by whom the charter names, never by those it is about.
    Review {
        /// The entry, as `sign-in provisional` lists it.
        entry: u64,
        /// Who reviewed it.
        #[arg(long, value_name = "PERSON")]
        by: String,
        /// What they found: it was who they said, and there was need; it was not, or there was none; or it cannot be found out.
        #[arg(long, value_name = "FINDING", value_parser = ["justified", "unjustified", "unclear"])]
        finding: String,
        /// In their words: it stands in the ledger.
        #[arg(long, value_name = "WORDS")]
        words: String,
        #[command(flatten)]
        data: Data,
    },
    /// List who asked for a way back in, how that went and whether it was in time, and who removed their last key. That you looked is recorded.
    Recoveries {
        /// How many days back.
        #[arg(long, value_name = "N", default_value_t = 7)]
        days: u32,
        #[command(flatten)]
        data: Data,
    },
    /// List who was let in by name alone, to be reviewed. That you looked is recorded.
    Provisional {
        /// How many days back.
        #[arg(long, value_name = "N", default_value_t = 7)]
        days: u32,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Workstation {
    /// Make a one-use code: a link that makes the browser it is opened in this workstation.
    Code {
        /// A device that is registered and in use.
        device: String,
        #[command(flatten)]
        data: Data,
    },
    /// List the enrolled workstations and who is signed in at each.
    List {
        #[command(flatten)]
        data: Data,
    },
    /// End a workstation's keys, and with them every session at it.
    Withdraw {
        /// Which.
        device: String,
        #[command(flatten)]
        data: Data,
    },
}
