//! Who saw this record? Entries of the ledger found, told in plain words, accounted for, and shown as other systems read them.
//!
//! - [`tell`]: one decision in the words of a privacy office.
//! - [`find`]: entries found through [`store::Search`], with the patient's other records, and the search recorded.
//! - [`account`]: the account of disclosures of one patient (45 CFR 164.528), readable by the patient.
//! - [`table`]: the same and lists of decisions as CSV.
//! - [`fhir`]: entries as FHIR AuditEvents (IHE BALP 1.1.5), exported and over HTTP.
//! - [`syslog`]: entries as RFC 5424 lines.
//!
//! All of these are views. The ledger is the evidence: each names the entries it was made from, by index and hash.

pub mod account;
pub mod fhir;
pub mod find;
pub mod period;
pub mod syslog;
pub mod table;
pub mod tell;

use store::{AppendError, ReadError};

/// Why evidence cannot be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The store or the search file cannot be read.
    #[error("the ledger cannot be searched")]
    Read(#[from] ReadError),
    /// Looking could not be recorded, so nothing is shown.
    #[error("looking could not be recorded")]
    Unrecorded(#[from] AppendError),
    /// The period makes no sense.
    #[error(transparent)]
    Period(#[from] period::PeriodError),
    /// The last checkpoint cannot be read back.
    #[error("the checkpoint cannot be read")]
    Checkpoint(#[from] ledger::note::NoteError),
    /// The thread that searched ended in a way nobody expected.
    #[error("the search was cut off")]
    CutOff(#[from] tokio::task::JoinError),
}
