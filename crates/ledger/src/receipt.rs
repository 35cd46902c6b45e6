//! Receipts (C2SP tlog-proof): that an entry is in a log, in one file that is checked offline with the log's public key.

use crate::growth::{hashes, number};
use crate::hash::{Hash, leaf_hash};
use crate::note::{Checkpoint, NOTE_BYTES_MAX, NoteError};
use crate::proof::{self, NotProven};
use crate::rotation::KeyHistory;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::fmt;

/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// What such a file's name ends with.
pub const RECEIPT_EXTENSION: &str = "tlog-proof";
/// The most hashes a receipt may have.
const HASHES_MAX: usize = proof::PROOF_HASHES_MAX;
/// The most bytes of extra data: as much as an entry can have.
const EXTRA_BYTES_MAX: usize = crate::bundle::ENTRY_BYTES_MAX;
/// The longest receipt, in bytes: header, extra data as base64, index, hashes, note.
pub const RECEIPT_BYTES_MAX: usize = 128 + EXTRA_BYTES_MAX.div_ceil(3) * 4 + HASHES_MAX * 45 + NOTE_BYTES_MAX;

/// An entry's number, the hashes that lead from it to a root, and the checkpoint with that root. Nothing of it is believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Bytes that travel along. No signature covers them.
    pub extra: Option<Vec<u8>>,
    /// The entry's number, from 0.
    pub index: u64,
    /// The inclusion proof (RFC 6962 section 2.1.1).
    pub path: Vec<Hash>,
    /// The checkpoint as a signed note.
    pub note: String,
}

/// Why a receipt is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// Not text of the form of a receipt.
    #[error(
        "not a receipt: expected `{HEADER}`, perhaps `extra`, `index`, one hash a line, an empty line and a checkpoint"
    )]
    Form,
    /// The checkpoint is malformed or nobody known signed it.
    #[error("its checkpoint is refused")]
    Note(#[from] NoteError),
    /// The hashes do not lead from the entry to the root.
    #[error("it does not show that this entry is in the log")]
    NotProven(#[from] NotProven),
}

impl Receipt {
    /// Reads a receipt.
    ///
    /// # Errors
    ///
    /// [`ReceiptError::Form`] if it is too long or of another form.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let parse = || {
            let text = (bytes.len() <= RECEIPT_BYTES_MAX).then(|| std::str::from_utf8(bytes).ok()).flatten()?;
            let (head, note) = text.split_once("\n\n")?;
            let mut lines = head.split('\n').peekable();
            lines.next().filter(|line| *line == HEADER)?;
            let extra = lines.next_if(|line| line.starts_with("extra "));
            let extra = match extra.and_then(|line| line.strip_prefix("extra ")) {
                Some(base64) => Some(BASE64_STANDARD.decode(base64).ok().filter(|e| e.len() <= EXTRA_BYTES_MAX)?),
                None => None,
            };
            let index = lines.next()?.strip_prefix("index ").and_then(number)?;
            Some(Self { extra, index, path: hashes(lines, HASHES_MAX)?, note: note.to_owned() })
        };
        parse().ok_or(ReceiptError::Form)
    }

    /// Checks that `entry` is in a log that a key of `keys` vouches for, and where.
    ///
    /// # Errors
    ///
    /// If the checkpoint is not theirs, or the hashes do not show it.
    pub fn verify(&self, entry: &[u8], keys: &KeyHistory) -> Result<Checkpoint, ReceiptError> {
        let checkpoint = keys.open(self.note.as_bytes())?;
        self.leads_to(entry, &checkpoint)?;
        Ok(checkpoint)
    }

    /// Checks only the hashes.
    pub(crate) fn leads_to(&self, entry: &[u8], checkpoint: &Checkpoint) -> Result<(), NotProven> {
        let (size, root) = (checkpoint.size, &checkpoint.root);
        proof::verify_inclusion(self.index, size, &leaf_hash(entry), &self.path, root)
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(formatter, "extra {}", BASE64_STANDARD.encode(extra))?;
        }
        writeln!(formatter, "index {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(formatter, "{hash}"))?;
        write!(formatter, "\n{}", self.note)
    }
}
