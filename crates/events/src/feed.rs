//! What other systems told us that is not itself a fact.

use crate::FeedName;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A message arrived, was understood, and changed nothing: evidence, and proof that the feed is alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Which feed.
    pub feed: FeedName,
    /// The message's type, such as `ORU^R01`.
    pub message_type: SmolStr,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: SmolStr,
}

/// A message arrived that could not be used. Its bytes are kept, encrypted, beside the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRejected {
    /// Which feed.
    pub feed: FeedName,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: SmolStr,
    /// Its length in bytes.
    pub bytes: u64,
    /// Why, in words that name no patient.
    pub reason: SmolStr,
}
