//! Is the log what was sealed? Everything recomputed from the entries.

use crate::reader::Reader;
use crate::{ReadError, Store};
use events::Seq;
use ledger::hash::HASH_BYTES;
use ledger::source::TILE_WIDTH;
use ledger::{Hash, Tile, TileSource, Tree, leaf_hash, note};
use std::ops::ControlFlow;

/// How many entries are read in one go, so that no reader holds the write-ahead log up for long.
const ENTRIES_AT_ONCE: u64 = 64 * TILE_WIDTH as u64;

/// What was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many entries the checkpoint is over: all of them were hashed.
    pub size: u64,
    /// The root they have.
    pub root: Hash,
}

/// What does not fit, and where.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// There is no checkpoint yet.
    #[error("nothing was sealed yet")]
    Unsealed,
    /// The latest checkpoint is not signed with the store's key.
    #[error("the latest checkpoint is not this store's")]
    Checkpoint(#[from] note::NoteError),
    /// An entry is missing.
    #[error("entry {0} is missing")]
    Missing(Seq),
    /// An entry is not the one that was sealed.
    #[error("entry {0} is not what was sealed")]
    Changed(Seq),
    /// A tile above the entries' own is not what they give.
    #[error("tile {index} of level {level} is not what the entries give")]
    Tile {
        /// Its level.
        level: u8,
        /// Its place in the level.
        index: u64,
    },
    /// Entries and tiles agree with each other, and not with the checkpoint.
    #[error("the entries give the root {computed}, the checkpoint over {size} says {signed}")]
    Root {
        /// The checkpoint's size.
        size: u64,
        /// What the entries give.
        computed: Hash,
        /// What was signed.
        signed: Hash,
    },
    /// The database failed.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Store {
    /// Hashes every sealed entry again and compares each tile and the latest checkpoint with the result. For threads that may block: a million
    /// entries take seconds.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn verify(&self) -> Result<Verified, VerifyError> {
        let signed = self.checkpoint()?.ok_or(VerifyError::Unsealed)?;
        let checkpoint = note::open(signed.as_bytes(), &self.signer_of(&signed))?;
        let mut tree = Tree::new();
        while tree.size() < checkpoint.size {
            let to = checkpoint.size.min(tree.size().saturating_add(ENTRIES_AT_ONCE));
            self.read(|reader| verify_some(reader, &mut tree, to))?;
        }
        let (size, root) = (checkpoint.size, tree.root());
        if root == checkpoint.root {
            Ok(Verified { size, root })
        } else {
            Err(VerifyError::Root { size, computed: root, signed: checkpoint.root })
        }
    }
}

/// Takes the entries up to `to` into the tree and compares the tiles they change.
fn verify_some(reader: &Reader<'_>, tree: &mut Tree, to: u64) -> Result<(), VerifyError> {
    reader.scan(Seq(tree.size()), Seq(to), |seq, entry| {
        if seq.0 != tree.size() {
            return ControlFlow::Break(());
        }
        tree.append(leaf_hash(entry));
        ControlFlow::Continue(())
    })?;
    if tree.size() < to {
        return Err(VerifyError::Missing(Seq(tree.size())));
    }
    tree.take_changed_tiles().iter().try_for_each(|tile| compare(reader, tile))
}

fn compare(reader: &Reader<'_>, tile: &Tile) -> Result<(), VerifyError> {
    let Tile { level, index, bytes } = tile;
    let kept = reader.tile(*level, *index, tile.width())?;
    let agree =
        bytes.chunks(HASH_BYTES).zip(kept.chunks(HASH_BYTES)).take_while(|(computed, kept)| computed == kept).count();
    if agree == usize::from(tile.width()) {
        return Ok(());
    }
    Err(match level {
        0 => VerifyError::Changed(Seq(index * u64::from(TILE_WIDTH) + agree as u64)),
        _ => VerifyError::Tile { level: *level, index: *index },
    })
}
