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
    /// The key that signed it had been retired before the log was this long.
    #[error("signed with a key that was retired when the log had {retired_at} entries; this checkpoint has {size}")]
    Retired {
        /// The checkpoint's size.
        size: u64,
        /// How long the log was when another key took over.
        retired_at: u64,
    },
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
    sign_by_all(size, root, &[key])
}

/// The same, signed by several keys of one log: while one key takes over from another. The first gives the origin.
///
/// # Errors
///
/// [`NoteError::Signing`] if the cryptographic library fails; [`NoteError::Unsigned`] without a key.
pub fn sign_by_all(size: u64, root: Hash, keys: &[&SigningKey]) -> Result<String, NoteError> {
    let first = keys.first().ok_or(NoteError::Unsigned)?;
    let text = Checkpoint { origin: first.origin().clone(), size, root }.to_string();
    let mut note = format!("{text}\n");
    for key in keys {
        let signature = key.sign(text.as_bytes()).map_err(NoteError::Signing)?;
        note.push_str(&line(key.origin(), key.verifying_key().id(), &signature));
    }
    Ok(note)
}

/// A signature line.
pub(crate) fn line(name: &Origin, id: [u8; ID_BYTES], signature: &[u8]) -> String {
    let bytes = [id.as_slice(), signature].concat();
    format!("— {name} {}\n", BASE64_STANDARD.encode(bytes))
}

/// The checkpoint in a note, if `key` signed it and it is the key's log's. Signatures by other keys (witnesses, say) are passed over.
///
/// # Errors
///
/// If the note is malformed, too long, another log's, not signed by the key or signed wrongly.
pub fn open(note: &[u8], key: &VerifyingKey) -> Result<Checkpoint, NoteError> {
    let note = Note::read(note)?;
    if !note.is_signed_by(key)? {
        return Err(NoteError::Unsigned);
    }
    note.checkpoint_of(key.origin())
}

/// A signed note, taken apart. Nothing in it is believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// What was signed, with its last line's end.
    pub(crate) text: &'a str,
    signatures: Vec<SignatureLine<'a>>,
}

/// One line below a note's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignatureLine<'a> {
    name: &'a str,
    id: [u8; ID_BYTES],
    /// What the key made of the text, its form depending on the key.
    pub(crate) signature: Vec<u8>,
}

impl<'a> Note<'a> {
    /// Takes a note apart.
    ///
    /// # Errors
    ///
    /// If it is too long, not text, or not a note.
    pub fn read(note: &'a [u8]) -> Result<Self, NoteError> {
        let (text, lines) = split(note)?;
        let mut signatures = Vec::new();
        for (index, line) in lines.split('\n').enumerate() {
            if index >= NOTE_SIGNATURES_MAX {
                return Err(NoteError::TooManySignatures);
            }
            signatures.push(signature_line(line).ok_or(NoteError::SignatureLine { line: index + 1 })?);
        }
        Ok(Self { text, signatures })
    }

    /// Whether this key signed it.
    ///
    /// # Errors
    ///
    /// [`NoteError::BadSignature`] if a line names the key and is not its signature: such a note is refused whole.
    pub fn is_signed_by(&self, key: &VerifyingKey) -> Result<bool, NoteError> {
        let mut signed = false;
        for line in self.lines_by(key.origin(), key.id()) {
            if line.signature.len() != SIGNATURE_BYTES || !key.accepts(self.text.as_bytes(), &line.signature) {
                return Err(NoteError::BadSignature);
            }
            signed = true;
        }
        Ok(signed)
    }

    /// The checkpoint it is, if it is of this log. Whether anybody signed it is another question.
    ///
    /// # Errors
    ///
    /// If the text is not a checkpoint or of another log.
    pub fn checkpoint_of(&self, origin: &Origin) -> Result<Checkpoint, NoteError> {
        let checkpoint = Checkpoint::parse(self.text)?;
        if checkpoint.origin == *origin { Ok(checkpoint) } else { Err(NoteError::OtherOrigin) }
    }

    /// The note again with only the lines of these keys.
    pub(crate) fn only_by(&self, keys: &[VerifyingKey]) -> String {
        let by = |key: &VerifyingKey| {
            self.lines_by(key.origin(), key.id())
                .map(|found| line(key.origin(), key.id(), &found.signature))
                .collect::<String>()
        };
        format!("{}\n{}", self.text, keys.iter().map(by).collect::<String>())
    }

    /// The lines that claim to be by a key of this name and id.
    pub(crate) fn lines_by(&self, name: &Origin, id: [u8; ID_BYTES]) -> impl Iterator<Item = &SignatureLine<'a>> {
        self.signatures.iter().filter(move |line| line.name == name.as_str() && line.id == id)
    }
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
fn signature_line(line: &str) -> Option<SignatureLine<'_>> {
    let (name, rest) = line.strip_prefix("— ")?.split_once(' ')?;
    Origin::parse(name).ok()?;
    let bytes = BASE64_STANDARD.decode(rest).ok()?;
    let (id, signature) = bytes.split_first_chunk::<ID_BYTES>()?;
    (!signature.is_empty()).then(|| SignatureLine { name, id: *id, signature: signature.to_vec() })
}
