//! A unit in an emergency: a mass casualty, a downtime, an evacuation.

use crate::{Timestamp, UnitId};
use serde::{Deserialize, Serialize};

/// The unit is in an emergency; the same unit again replaces the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    /// Where.
    pub unit: UnitId,
    /// It ends by itself then.
    pub until: Timestamp,
}

/// The emergency is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Where.
    pub unit: UnitId,
}
