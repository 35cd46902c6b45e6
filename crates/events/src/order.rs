//! Orders: who asked for something to be done to a patient, who does it, and when it is done (HL7 v2 chapters 4 and 7).

use crate::{OrderPseudonym, PatientPseudonym, PrincipalId, UnitId};
use serde::{Deserialize, Serialize};

/// The most people who ordered or who perform that one order keeps, each.
pub const ORDER_PEOPLE_MAX: usize = 8;

/// Something was ordered (ORM, OMG, OMI, OML). The same order again adds to what is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Which order.
    pub order: OrderPseudonym,
    /// For whom.
    pub patient: PatientPseudonym,
    /// Who ordered it: codes as the sender knows them (ORC-12, OBR-16), resolved through principals' aliases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ordered_by: Vec<PrincipalId>,
    /// Who performs or reports it, in the same form (OBR-32 to -34).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub performers: Vec<PrincipalId>,
    /// The unit that performs it: radiology, the laboratory, whoever is consulted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
}

/// What is known of an open order changed: absent fields stay as they were. It is open from then on, should it have been ended before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Which order.
    pub order: OrderPseudonym,
    /// For whom.
    pub patient: PatientPseudonym,
    /// Who ordered it, if the message says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered_by: Option<Vec<PrincipalId>>,
    /// Who performs it, if the message says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub performers: Option<Vec<PrincipalId>>,
    /// The unit that performs it, if the message says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
}

/// It is done: the final result is there. Who ordered and performed it, where the message says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completed {
    /// Which order.
    pub order: OrderPseudonym,
    /// For whom.
    pub patient: PatientPseudonym,
    /// Who ordered it, if the message says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered_by: Option<Vec<PrincipalId>>,
    /// Who performs it, if the message says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub performers: Option<Vec<PrincipalId>>,
    /// The unit that performs it, if the message says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
}

/// It will not be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    /// Which order.
    pub order: OrderPseudonym,
    /// For whom.
    pub patient: PatientPseudonym,
}
