//! Checkpoints: a log's origin, size and root as a C2SP signed note.

use crate::hash::Hash;
use crate::key::{KeyError, Origin, SIGNATURE_BYTES, SigningKey, VerifyingKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::fmt;

/// The longest note that is read, in bytes.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// The most signatures a note may carry.
pub const NOTE_SIGNATURES_MAX: usize = 100;
/// The bytes of a key id before a signature.
const ID_BYTES: usize = 4;

/// What a log claims to be at a moment: so many entries with this root. Unsigned: only [`open`] makes one that somebody vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: Origin,
    /// How many entries it has.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

/// Why a note is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// Longer than [`NOTE_BYTES_MAX`].
    #[error("a note has at most {NOTE_BYTES_MAX} bytes")]
    TooLong,
    /// Not text, or text with control characters.
    #[error("not UTF-8 text free of control characters")]
    Text,
    /// Not text, an empty line and signatures.
    #[error("not a signed note: expected text, an empty line and signature lines")]
    Form,
    /// A line among the signatures that is not one.
    #[error("signature line {line} is malformed")]
    SignatureLine {
        /// Which, from 1.
        line: usize,
    },
    /// More than [`NOTE_SIGNATURES_MAX`].
    #[error("more than {NOTE_SIGNATURES_MAX} signatures")]
    TooManySignatures,
    /// The text is not a checkpoint's three lines.
    #[error("not a checkpoint: expected the lines origin, size and root")]
    Checkpoint,
    /// The checkpoint is another log's.
    #[error("the checkpoint's origin is not the key's")]
    OtherOrigin,
    /// No signature names the key.
    #[error("not signed with the key it should be signed with")]
    Unsigned,
    /// A signature names the key and is not its signature.
    #[error("the signature is not valid for the text")]
    BadSignature,
    /// Signing failed.
    #[error("the note cannot be signed")]
    Signing(#[source] KeyError),
}

impl Checkpoint {
    /// Reads a checkpoint's three lines, in their only form. Whether anybody signed them is not asked.
    ///
    /// # Errors
    ///
    /// [`NoteError::Checkpoint`] if it is anything else; extension lines are refused.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.strip_suffix('\n').ok_or(NoteError::Checkpoint)?.split('\n');
        let (Some(origin), Some(size_text), Some(root), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(NoteError::Checkpoint);
        };
        let origin = Origin::parse(origin).map_err(|_| NoteError::Checkpoint)?;
        let size: u64 = size_text.parse().map_err(|_| NoteError::Checkpoint)?;
        // `+5` and `05` would be second names for the same size.
        if size.to_string() != size_text {
            return Err(NoteError::Checkpoint);
        }
        let root = root.parse().map_err(|_| NoteError::Checkpoint)?;
        Ok(Self { origin, size, root })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}\n{}\n{}", self.origin, self.size, self.root)
    }
}

/// The checkpoint of a log of this size and root as a note signed by the log's key, ready to publish.
///
/// # Errors
///
/// [`NoteError::Signing`] if the cryptographic library fails.
pub fn sign(size: u64, root: Hash, key: &SigningKey) -> Result<String, NoteError> {
    let text = Checkpoint { origin: key.origin().clone(), size, root }.to_string();
    let signature = key.sign(text.as_bytes()).map_err(NoteError::Signing)?;
    let mut line = key.verifying_key().id().to_vec();
    line.extend_from_slice(&signature);
    Ok(format!("{text}\n— {} {}\n", key.origin(), BASE64_STANDARD.encode(line)))
}

/// The checkpoint in a note, if `key` signed it and it is the key's log's. Signatures by other keys (witnesses, say) are passed over.
///
/// # Errors
///
/// If the note is malformed, too long, another log's, not signed by the key or signed wrongly.
pub fn open(note: &[u8], key: &VerifyingKey) -> Result<Checkpoint, NoteError> {
    let (text, signatures) = split(note)?;
    let mut signed = false;
    for (index, line) in signatures.split('\n').enumerate() {
        if index >= NOTE_SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        let (name, id, signature) = signature_line(line).ok_or(NoteError::SignatureLine { line: index + 1 })?;
        if name != key.origin().as_str() || id != key.id() {
            continue;
        }
        if signature.len() != SIGNATURE_BYTES || !key.accepts(text.as_bytes(), &signature) {
            return Err(NoteError::BadSignature);
        }
        signed = true;
    }
    if !signed {
        return Err(NoteError::Unsigned);
    }
    let checkpoint = Checkpoint::parse(text)?;
    if checkpoint.origin != *key.origin() {
        return Err(NoteError::OtherOrigin);
    }
    Ok(checkpoint)
}

/// What a note claims, without asking whether anybody signed it: for messages and for choosing a key.
///
/// # Errors
///
/// If it is not a note or its text is not a checkpoint.
pub fn claimed(note: &[u8]) -> Result<Checkpoint, NoteError> {
    Checkpoint::parse(split(note)?.0)
}

/// A note's text (with its last line's end) and its signature lines (without the last line's end).
fn split(note: &[u8]) -> Result<(&str, &str), NoteError> {
    if note.len() > NOTE_BYTES_MAX {
        return Err(NoteError::TooLong);
    }
    let note = std::str::from_utf8(note).map_err(|_| NoteError::Text)?;
    if note.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        return Err(NoteError::Text);
    }
    let gap = note.rfind("\n\n").ok_or(NoteError::Form)?;
    let (text, signatures) = note.split_at_checked(gap + 1).ok_or(NoteError::Form)?;
    let signatures = signatures.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n')).ok_or(NoteError::Form)?;
    Ok((text, signatures))
}

/// `— name base64(id, signature)`.
fn signature_line(line: &str) -> Option<(&str, [u8; ID_BYTES], Vec<u8>)> {
    let (name, rest) = line.strip_prefix("— ")?.split_once(' ')?;
    Origin::parse(name).ok()?;
    let bytes = BASE64_STANDARD.decode(rest).ok()?;
    let (id, signature) = bytes.split_first_chunk::<ID_BYTES>()?;
    (!signature.is_empty()).then(|| (name, *id, signature.to_vec()))
}
