//! The treatment team of a patient.

use crate::{PatientPseudonym, PrincipalId, Timestamp};
use serde::{Deserialize, Serialize};

/// Somebody treats the patient, until a time if one is given. The same person again replaces the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// Whom they treat.
    pub patient: PatientPseudonym,
    /// Who.
    pub person: PrincipalId,
    /// Until when, exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// They no longer treat the patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Whom they treated.
    pub patient: PatientPseudonym,
    /// Who.
    pub person: PrincipalId,
}
