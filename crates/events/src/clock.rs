//! The wall clock misbehaving.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// The wall clock moved further than it may between two entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jumped {
    /// The time of the entry before.
    pub from: Timestamp,
    /// What the wall clock says now.
    pub to: Timestamp,
}
