//! Patients as the world knows them: a pseudonym, labels, and which pseudonyms are the same person.

use crate::{Label, OwnerId, PatientPseudonym};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

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

/// Why two records were not made one patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeRefusal {
    /// The record that was to go is no temporary one, or the one that was to stay is.
    NotTemporary,
    /// One of the numbers stands for nobody.
    Unknown,
    /// They are one patient already.
    Same,
    /// They stand for more records than can be one patient.
    TooMany,
}

/// Somebody wanted two records to be one patient, and it was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeRefused {
    /// The record that was to go on.
    pub survivor: PatientPseudonym,
    /// The record that was to go.
    pub retired: PatientPseudonym,
    /// Why not. Whoever asked was not told which.
    pub why: MergeRefusal,
}

/// The longest reason for an erasure or a hold, in characters.
pub const REASON_CHARS_MAX: usize = 200;

/// Everything that told who a patient is was destroyed: keys, detail, directory, kept messages. What the log says of the pseudonyms stays, and
/// nobody can tell any more whom they stood for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// The record the patient went by.
    pub patient: PatientPseudonym,
    /// Every other record of the same patient.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<PatientPseudonym>,
    /// Why, in words that name nobody.
    pub reason: SmolStr,
    /// How many pieces of encrypted detail went.
    pub details: u64,
    /// How many numbers of records, visits, orders and appointments the directory forgot.
    pub numbers: u64,
    /// How many kept messages went.
    pub messages: u64,
}

impl Erased {
    /// Every record concerned.
    pub fn records(&self) -> impl Iterator<Item = PatientPseudonym> {
        std::iter::once(self.patient).chain(self.merged.iter().copied())
    }
}

/// Nothing of this patient may be erased or expire until the hold is lifted. It covers every record merged with this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldPlaced {
    /// Whose record.
    pub patient: PatientPseudonym,
    /// Why, in words that name nobody: a case number, say.
    pub reason: SmolStr,
    /// Who answers for it and will say when it is over.
    pub owner: OwnerId,
}

/// The hold on a patient is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldLifted {
    /// Whose record.
    pub patient: PatientPseudonym,
    /// Why, in words that name nobody.
    pub reason: SmolStr,
}
