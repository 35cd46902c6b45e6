//! Systems that ask for decisions or feed facts. Their tokens and certificates are a fold of these events; a token's secret is never in a leaf.

use crate::{CallerName, Timestamp};
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

/// A certificate was registered for a caller: whoever proves to hold its key is that caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateAdded {
    /// Whose.
    pub caller: CallerName,
    /// SHA-256 of the certificate (RFC 8705 section 3.1 `x5t#S256`), hexadecimal.
    pub sha256: SmolStr,
    /// It is no good from then on, by its own words.
    pub not_after: Timestamp,
}

/// All of a caller's tokens and certificates were ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Whose.
    pub caller: CallerName,
}
