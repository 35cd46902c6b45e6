//! The tree as it grows: takes entry hashes one by one, gives the root at any moment and the tiles that changed since last asked.

use crate::hash::{HASH_BYTES, Hash, node_hash};
use crate::source::{LEVEL_MAX, TILE_HEIGHT, TILE_WIDTH, TileError, TileSource, level_size, read_tile, tile_width};

/// A tile to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Its level: 0 holds entry hashes, each level above the roots of 256 hashes below.
    pub level: u8,
    /// Its place in the level.
    pub index: u64,
    /// Its hashes, 1 to 256 of 32 bytes each.
    pub bytes: Vec<u8>,
}

impl Tile {
    /// How many hashes it holds, 1 to 256.
    #[must_use]
    pub fn width(&self) -> u16 {
        u16::try_from(self.bytes.len() / HASH_BYTES).unwrap_or(TILE_WIDTH)
    }
}

/// One level's newest tile, while it is not full.
#[derive(Clone, Debug, Default)]
struct Edge {
    /// The hashes of the partial tile, fewer than 256.
    bytes: Vec<u8>,
    /// How many of the bytes were there when the changed tiles were last taken.
    taken: usize,
}

/// An append-only Merkle tree. Holds only its right edge: at most 255 hashes a level, and the tiles that changed since
/// [`Tree::take_changed_tiles`].
#[derive(Clone, Debug, Default)]
pub struct Tree {
    size: u64,
    /// The roots of the perfect subtrees that make up the tree, the largest first: one for each bit set in `size`.
    peaks: Vec<Hash>,
    edges: Vec<Edge>,
    full: Vec<Tile>,
}

impl Tree {
    /// The empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree of `size` entries whose tiles `source` holds. Compare its [`Tree::root`] with a checkpoint before trusting it: the tiles are
    /// believed as they are.
    ///
    /// # Errors
    ///
    /// If a tile of the right edge cannot be read or has another length than the size asks for.
    pub fn restore<S: TileSource>(size: u64, source: S) -> Result<Self, TileError<S::Error>> {
        let mut tree = Self { size, ..Self::default() };
        let mut peaks_by_level = Vec::new();
        for level in (0..=LEVEL_MAX).take_while(|level| level_size(*level, size) > 0) {
            let index = level_size(level, size) / u64::from(TILE_WIDTH);
            let width = tile_width(level, index, size);
            let bytes = if width == 0 { Vec::new() } else { read_tile(&source, level, index, width)? };
            peaks_by_level.push(peaks(Hash::all_in(&bytes)));
            tree.edges.push(Edge { taken: bytes.len(), bytes });
        }
        tree.peaks = peaks_by_level.into_iter().rev().flatten().collect();
        Ok(tree)
    }

    /// Adds the hash of the next entry. At most one tile a level changes; hashes once on average.
    pub fn append(&mut self, leaf: Hash) {
        let mut index = self.size;
        let mut hash = leaf;
        let mut height = 0;
        self.size += 1;
        loop {
            if height % TILE_HEIGHT == 0 {
                self.extend(height / TILE_HEIGHT, index, &hash);
            }
            // A right child completes its parent; a left child waits as a peak.
            if index & 1 == 0 {
                break;
            }
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(&left, &hash);
            index >>= 1;
            height += 1;
        }
        self.peaks.push(hash);
    }

    /// How many entries it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its root; [`Hash::EMPTY`] for no entries. Hashes at most 63 times.
    #[must_use]
    pub fn root(&self) -> Hash {
        fold_peaks(&self.peaks)
    }

    /// The tiles that changed since this was last called (since the beginning, or since [`Tree::restore`]), each once, in its newest state: full
    /// tiles first, then at most one partial tile a level. Keep them in the transaction that keeps the entries.
    #[must_use]
    pub fn take_changed_tiles(&mut self) -> Vec<Tile> {
        let mut tiles = self.take_full_tiles();
        for (level, edge) in (0u8..).zip(&mut self.edges) {
            if edge.bytes.len() > edge.taken {
                let index = level_size(level, self.size) / u64::from(TILE_WIDTH);
                tiles.push(Tile { level, index, bytes: edge.bytes.clone() });
            }
            edge.taken = edge.bytes.len();
        }
        tiles
    }

    /// Only the tiles that became full since they were last taken.
    pub(crate) fn take_full_tiles(&mut self) -> Vec<Tile> {
        std::mem::take(&mut self.full)
    }

    /// Puts hash `position` of `level` at the end of the level's newest tile.
    fn extend(&mut self, level: u8, position: u64, hash: &Hash) {
        let place = usize::from(level);
        if self.edges.len() <= place {
            self.edges.resize_with(place + 1, Edge::default);
        }
        let Some(edge) = self.edges.get_mut(place) else { return };
        edge.bytes.extend_from_slice(hash.as_bytes());
        if edge.bytes.len() == usize::from(TILE_WIDTH) * HASH_BYTES {
            let index = position / u64::from(TILE_WIDTH);
            self.full.push(Tile { level, index, bytes: std::mem::take(&mut edge.bytes) });
            edge.taken = 0;
        }
    }
}

/// The roots of the perfect subtrees over these hashes, the largest first.
pub(crate) fn peaks(hashes: impl Iterator<Item = Hash>) -> Vec<Hash> {
    let mut peaks: Vec<Hash> = Vec::new();
    for (index, mut hash) in (0u64..).zip(hashes) {
        for _ in 0..index.trailing_ones() {
            let Some(left) = peaks.pop() else { break };
            hash = node_hash(&left, &hash);
        }
        peaks.push(hash);
    }
    peaks
}

/// The root of the tree with these peaks, the largest first.
pub(crate) fn fold_peaks(peaks: &[Hash]) -> Hash {
    let mut from_right = peaks.iter().rev();
    let Some(last) = from_right.next() else { return Hash::EMPTY };
    from_right.fold(*last, |right, left| node_hash(left, &right))
}
