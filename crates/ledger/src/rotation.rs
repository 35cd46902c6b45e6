//! How one signing key takes over from another, so that whoever holds either finds the other.
//!
//! A signature below an old checkpoint can be added by anybody, so a checkpoint with two signatures says nothing by itself. A rotation is
//! therefore an **entry of the log** that names both keys, and a checkpoint over it that **both** signed: by signing, the old key vouches
//! for the entry that names its successor. The record of it is a receipt (tlog-proof) of that entry, with the entry as its extra data.

use crate::hash::{Hash, leaf_hash};
use crate::key::{KeyError, VerifyingKey};
use crate::note::{Checkpoint, Note, NoteError};
use crate::proof::NotProven;
use crate::receipt::{Receipt, ReceiptError};
use serde::Deserialize;

/// The kind of entry that names both keys: `{"kind":"ledger.key_rotated","body":{"from":"…","to":"…"}, …}`.
pub const ROTATION_KIND: &str = "ledger.key_rotated";
/// The most rotations a log may have had.
pub const ROTATIONS_MAX: usize = 1_000;

/// One key took over from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The entry that says so.
    pub entry: u64,
    /// Its hash.
    pub entry_hash: Hash,
    /// The key that was retired.
    pub from: VerifyingKey,
    /// The key that took over.
    pub to: VerifyingKey,
    /// The checkpoint both signed.
    pub checkpoint: Checkpoint,
}

/// Why a record of a rotation is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RotationError {
    /// Not a receipt.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// Its entry is missing, or is not one that names two keys of one log.
    #[error("its entry does not name two keys of one log")]
    Entry,
    /// A key in the entry is not one.
    #[error("its entry names something that is not a key")]
    Key(#[from] KeyError),
    /// The checkpoint is refused.
    #[error("its checkpoint is refused")]
    Note(#[from] NoteError),
    /// One of the two keys did not sign.
    #[error("its checkpoint is not signed by both keys")]
    OneSided,
    /// The entry is not under the checkpoint.
    #[error(transparent)]
    NotProven(#[from] NotProven),
    /// It does not begin with the key the one before ended with, or with a smaller log.
    #[error("it does not follow the rotation before it")]
    Sequence,
    /// The key held is none of those named.
    #[error("the key held is none of the log's keys")]
    Stranger,
}

#[derive(Deserialize)]
struct Entry {
    kind: String,
    body: Body,
}

#[derive(Deserialize)]
struct Body {
    from: String,
    to: String,
}

/// Whether an entry is one that names two keys.
pub(crate) fn is_rotation(entry: &[u8]) -> bool {
    named(entry).is_some()
}

fn named(entry: &[u8]) -> Option<Body> {
    let entry: Entry = serde_json::from_slice(entry).ok()?;
    (entry.kind == ROTATION_KIND).then_some(entry.body)
}

impl Rotation {
    /// Reads a record and checks all that can be checked without holding a key: that both keys signed the checkpoint, and that the entry that
    /// names them is under it.
    ///
    /// # Errors
    ///
    /// If anything of that is not so.
    pub fn parse(record: &[u8]) -> Result<Self, RotationError> {
        let receipt = Receipt::parse(record)?;
        let entry = receipt.extra.as_deref().ok_or(RotationError::Entry)?;
        let body = named(entry).ok_or(RotationError::Entry)?;
        let (from, to) = (VerifyingKey::parse(&body.from)?, VerifyingKey::parse(&body.to)?);
        if from.origin() != to.origin() || from == to {
            return Err(RotationError::Entry);
        }
        let note = Note::read(receipt.note.as_bytes())?;
        if !(note.is_signed_by(&from)? && note.is_signed_by(&to)?) {
            return Err(RotationError::OneSided);
        }
        let checkpoint = note.checkpoint_of(from.origin())?;
        receipt.leads_to(entry, &checkpoint)?;
        Ok(Self { entry: receipt.index, entry_hash: leaf_hash(entry), from, to, checkpoint })
    }
}

/// Every key a log has signed with, as far as a held key vouches for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHistory {
    /// Oldest first; at least one.
    keys: Vec<VerifyingKey>,
    /// Between each key and the next.
    rotations: Vec<Rotation>,
}

impl KeyHistory {
    /// A log whose only known key this is.
    #[must_use]
    pub fn of(held: &VerifyingKey) -> Self {
        Self { keys: vec![held.clone()], rotations: Vec::new() }
    }

    /// Follows rotations, oldest first, from a held key to the newest and back to the oldest.
    ///
    /// # Errors
    ///
    /// With the place of the rotation that does not fit, from 0.
    pub fn follow(held: &VerifyingKey, rotations: Vec<Rotation>) -> Result<Self, (usize, RotationError)> {
        let Some(first) = rotations.first() else { return Ok(Self::of(held)) };
        let mut keys = vec![first.from.clone()];
        let mut size = 0;
        for (place, rotation) in rotations.iter().enumerate() {
            if keys.last() != Some(&rotation.from) || keys.contains(&rotation.to) || rotation.entry < size {
                return Err((place, RotationError::Sequence));
            }
            size = rotation.checkpoint.size;
            keys.push(rotation.to.clone());
        }
        if !keys.contains(held) {
            return Err((0, RotationError::Stranger));
        }
        Ok(Self { keys, rotations })
    }

    /// The key that signs now.
    #[must_use]
    pub fn newest(&self) -> Option<&VerifyingKey> {
        self.keys.last()
    }

    /// All of them, oldest first.
    #[must_use]
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.keys
    }

    /// Between each key and the next.
    #[must_use]
    pub fn rotations(&self) -> &[Rotation] {
        &self.rotations
    }

    /// The checkpoint in a note, if one of the keys signed it while it was in force: a retired key vouches for no log longer than the one it
    /// was retired at.
    ///
    /// # Errors
    ///
    /// If the note is malformed, another log's, or none of the keys signed it in its time.
    pub fn open(&self, note: &[u8]) -> Result<Checkpoint, NoteError> {
        let note = Note::read(note)?;
        let mut retired = None;
        let mut signed = false;
        for (place, key) in self.keys.iter().enumerate() {
            if !note.is_signed_by(key)? {
                continue;
            }
            let size = note.checkpoint_of(key.origin())?.size;
            match self.rotations.get(place) {
                Some(next) if size > next.checkpoint.size => {
                    retired = Some(NoteError::Retired { size, retired_at: next.checkpoint.size });
                }
                _ => signed = true,
            }
        }
        match (self.keys.first(), signed, retired) {
            (Some(key), true, _) => note.checkpoint_of(key.origin()),
            (_, _, Some(retired)) => Err(retired),
            _ => Err(NoteError::Unsigned),
        }
    }
}
