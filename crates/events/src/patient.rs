//! Patients as the world knows them: a pseudonym, labels, and which pseudonyms are the same person.

use crate::{Label, PatientPseudonym};
use serde::{Deserialize, Serialize};

/// The most sensitivity labels one patient can have.
pub const LABELS_MAX: usize = 16;

/// The patient's sensitivity labels, all of them, replacing what was known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labelled {
    /// Whose.
    pub patient: PatientPseudonym,
    /// Such as `vip`, `staff_member`, `psychiatric`, `family:F17`.
    pub labels: Vec<Label>,
}

/// Two records are one patient (A40, A34). Both pseudonyms stay; the retired one now means the survivor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    /// The record that goes on.
    pub survivor: PatientPseudonym,
    /// The record that does not.
    pub retired: PatientPseudonym,
}

/// A merge was a mistake (A37): the alias is taken away, each keeps its own encounters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmerged {
    /// The record that had gone on.
    pub survivor: PatientPseudonym,
    /// The record that stands alone again.
    pub retired: PatientPseudonym,
}
