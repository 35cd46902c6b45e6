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
//! - [`receipt`], [`growth`]: those proofs as files: that an entry is in the log (C2SP tlog-proof), that the log only grew.
//! - [`rotation`]: how one signing key takes over from another, and the history of keys that a held key vouches for.
//! - [`cosignature`], [`witness`]: what a witness signs, and how it judges (C2SP tlog-cosignature, tlog-witness).
//! - [`audit`]: all of it as one question, as `handrail-verify` and `handrail ledger verify` ask it.
//! - [`mod@verify`], [`finding`]: a log hashed again from its entries, and what is wrong with it, where.
//!
//! What a verification shows depends on the key: with a key held beforehand it shows that the holder of that key vouches for every
//! entry; with only the directory's own `log.vkey` it shows that the directory is whole and nothing about who made it. Without a
//! checkpoint retained elsewhere (or a witness), whoever holds the signing key can rewrite history unseen.

//!
//! ```
//! use ledger::{Origin, SigningKey, Tree, leaf_hash, note, proof};
//! use zeroize::Zeroizing;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut tree = Tree::new();
//! for entry in ["first", "second", "third"] {
//!     tree.append(leaf_hash(entry.as_bytes()));
//! }
//! let tiles = tree.take_changed_tiles(); // keep these with the entries
//! # assert_eq!(tiles.len(), 1);
//!
//! let seed = Zeroizing::new([7; 32]); // 32 random bytes
//! let key = SigningKey::from_seed(Origin::parse("log.example")?, &seed)?;
//! let signed = note::sign(tree.size(), tree.root(), &key)?;
//!
//! let checkpoint = note::open(signed.as_bytes(), key.verifying_key())?;
//! let second = leaf_hash(b"second");
//! let path = [leaf_hash(b"first"), leaf_hash(b"third")]; // from proof::inclusion
//! proof::verify_inclusion(1, checkpoint.size, &second, &path, &checkpoint.root)?;
//! # Ok(())
//! # }
//! ```

pub mod audit;
pub mod bundle;
pub mod cosignature;
pub mod directory;
pub mod export;
pub mod finding;
pub mod growth;
pub mod hash;
pub mod key;
pub mod note;
pub mod paths;
pub mod proof;
pub mod receipt;
pub mod rotation;
pub mod source;
pub mod tree;
pub mod verify;
mod walk;
pub mod witness;

pub use hash::{Hash, leaf_hash, node_hash};
pub use key::{CosigningKey, Origin, SigningKey, VerifyingKey, WitnessKey};
pub use note::Checkpoint;
pub use source::{EntrySource, TileSource};
pub use tree::{Tile, Tree};
