//! Appointments: who will see a patient, where and when (HL7 v2 chapter 10).

use crate::{AppointmentPseudonym, PatientPseudonym, PrincipalId, Timestamp, UnitId};
use serde::{Deserialize, Serialize};

/// The most people one appointment keeps.
pub const APPOINTMENT_PEOPLE_MAX: usize = 16;
/// The longest one appointment lasts, in hours.
pub const APPOINTMENT_HOURS_MAX: i64 = 24;

/// A patient will be seen (S12). The same appointment again says it anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booked {
    /// Which appointment.
    pub appointment: AppointmentPseudonym,
    /// Whose.
    pub patient: PatientPseudonym,
    /// From when, inclusive.
    pub from: Timestamp,
    /// Until when, exclusive.
    pub until: Timestamp,
    /// Where: a clinic, a theatre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    /// Who sees or operates on them: codes as the sender knows them (AIP-3), resolved through principals' aliases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<PrincipalId>,
}

/// It was moved or changed (S13, S14): absent fields stay as they were. It stands from then on, should it have been withdrawn before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Which appointment.
    pub appointment: AppointmentPseudonym,
    /// Whose.
    pub patient: PatientPseudonym,
    /// From and until when, if the message says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Where, if the message says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    /// Who sees them, if the message says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<Vec<PrincipalId>>,
}

/// When an appointment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// From when, inclusive.
    pub from: Timestamp,
    /// Until when, exclusive.
    pub until: Timestamp,
}

/// Why an appointment does not take place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It was called off (S15).
    Cancelled,
    /// It was begun and broken off (S16).
    Discontinued,
    /// It was booked by mistake (S17).
    Deleted,
    /// The patient did not come (S26).
    NoShow,
}

/// It does not take place, or not any longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// Which appointment.
    pub appointment: AppointmentPseudonym,
    /// Whose.
    pub patient: PatientPseudonym,
    /// Why.
    pub why: Why,
}
