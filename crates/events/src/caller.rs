//! Systems that ask for decisions or feed facts. Token secrets are never in leaves.

use crate::CallerName;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A token was made for a caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// Whose.
    pub caller: CallerName,
    /// The token's public id, by which it can be revoked.
    pub token: SmolStr,
}

/// All of a caller's tokens were ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Whose.
    pub caller: CallerName,
}
