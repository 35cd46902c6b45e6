//! A witness (C2SP tlog-witness): remembers the largest checkpoint of a log it has seen and cosigns only what continues it.
//!
//! What makes it worth having is that it runs elsewhere, under somebody else: the log's operator cannot make it forget.

use crate::cosignature;
use crate::growth::Growth;
use crate::hash::Hash;
use crate::key::{CosigningKey, KeyError, Origin, WitnessKey};
use crate::note::{Checkpoint, Note, NoteError};
use crate::rotation::KeyHistory;
use std::io;

/// Where a witness keeps the checkpoint it cosigned last.
pub trait Memory {
    /// Makes this note durable in place of the one before. Once it returns, a crash does not undo it.
    ///
    /// # Errors
    ///
    /// If that is not certain; nothing is cosigned then.
    fn keep(&mut self, note: &str) -> io::Result<()>;
}

/// Why a checkpoint is not cosigned; [`Refusal::status`] is what HTTP says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Not of the form of a request, or older than what it claims to continue.
    #[error("malformed: expected `old N`, the consistency proof, an empty line and a checkpoint of at least N entries")]
    Malformed,
    /// Another log.
    #[error("this witness does not know that log")]
    UnknownLog,
    /// Not signed by a key that is trusted for the log.
    #[error("not signed by a key this witness trusts for the log")]
    Untrusted(#[source] NoteError),
    /// The proof starts somewhere else than at the last checkpoint.
    #[error("the last checkpoint cosigned has {size} entries")]
    Stale {
        /// The size of that checkpoint.
        size: u64,
    },
    /// The log is not the one that was seen before: it was rewritten, cut or split.
    #[error("this does not continue the log that was cosigned at {size} entries: it was rewritten or split")]
    Inconsistent {
        /// The size of the last checkpoint.
        size: u64,
    },
    /// The checkpoint could not be remembered.
    #[error("the checkpoint could not be kept")]
    Forgetful(#[source] io::Error),
    /// The cosignature could not be made.
    #[error("the cosignature could not be made")]
    Unsigned(#[source] KeyError),
}

impl Refusal {
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Untrusted(_) => 403,
            Self::UnknownLog => 404,
            Self::Stale { .. } => 409,
            Self::Inconsistent { .. } => 422,
            Self::Forgetful(_) | Self::Unsigned(_) => 500,
        }
    }
}

/// A witness of one log.
#[derive(Debug)]
pub struct Witness<M> {
    key: CosigningKey,
    log: KeyHistory,
    origin: Origin,
    memory: M,
    latest: Option<(Checkpoint, String)>,
}

/// What a witness remembers is not what it should be. It does not start: to cosign from nothing would be to forget.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// The checkpoint kept is not one that this witness cosigned.
    #[error("the checkpoint kept is not one this witness cosigned")]
    Remembered(#[source] NoteError),
    /// The log has no key.
    #[error("no key of the log is known")]
    NoKey,
}

impl<M: Memory> Witness<M> {
    /// A witness that goes on from the note it kept last, if it has one.
    ///
    /// # Errors
    ///
    /// If that note is not signed by a key of the log and cosigned by the witness.
    pub fn new(key: CosigningKey, log: KeyHistory, kept: Option<String>, memory: M) -> Result<Self, WitnessError> {
        let origin = log.newest().ok_or(WitnessError::NoKey)?.origin().clone();
        let latest = match kept {
            Some(note) => {
                let checkpoint = log.open(note.as_bytes()).map_err(WitnessError::Remembered)?;
                let own = std::slice::from_ref(key.witness_key());
                let cosigned = cosignature::cosignatures(note.as_bytes(), own).map_err(WitnessError::Remembered)?;
                if cosigned.is_empty() {
                    return Err(WitnessError::Remembered(NoteError::Unsigned));
                }
                Some((checkpoint, note))
            }
            None => None,
        };
        Ok(Self { key, log, origin, memory, latest })
    }

    /// The key its cosignatures are verified with.
    #[must_use]
    pub fn key(&self) -> &WitnessKey {
        self.key.witness_key()
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The latest checkpoint it cosigned, as the note with its cosignature.
    #[must_use]
    pub fn latest(&self) -> Option<&str> {
        self.latest.as_ref().map(|(_, note)| note.as_str())
    }

    /// How large the log was when it was last cosigned.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.latest.as_ref().map_or(0, |(checkpoint, _)| checkpoint.size)
    }

    /// Judges a request (`add-checkpoint`) and answers with the cosignature's line. The checkpoint is kept before this returns.
    ///
    /// # Errors
    ///
    /// If it is refused. Nothing was kept then, but for [`Refusal::Forgetful`], where that is not known; then the same request may come again.
    pub fn add(&mut self, request: &[u8], now_s: u64) -> Result<String, Refusal> {
        let growth = Growth::parse(request).map_err(|_| Refusal::Malformed)?;
        let checkpoint = self.judge(&growth)?;
        let Checkpoint { origin, size, root } = &checkpoint;
        let line = cosignature::cosign(origin, *size, *root, now_s, &self.key).map_err(Refusal::Unsigned)?;
        let note = format!("{}{line}", self.signed_by_log(&growth.note));
        self.memory.keep(&note).map_err(Refusal::Forgetful)?;
        self.latest = Some((checkpoint, note));
        Ok(line)
    }

    fn judge(&self, growth: &Growth) -> Result<Checkpoint, Refusal> {
        let note = growth.note.as_bytes();
        let claimed = crate::note::claimed(note).map_err(|_| Refusal::Malformed)?;
        if claimed.origin != self.origin {
            return Err(Refusal::UnknownLog);
        }
        let checkpoint = self.log.open(note).map_err(Refusal::Untrusted)?;
        if growth.old > checkpoint.size {
            return Err(Refusal::Malformed);
        }
        let (size, root) = self.latest.as_ref().map_or((0, Hash::EMPTY), |(latest, _)| (latest.size, latest.root));
        if growth.old != size {
            return Err(Refusal::Stale { size });
        }
        let empty = checkpoint.size > 0 || checkpoint.root == Hash::EMPTY;
        let continues = growth.verify(&root, checkpoint.size, &checkpoint.root).is_ok();
        if empty && continues { Ok(checkpoint) } else { Err(Refusal::Inconsistent { size }) }
    }

    /// The note with only the lines of the log's keys: what others put below it is not ours to keep.
    fn signed_by_log(&self, note: &str) -> String {
        let Ok(read) = Note::read(note.as_bytes()) else { return note.to_owned() };
        read.only_by(self.log.keys())
    }
}
