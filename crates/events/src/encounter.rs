//! Stays and visits: arriving, moving, leaving, and undoing each (HL7 v2 chapter 3).

use crate::{EncounterPseudonym, PatientPseudonym, PrincipalId, Timestamp, UnitId};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Where a patient is, as PV1-3 says it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The unit.
    pub unit: UnitId,
    /// The room, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<SmolStr>,
    /// The bed, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bed: Option<SmolStr>,
}

/// The sort of stay (PV1-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A bed in the house.
    Inpatient,
    /// A clinic visit.
    Outpatient,
    /// The emergency department.
    Emergency,
    /// Anything else.
    Other,
}

impl Class {
    /// Every sort, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Inpatient, Self::Outpatient, Self::Emergency, Self::Other];
}

/// Whether the patient is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Arrived.
    Present,
    /// Announced: the unit may prepare.
    Expected,
}

/// A patient arrived (A01, A04) or is expected (A05, A14). The same encounter again adds to what is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Which stay.
    pub encounter: EncounterPseudonym,
    /// Whose.
    pub patient: PatientPseudonym,
    /// The sort of stay.
    pub class: Class,
    /// Whether they are there.
    pub presence: Presence,
    /// Where.
    pub place: Place,
    /// Who attends: codes as the sender knows them (PV1-7), resolved through principals' aliases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attending: Vec<PrincipalId>,
    /// Who else takes part: referring, consulting and admitting doctors (PV1-8, -9, -17).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<PrincipalId>,
}

/// The most attending or participating people one encounter keeps.
pub const PEOPLE_MAX: usize = 16;

/// The patient changed place (A02), or will (A15).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Which stay.
    pub encounter: EncounterPseudonym,
    /// Whose.
    pub patient: PatientPseudonym,
    /// Whether they are there yet.
    pub presence: Presence,
    /// Where to.
    pub place: Place,
}

/// The patient left (A03).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Which stay.
    pub encounter: EncounterPseudonym,
    /// Whose.
    pub patient: PatientPseudonym,
}

/// What is known of a stay changed (A08): absent fields stay as they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Updated {
    /// Which stay.
    pub encounter: EncounterPseudonym,
    /// Whose.
    pub patient: PatientPseudonym,
    /// Who attends now, if the message says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attending: Option<Vec<PrincipalId>>,
    /// Who takes part now, if the message says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participants: Option<Vec<PrincipalId>>,
    /// The sort of stay, if the message says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
}

/// What an undo takes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Movement {
    /// A11 undoes A01 or A04: the stay never was.
    Admission,
    /// A12 undoes A02: the patient is where they were before.
    Transfer,
    /// A13 undoes A03: the patient never left.
    Discharge,
    /// A26 undoes A15: the patient is not expected there after all.
    PendingTransfer,
}

impl Movement {
    /// Every sort, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Admission, Self::Transfer, Self::Discharge, Self::PendingTransfer];
}

/// A movement was undone (A11, A12, A13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovementCancelled {
    /// Which stay.
    pub encounter: EncounterPseudonym,
    /// Whose.
    pub patient: PatientPseudonym,
    /// Which sort of movement.
    pub movement: Movement,
    /// When the undone movement had happened (EVN-6), if the message says; otherwise the latest of its sort is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub happened_at: Option<Timestamp>,
}
