//! Starting again: every entry after the newest snapshot is read, hashed against the tree's tiles, and folded, in order.

use crate::database::{Connection, StorageError};
use crate::keys::{Key, Keys};
use crate::reader::Reader;
use crate::rotation;
use crate::seal::Sealer;
use crate::{Apply, OpenError, ReadError};
use events::{Leaf, LeafError, Seq, Timestamp};
use ledger::source::TILE_WIDTH;
use ledger::{Hash, Origin, SigningKey, TileSource, Tree, VerifyingKey, leaf_hash, note};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// How many leaves are folded in one go.
const LEAVES_AT_ONCE: usize = 1024;

/// Why the log and its tree do not fit together. The store does not open: something other than Handrail changed the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// An entry is missing between others.
    #[error("entry {0} is missing")]
    Missing(Seq),
    /// Fewer entries than the latest checkpoint is over.
    #[error("the log has {entries} entries, but its checkpoint is over {sealed}")]
    Shorter {
        /// How many there are.
        entries: u64,
        /// How many there were.
        sealed: u64,
    },
    /// The store ends before what it once signed: an older copy is in its place.
    #[error(
        "the store is sealed up to {sealed} entries, and {kept} were signed already: an older copy of it is in its place"
    )]
    Older {
        /// How many the store's latest checkpoint is over.
        sealed: u64,
        /// How many the checkpoint kept beside it is over.
        kept: u64,
    },
    /// The store is not the one whose checkpoint is kept beside it.
    #[error("the checkpoint kept beside the store is of `{kept}`, and the store is `{origin}`")]
    OtherLog {
        /// The origin of the checkpoint.
        kept: String,
        /// The store's.
        origin: String,
    },
    /// The store's first entries are not those that were signed.
    #[error("the first {size} entries are not those of the checkpoint kept beside the store")]
    Forked {
        /// How many were signed.
        size: u64,
    },
    /// An entry is not the one that was sealed.
    #[error("entry {0} is not what was sealed")]
    Changed(Seq),
    /// The tiles do not give the root that was signed.
    #[error("the tree's tiles do not give the root of the checkpoint over {size} entries")]
    Root {
        /// The checkpoint's size.
        size: u64,
    },
    /// The latest checkpoint is not signed with the store's key.
    #[error("the latest checkpoint is not this store's")]
    Checkpoint(#[source] note::NoteError),
    /// The tree's right edge cannot be read.
    #[error("the tree cannot be restored")]
    Tree(#[source] Box<ledger::source::TileError<ReadError>>),
    /// The database failed.
    #[error("the log cannot be read")]
    Read(#[from] ReadError),
}

/// Where the log ends.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) next: u64,
    pub(crate) recorded_at: Timestamp,
}

/// The key that signs, and the one that is to take over from it. A key that signed a checkpoint beside the old one takes its place now.
pub(crate) fn signing_keys(
    reader: &Reader<'_>,
    directory: &Path,
    origin: &Origin,
    keys: &mut Keys,
) -> Result<(SigningKey, Option<SigningKey>), OpenError> {
    let signing = |key: &Key| SigningKey::from_seed(origin.clone(), key.seed()).map_err(OpenError::Origin);
    let Some(next) = Keys::next_ledger(directory)? else { return Ok((signing(&keys.ledger)?, None)) };
    let successor = signing(&next)?;
    let rotations = rotation::all(reader).map_err(RecoveryError::Read)?;
    let name = successor.verifying_key().to_string();
    if rotations.last().is_some_and(|last| last.to == name) {
        Keys::promote_next_ledger(directory)?;
        keys.ledger = next;
        return Ok((successor, None));
    }
    Ok((signing(&keys.ledger)?, Some(successor)))
}

/// Finishes a rotation that was announced and never sealed, or notes that another node has to. How many entries are sealed then, if there is a checkpoint.
pub(crate) fn finish_rotation(
    connection: &Connection,
    sealer: &mut Sealer,
    next: Option<SigningKey>,
    now: Timestamp,
) -> Result<Option<u64>, OpenError> {
    if let Some(next) = next {
        let from = Seq(sealer.sealed());
        let reader = Reader { connection };
        let announced =
            rotation::find_announcement(&reader, from, next.verifying_key()).map_err(RecoveryError::Read)?;
        if let Some(entry) = announced {
            sealer.expect(next, Some(entry));
            connection.begin()?;
            sealer.seal(connection, now).map_err(|error| OpenError::Rotation(error.into()))?;
        }
    } else {
        let from = Seq(sealer.sealed());
        let heard = Reader { connection }.scan(from, Seq(u64::MAX), |_, bytes| {
            if let Ok(leaf) = Leaf::parse(bytes) {
                sealer.heard(&leaf);
            }
            ControlFlow::Continue(())
        });
        heard.map_err(RecoveryError::Read)?;
    }
    Ok(sealer.sealed_size())
}

/// Whether the latest checkpoint, if there is one, is signed with this key.
pub(crate) fn signed_by(reader: &Reader<'_>, key: &VerifyingKey) -> Result<(), RecoveryError> {
    let Some((_, signed)) = reader.checkpoint()? else { return Ok(()) };
    note::open(signed.as_bytes(), key).map(drop).map_err(RecoveryError::Checkpoint)
}

/// The tree as of the latest checkpoint, if there is one.
pub(crate) fn sealed_tree(reader: &Reader<'_>, key: &VerifyingKey) -> Result<Option<Tree>, RecoveryError> {
    let Some((_, signed)) = reader.checkpoint()? else { return Ok(None) };
    let checkpoint = note::open(signed.as_bytes(), key).map_err(RecoveryError::Checkpoint)?;
    let size = checkpoint.size;
    let entries = reader.next()?.0;
    if entries < size {
        return Err(RecoveryError::Shorter { entries, sealed: size });
    }
    let tree = Tree::restore(size, reader).map_err(|error| RecoveryError::Tree(Box::new(error)))?;
    if tree.root() == checkpoint.root { Ok(Some(tree)) } else { Err(RecoveryError::Root { size }) }
}

/// Reads the entries from `from` on in order: checks those that are sealed against their tiles, adds those that are not to the tree, and
/// folds all of them.
pub(crate) fn replay(
    reader: &Reader<'_>,
    from: Recovered,
    tree: &mut Tree,
    apply: &mut dyn Apply,
) -> Result<Recovered, RecoveryError> {
    let sealed = tree.size();
    let mut replay = Replay {
        at: from,
        tiles: TileCheck::new(sealed),
        leaves: Vec::with_capacity(LEAVES_AT_ONCE),
        tree,
        apply,
        sealed,
    };
    let mut failed = None;
    reader.scan(Seq(replay.at.next), Seq(u64::MAX), |seq, bytes| match replay.entry(reader, seq, bytes) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    replay.fold();
    Ok(replay.at)
}

/// The hash of the entry before `next`, if there is one.
pub(crate) fn hash_before(reader: &Reader<'_>, next: u64) -> Result<Option<Hash>, RecoveryError> {
    let Some(last) = next.checked_sub(1) else { return Ok(None) };
    let bytes = reader.leaf_bytes(Seq(last))?.ok_or(RecoveryError::Missing(Seq(last)))?;
    Ok(Some(leaf_hash(&bytes)))
}

/// What a node that is running knows of where its log ends.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) at: Recovered,
    /// The hash of the last entry, if there is one.
    pub(crate) last: Option<Hash>,
}

/// Whether the log still has what this node recorded and sealed last. If not, it is another one, an older one, or was altered, and nothing may be
/// added to it.
pub(crate) fn is_as_left(reader: &Reader<'_>, end: &End, sealed: u64) -> Result<(), StorageError> {
    if let Some(last) = end.at.next.checked_sub(1) {
        match reader.leaf_bytes(Seq(last)).map_err(ReadError::into_storage)? {
            Some(bytes) if end.last == Some(leaf_hash(&bytes)) => {}
            Some(_) => return Err(not_as_left(&format!("its entry {last} is not the one this node recorded"))),
            None => return Err(not_as_left(&format!("it lacks entry {last}, which this node recorded"))),
        }
    }
    let there = reader.checkpoint().map_err(ReadError::into_storage)?.map_or(0, |(size, _)| size);
    if there < sealed {
        return Err(not_as_left(&format!("it is sealed up to {there} entries, and this node sealed {sealed}")));
    }
    Ok(())
}

/// That a database is not as this node left it, and what to do.
pub(crate) fn not_as_left(why: &str) -> StorageError {
    StorageError::not_as_left(format!(
        "the database is not as this node left it: {why}. Nothing is recorded or sealed any more. Stop this node, bring back the database that has \
        everything it recorded, see that no other node has this data directory or a copy of it, and start it again"
    ))
}

/// Folds and takes in whatever is in the log after `end`, which moves along: entries of other nodes, or a commit of this one that seemed to fail and was
/// kept. `known` sees what was folded, some at a time; there may be hours of it.
pub(crate) fn catch_up(
    reader: &Reader<'_>,
    end: &mut End,
    sealer: &mut Sealer,
    apply: &mut dyn Apply,
    known: &mut dyn FnMut(&[Arc<Leaf>]),
) -> Result<(), StorageError> {
    loop {
        let mut page: Vec<(Seq, Vec<u8>)> = Vec::new();
        let read = reader.scan(Seq(end.at.next), Seq(u64::MAX), |seq, bytes| {
            page.push((seq, bytes.to_vec()));
            if page.len() < LEAVES_AT_ONCE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        read.map_err(ReadError::into_storage)?;
        if page.is_empty() {
            return Ok(());
        }
        if let Some((_, missing)) = page.iter().zip(end.at.next..).find(|((seq, _), next)| seq.0 != *next) {
            return Err(not_as_left(&format!("it lacks entry {missing} between others")));
        }
        let read: Vec<Result<Arc<Leaf>, LeafError>> =
            page.iter().map(|(_, bytes)| Leaf::parse(bytes).map(Arc::new)).collect();
        let leaves: Vec<Arc<Leaf>> = read.iter().filter_map(|leaf| leaf.as_ref().ok().cloned()).collect();
        // Before anything moves: what fails here is tried again as a whole.
        apply.beside(reader, Seq(end.at.next), &leaves).map_err(ReadError::into_storage)?;
        for ((seq, bytes), leaf) in page.iter().zip(read) {
            end.at.next += 1;
            end.last = Some(leaf_hash(bytes));
            sealer.append(bytes);
            match leaf {
                Ok(leaf) if leaf.seq != *seq => {
                    return Err(not_as_left(&format!("its entry {seq} says that it is entry {}", leaf.seq)));
                }
                Ok(leaf) => {
                    end.at.recorded_at = end.at.recorded_at.max(leaf.recorded_at);
                    sealer.heard(&leaf);
                    apply.apply(&[leaf]);
                }
                Err(error) => {
                    end.at.recorded_at = end.at.recorded_at.max(recorded_at_of(bytes).unwrap_or_default());
                    if Leaf::may_bear_facts(bytes) {
                        tracing::warn!(%seq, %error, "an entry cannot be read by this build");
                        apply.unreadable(*seq, &error);
                    }
                }
            }
        }
        known(&leaves);
    }
}

struct Replay<'a> {
    at: Recovered,
    tiles: TileCheck,
    leaves: Vec<Arc<Leaf>>,
    tree: &'a mut Tree,
    apply: &'a mut dyn Apply,
    sealed: u64,
}

impl Replay<'_> {
    fn entry(&mut self, reader: &Reader<'_>, seq: Seq, bytes: &[u8]) -> Result<(), RecoveryError> {
        if seq.0 != self.at.next {
            return Err(RecoveryError::Missing(Seq(self.at.next)));
        }
        self.hash(reader, seq, bytes)?;
        match Leaf::parse(bytes) {
            Ok(leaf) if leaf.seq != seq => return Err(RecoveryError::Changed(seq)),
            Ok(leaf) => {
                self.at.recorded_at = self.at.recorded_at.max(leaf.recorded_at);
                self.leaves.push(Arc::new(leaf));
                if self.leaves.len() == LEAVES_AT_ONCE {
                    self.fold();
                }
            }
            Err(error) => {
                self.fold();
                tracing::warn!(%seq, %error, "an entry cannot be read by this build");
                self.at.recorded_at = self.at.recorded_at.max(recorded_at_of(bytes).unwrap_or_default());
                if Leaf::may_bear_facts(bytes) {
                    self.apply.unreadable(seq, &error);
                }
            }
        }
        self.at.next += 1;
        Ok(())
    }

    fn hash(&mut self, reader: &Reader<'_>, seq: Seq, bytes: &[u8]) -> Result<(), RecoveryError> {
        if seq.0 >= self.sealed {
            self.tree.append(leaf_hash(bytes));
            return Ok(());
        }
        self.tiles.check(reader, seq, bytes)
    }

    fn fold(&mut self) {
        if !self.leaves.is_empty() {
            self.apply.apply(&self.leaves);
            self.leaves.clear();
        }
    }
}

/// Holds sealed entries, shown in order, against the hashes that were sealed.
pub(crate) struct TileCheck {
    /// The hashes of the entries around the current one.
    tile: Vec<Hash>,
    sealed: u64,
}

impl TileCheck {
    /// For a log whose first `sealed` entries have tiles.
    pub(crate) const fn new(sealed: u64) -> Self {
        Self { tile: Vec::new(), sealed }
    }

    /// Whether a sealed entry is the one that was sealed.
    pub(crate) fn check(&mut self, reader: &Reader<'_>, seq: Seq, bytes: &[u8]) -> Result<(), RecoveryError> {
        let width = u64::from(TILE_WIDTH);
        let (index, place) = (seq.0 / width, seq.0 % width);
        if place == 0 || self.tile.is_empty() {
            let tile = reader.tile(0, index, ledger::source::tile_width(0, index, self.sealed))?;
            self.tile = Hash::all_in(&tile).collect();
        }
        let kept = usize::try_from(place).ok().and_then(|place| self.tile.get(place));
        if kept == Some(&leaf_hash(bytes)) { Ok(()) } else { Err(RecoveryError::Changed(seq)) }
    }
}

/// The time of an entry that this build cannot read otherwise.
fn recorded_at_of(bytes: &[u8]) -> Option<Timestamp> {
    let entry: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    entry.get("recorded_at")?.as_str()?.parse().ok()
}
