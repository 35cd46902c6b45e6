//! RFC 6962 hashing: SHA-256 with one prefix for entries and another for inner nodes, so that neither can pass for the other.

use aws_lc_rs::digest::{Context, Digest, SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::{fmt, str::FromStr};

/// The length of a hash, in bytes.
pub const HASH_BYTES: usize = 32;
/// What goes before an entry.
const LEAF_PREFIX: u8 = 0;
/// What goes before the two children of a node.
const NODE_PREFIX: u8 = 1;
/// Entries up to this many bytes are hashed in one call from a buffer on the stack, which is faster.
const STACK_ENTRY_BYTES: usize = 1023;

/// A SHA-256 hash. Written as standard base64, as checkpoints have it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; HASH_BYTES]);

/// The text is not the base64 of 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a hash: expected the base64 of 32 bytes")]
pub struct HashTextError;

impl Hash {
    /// The root of the empty tree: the hash of no bytes.
    pub const EMPTY: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae,
        0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ]);

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    /// The hashes a tile's bytes hold, in order. Bytes after the last whole hash are ignored: check the length first.
    pub fn all_in(bytes: &[u8]) -> impl ExactSizeIterator<Item = Self> + '_ {
        bytes.as_chunks::<HASH_BYTES>().0.iter().map(|chunk| Self(*chunk))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&BASE64_STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Hash({self})")
    }
}

impl FromStr for Hash {
    type Err = HashTextError;

    fn from_str(text: &str) -> Result<Self, HashTextError> {
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| HashTextError)?;
        bytes.try_into().map(Self).map_err(|_| HashTextError)
    }
}

/// The hash of an entry.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut buffer = [LEAF_PREFIX; STACK_ENTRY_BYTES + 1];
    if let Some((prefixed, _)) = buffer.split_at_mut_checked(entry.len() + 1)
        && let Some((_, room)) = prefixed.split_first_mut()
    {
        room.copy_from_slice(entry);
        return sha256(prefixed);
    }
    let mut context = Context::new(&SHA256);
    context.update(&[LEAF_PREFIX]);
    context.update(entry);
    taken(&context.finish())
}

/// The hash of an inner node with these children.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut buffer = [NODE_PREFIX; 1 + 2 * HASH_BYTES];
    let (_, children) = buffer.split_at_mut(1);
    let (first, second) = children.split_at_mut(HASH_BYTES);
    first.copy_from_slice(&left.0);
    second.copy_from_slice(&right.0);
    sha256(&buffer)
}

/// Plain SHA-256, without a prefix.
#[must_use]
pub(crate) fn sha256(bytes: &[u8]) -> Hash {
    taken(&digest(&SHA256, bytes))
}

/// A SHA-256 digest has 32 bytes by definition.
fn taken(digest: &Digest) -> Hash {
    let mut hash = [0; HASH_BYTES];
    hash.copy_from_slice(digest.as_ref());
    Hash(hash)
}
