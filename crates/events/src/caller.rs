//! Systems that ask for decisions or feed facts. Their tokens are a fold of these events; a token's secret is never in a leaf.

use crate::CallerName;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A token was made for a caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// Whose.
    pub caller: CallerName,
    /// The token's public id.
    pub token: SmolStr,
    /// SHA-256 of its secret, hexadecimal. The secret is 256 random bits: knowing this helps nobody to guess it.
    pub sha256: SmolStr,
}

/// All of a caller's tokens were ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Whose.
    pub caller: CallerName,
}
