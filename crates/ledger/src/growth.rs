//! The proof that a log only grew, from an older size to a signed checkpoint: in the form a witness is asked in (C2SP tlog-witness,
//! `add-checkpoint`), which a file can hold as well.

use crate::hash::Hash;
use crate::note::NOTE_BYTES_MAX;
use crate::proof::{self, NotProven};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::fmt;

/// The most hashes that may be sent.
pub const GROWTH_HASHES_MAX: usize = 63;
/// The longest text, in bytes: a size, the hashes, a note.
pub const GROWTH_BYTES_MAX: usize = 32 + GROWTH_HASHES_MAX * 45 + NOTE_BYTES_MAX;

/// The older size, the hashes, and the newer checkpoint's note. Nothing of it is believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    /// How many entries the log had.
    pub old: u64,
    /// The consistency proof (RFC 6962 section 2.1.2).
    pub path: Vec<Hash>,
    /// The newer checkpoint as a signed note.
    pub note: String,
}

/// The text is not `old N`, hashes, an empty line and a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a proof of growth: expected `old N`, one hash a line, an empty line and a checkpoint")]
pub struct GrowthError;

impl Growth {
    /// Reads the text.
    ///
    /// # Errors
    ///
    /// If it is too long or of another form.
    pub fn parse(bytes: &[u8]) -> Result<Self, GrowthError> {
        if bytes.len() > GROWTH_BYTES_MAX {
            return Err(GrowthError);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| GrowthError)?;
        let (head, note) = text.split_once("\n\n").ok_or(GrowthError)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(number).ok_or(GrowthError)?;
        let path = hashes(lines, GROWTH_HASHES_MAX).ok_or(GrowthError)?;
        Ok(Self { old, path, note: note.to_owned() })
    }

    /// Checks that the log with `new_root` at `new` entries begins with the one with `old_root`.
    ///
    /// # Errors
    ///
    /// [`NotProven`] if the hashes do not show it.
    pub fn verify(&self, old_root: &Hash, new: u64, new_root: &Hash) -> Result<(), NotProven> {
        proof::verify_consistency(self.old, new, old_root, new_root, &self.path)
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "old {}", self.old)?;
        self.path.iter().try_for_each(|hash| writeln!(formatter, "{hash}"))?;
        write!(formatter, "\n{}", self.note)
    }
}

/// A decimal number in its only form.
pub(crate) fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// One hash a line, in their only form.
pub(crate) fn hashes<'a>(lines: impl Iterator<Item = &'a str>, max: usize) -> Option<Vec<Hash>> {
    let mut hashes = Vec::new();
    for line in lines {
        let hash: Hash = line.parse().ok()?;
        if hashes.len() == max || BASE64_STANDARD.encode(hash.0) != line {
            return None;
        }
        hashes.push(hash);
    }
    Some(hashes)
}
