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

/// What somebody did with a message that could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handling {
    /// They read it.
    Read,
    /// They sent it through again as it was; what it stands for is recorded beside this.
    Replayed,
    /// They put it right and sent it through; what it stands for is recorded beside this.
    Repaired,
    /// They gave it up; its bytes are gone.
    Discarded,
}

/// Somebody handled a message that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectionHandled {
    /// Which feed it came by.
    pub feed: FeedName,
    /// SHA-256 of its bytes as they came, hexadecimal.
    pub sha256: SmolStr,
    /// What they did.
    pub how: Handling,
    /// Why, when they gave it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SmolStr>,
}
