//! Who works where and when.

use crate::{PrincipalId, ShiftId, Timestamp, UnitId};
use serde::{Deserialize, Serialize};

/// The longest shift, in hours. A longer one is a mistake in the rota and is refused at the edge.
pub const SHIFT_HOURS_MAX: i64 = 36;

/// A shift as it is now planned; the same id again replaces it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftAssigned {
    /// The rota's own id for the shift.
    pub shift: ShiftId,
    /// Who works it.
    pub person: PrincipalId,
    /// Where.
    pub unit: UnitId,
    /// From when, inclusive.
    pub from: Timestamp,
    /// Until when, exclusive.
    pub until: Timestamp,
    /// Whether they are on call for the unit rather than present in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_call: bool,
}

/// The shift will not be worked, or ends here if it has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftWithdrawn {
    /// Which.
    pub shift: ShiftId,
    /// Whose it was.
    pub person: PrincipalId,
}
