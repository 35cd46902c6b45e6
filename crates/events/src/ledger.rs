//! Reading evidence is itself evidence.

use crate::Seq;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Somebody read entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// How: `show`, `export`, `prove`, `who`, `console`.
    pub how: SmolStr,
    /// From this entry.
    pub from: Seq,
    /// To before this entry.
    pub to: Seq,
}
