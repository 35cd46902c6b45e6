//! Who saw this record? A search over the ledger by patient, person, workflow and time, and the account of one patient to print.
//!
//! A record number comes in by a form only, is turned into a pseudonym there, and stands in no address, entry or log. Every search is
//! recorded before its finds are shown.

mod account_page;
mod page;
pub(crate) mod routes;
mod wanted;

pub(crate) use wanted::patient_of;
