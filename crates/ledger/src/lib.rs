//! What happened, provably: an append-only Merkle log in C2SP tlog-tiles form, its checkpoints, proofs, exports and their verification.
//!
//! The log knows nothing of what its entries mean; an entry is bytes. Independent verifiers read it unchanged:
//!
//! - [`hash`]: RFC 6962 hashing (SHA-256).
//! - [`tree`]: [`Tree`] takes entry hashes and gives the root and the tiles to keep.
//! - [`source`]: [`TileSource`] and [`EntrySource`], where tiles and entry bundles are read from.
//! - [`proof`]: inclusion and consistency proofs, made from tiles and checked without them.
//! - [`key`], [`note`]: Ed25519 keys, and checkpoints as signed notes.
//! - [`bundle`], [`paths`]: the two wire forms, entry bundles and tile paths.
//! - [`directory`], [`export`]: a log as a plain directory, read and written.
//! - [`mod@verify`], [`finding`]: a log hashed again from its entries, and what is wrong with it, where.
//!
//! What a verification shows depends on the key: with a key held beforehand it shows that the holder of that key vouches for every
//! entry; with only the directory's own `log.vkey` it shows that the directory is whole and nothing about who made it. Without a
//! checkpoint retained elsewhere (or a witness), whoever holds the signing key can rewrite history unseen.

pub mod bundle;
pub mod directory;
pub mod export;
pub mod finding;
pub mod hash;
pub mod key;
pub mod note;
pub mod paths;
pub mod proof;
pub mod source;
pub mod tree;
pub mod verify;
mod walk;

pub use hash::{Hash, leaf_hash, node_hash};
pub use key::{Origin, SigningKey, VerifyingKey};
pub use note::Checkpoint;
pub use source::{EntrySource, TileSource};
pub use tree::{Tile, Tree};
