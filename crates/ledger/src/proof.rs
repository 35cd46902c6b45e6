//! Proofs: that an entry is in a log, that a log grew out of a smaller one. Made from tiles; checked with hashes alone.

use crate::hash::{Hash, node_hash};
use crate::source::{TILE_HEIGHT, TileError, TileSource, read_tile, tile_width};
use crate::tree::{fold_peaks, peaks};
use std::collections::BTreeMap;

/// The most hashes a proof can have.
pub const PROOF_HASHES_MAX: usize = 64;

/// Why a proof could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError<E: std::error::Error + 'static> {
    /// The entry or the smaller log is not within the log.
    #[error("{asked} is beyond a log of {size} entries")]
    Beyond {
        /// The entry, or the size of the smaller log.
        asked: u64,
        /// The log's size.
        size: u64,
    },
    /// A tile could not be had.
    #[error("a tile the proof needs cannot be had")]
    Tile(#[from] TileError<E>),
}

/// The proof does not show what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not lead to the root")]
pub struct NotProven;

/// The proof that entry `index` is in the log of `size` entries whose tiles `source` holds.
///
/// # Errors
///
/// If the entry is not in the log or a tile cannot be had. The tiles are believed: check the proof against a signed root.
pub fn inclusion<S: TileSource>(source: S, index: u64, size: u64) -> Result<Vec<Hash>, ProofError<S::Error>> {
    if index >= size {
        return Err(ProofError::Beyond { asked: index, size });
    }
    let mut nodes = Nodes::new(source, size);
    let (mut low, mut high) = (0, size);
    let mut from_top = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            from_top.push(nodes.range(middle, high)?);
            high = middle;
        } else {
            from_top.push(nodes.range(low, middle)?);
            low = middle;
        }
    }
    from_top.reverse();
    Ok(from_top)
}

/// The proof that the log of `new` entries whose tiles `source` holds begins with the log of `old` entries. Empty for `old` 0 or `new`.
///
/// # Errors
///
/// If `old` is larger than `new` or a tile cannot be had.
pub fn consistency<S: TileSource>(source: S, old: u64, new: u64) -> Result<Vec<Hash>, ProofError<S::Error>> {
    if old > new {
        return Err(ProofError::Beyond { asked: old, size: new });
    }
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let mut nodes = Nodes::new(source, new);
    let (mut low, mut high) = (0, new);
    let mut from_top = Vec::new();
    // Down to the subtree whose right end is the old log's end.
    while high != old {
        let middle = low + split(high - low);
        if old <= middle {
            from_top.push(nodes.range(middle, high)?);
            high = middle;
        } else {
            from_top.push(nodes.range(low, middle)?);
            low = middle;
        }
    }
    // If that subtree is the old log itself, the verifier knows its hash.
    if low > 0 {
        from_top.push(nodes.range(low, high)?);
    }
    from_top.reverse();
    Ok(from_top)
}

/// The root that the first `prefix` entries of the log of `size` entries have by themselves.
///
/// # Errors
///
/// If `prefix` is larger than `size` or a tile cannot be had.
pub fn root<S: TileSource>(source: S, prefix: u64, size: u64) -> Result<Hash, ProofError<S::Error>> {
    if prefix > size {
        return Err(ProofError::Beyond { asked: prefix, size });
    }
    Nodes::new(source, size).range(0, prefix)
}

/// Checks that a log of `size` entries with this root has `leaf` (an entry's hash) as entry `index`.
///
/// # Errors
///
/// [`NotProven`] if the proof does not show it.
pub fn verify_inclusion(index: u64, size: u64, leaf: &Hash, proof: &[Hash], root: &Hash) -> Result<(), NotProven> {
    if index >= size {
        return Err(NotProven);
    }
    let mut walk = Walk { node: index, last: size - 1 };
    let mut hash = *leaf;
    for sibling in proof {
        hash = match walk.up()? {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        };
    }
    if walk.last == 0 && hash == *root { Ok(()) } else { Err(NotProven) }
}

/// Checks that the log of `new` entries with `new_root` begins with the log of `old` entries with `old_root`.
///
/// # Errors
///
/// [`NotProven`] if the proof does not show it.
pub fn verify_consistency(
    old: u64,
    new: u64,
    old_root: &Hash,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), NotProven> {
    if old == 0 || old >= new {
        let trivial = (old == 0 && *old_root == Hash::EMPTY) || (old == new && old_root == new_root);
        return if trivial && proof.is_empty() { Ok(()) } else { Err(NotProven) };
    }
    let mut walk = Walk { node: old - 1, last: new - 1 };
    // Start at the root of the old log's last perfect subtree; if that is the whole old log, its hash is not in the proof.
    let perfect = walk.node.trailing_ones();
    walk.node = walk.node.checked_shr(perfect).unwrap_or(0);
    walk.last = walk.last.checked_shr(perfect).unwrap_or(0);
    let (start, rest) = if old.is_power_of_two() { (old_root, proof) } else { proof.split_first().ok_or(NotProven)? };
    let (mut old_hash, mut new_hash) = (*start, *start);
    for sibling in rest {
        match walk.up()? {
            Side::Left => {
                old_hash = node_hash(sibling, &old_hash);
                new_hash = node_hash(sibling, &new_hash);
            }
            Side::Right => new_hash = node_hash(&new_hash, sibling),
        }
    }
    if walk.last == 0 && old_hash == *old_root && new_hash == *new_root { Ok(()) } else { Err(NotProven) }
}

/// On which side of the path the next hash of a proof goes.
enum Side {
    Left,
    Right,
}

/// The way from a node to the root (RFC 9162, 2.1.3.2): the node's place in its row and the row's last place.
struct Walk {
    node: u64,
    last: u64,
}

impl Walk {
    /// One step up that needs a sibling.
    fn up(&mut self) -> Result<Side, NotProven> {
        if self.last == 0 {
            return Err(NotProven);
        }
        let left = self.node & 1 == 1 || self.node == self.last;
        if left {
            // A last node without a right sibling is its own parent until it is a right child.
            let lone = self.node.trailing_zeros();
            self.node = self.node.checked_shr(lone).unwrap_or(0);
            self.last = self.last.checked_shr(lone).unwrap_or(0);
        }
        self.node >>= 1;
        self.last >>= 1;
        Ok(if left { Side::Left } else { Side::Right })
    }
}

/// The largest power of two smaller than `length`, which is at least 2.
fn split(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}

/// Node hashes of a log, from its tiles; each tile is read once.
struct Nodes<S> {
    source: S,
    size: u64,
    tiles: BTreeMap<(u8, u64), Vec<u8>>,
}

impl<S: TileSource> Nodes<S> {
    fn new(source: S, size: u64) -> Self {
        Self { source, size, tiles: BTreeMap::new() }
    }

    /// The root of entries `low` to `high`, where `low` is a multiple of the largest power of two not above their number.
    fn range(&mut self, mut low: u64, high: u64) -> Result<Hash, ProofError<S::Error>> {
        let mut found = Vec::new();
        while low < high {
            let height = (high - low).ilog2();
            found.push(self.perfect(height, low >> height)?);
            low += 1 << height;
        }
        Ok(fold_peaks(&found))
    }

    /// The root of the `index`th perfect subtree of 2^`height` entries.
    fn perfect(&mut self, height: u32, index: u64) -> Result<Hash, ProofError<S::Error>> {
        let tile_height = u32::from(TILE_HEIGHT);
        let level = u8::try_from(height / tile_height).unwrap_or(u8::MAX);
        let within = height % tile_height;
        let first = index << within;
        let tile_index = first >> tile_height;
        let bytes = match self.tiles.entry((level, tile_index)) {
            std::collections::btree_map::Entry::Occupied(held) => held.into_mut(),
            std::collections::btree_map::Entry::Vacant(room) => {
                let width = tile_width(level, tile_index, self.size);
                room.insert(read_tile(&self.source, level, tile_index, width)?)
            }
        };
        let skipped = usize::try_from(first - (tile_index << tile_height)).unwrap_or(usize::MAX);
        Ok(fold_peaks(&peaks(Hash::all_in(bytes).skip(skipped).take(1 << within))))
    }
}
