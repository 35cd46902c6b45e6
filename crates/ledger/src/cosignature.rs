//! Cosignatures (C2SP tlog-cosignature, Ed25519): a witness's statement that at a time a checkpoint was the largest consistent one it had seen.

use crate::hash::Hash;
use crate::key::{CosigningKey, KeyError, Origin, SIGNATURE_BYTES, WitnessKey};
use crate::note::{self, Note, NoteError};
use std::collections::BTreeSet;

/// The bytes of a cosignature's time.
const TIME_BYTES: usize = 8;

/// A cosignature that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    /// The witness's name.
    pub witness: Origin,
    /// When it cosigned by its own clock, in seconds since 1970.
    pub at_s: u64,
}

/// Checkpoints are not cosigned as they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cosigned by {cosigned} of the {known} known witnesses, {quorum} are wanted")]
pub struct NoQuorum {
    /// How many cosigned.
    pub cosigned: usize,
    /// How many are known.
    pub known: usize,
    /// How many have to.
    pub quorum: usize,
}

/// What is signed: a header that no checkpoint begins with, the time, the checkpoint.
fn message(at_s: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {at_s}\n{text}")
}

/// The line that cosigns a checkpoint of this log, size and root, ready to be put below its note.
///
/// # Errors
///
/// If the cryptographic library fails.
pub fn cosign(origin: &Origin, size: u64, root: Hash, at_s: u64, key: &CosigningKey) -> Result<String, KeyError> {
    let text = note::Checkpoint { origin: origin.clone(), size, root }.to_string();
    let signature = key.sign(message(at_s, &text).as_bytes())?;
    let timed = [at_s.to_be_bytes().as_slice(), &signature].concat();
    Ok(note::line(key.witness_key().name(), key.witness_key().id(), &timed))
}

/// The cosignatures on a note by witnesses that are known, one a witness: its latest. Others are passed over.
///
/// # Errors
///
/// If the note is malformed, or a line names a known witness and is not its cosignature.
pub fn cosignatures(note: &[u8], witnesses: &[WitnessKey]) -> Result<Vec<Cosignature>, NoteError> {
    let note = Note::read(note)?;
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for witness in witnesses.iter().filter(|witness| seen.insert(witness.to_string())) {
        let mut latest = None;
        for line in note.lines_by(witness.name(), witness.id()) {
            latest = latest.max(Some(time_of(&note, &line.signature, witness)?));
        }
        found.extend(latest.map(|at_s| Cosignature { witness: witness.name().clone(), at_s }));
    }
    Ok(found)
}

fn time_of(note: &Note<'_>, timed: &[u8], witness: &WitnessKey) -> Result<u64, NoteError> {
    let (time, signature) = timed.split_first_chunk::<TIME_BYTES>().ok_or(NoteError::BadSignature)?;
    let at_s = u64::from_be_bytes(*time);
    // Beyond 2^63 - 1 no time is one.
    let possible = signature.len() == SIGNATURE_BYTES && i64::try_from(at_s).is_ok();
    if possible && witness.accepts(message(at_s, note.text).as_bytes(), signature) {
        Ok(at_s)
    } else {
        Err(NoteError::BadSignature)
    }
}

/// Whether enough known witnesses cosigned.
///
/// # Errors
///
/// [`NoQuorum`] if not.
pub fn check_quorum(cosigned: &[Cosignature], known: usize, quorum: usize) -> Result<(), NoQuorum> {
    let cosigned = cosigned.len();
    if cosigned >= quorum { Ok(()) } else { Err(NoQuorum { cosigned, known, quorum }) }
}
