//! Which rules are in force.

use crate::{CharterDigest, OperatorId};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A charter came into force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Which.
    pub digest: CharterDigest,
    /// The hospital's name in it.
    pub hospital: SmolStr,
    /// Who signed for it. Empty only where an empty store was seeded.
    pub signed_by: Vec<OperatorId>,
}
