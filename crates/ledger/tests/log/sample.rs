//! A log in memory, with knobs to falsify it.

use ledger::source::{EntrySource, TileSource, tile_width};
use ledger::{Checkpoint, Hash, Origin, SigningKey, Tree, bundle, leaf_hash, note, paths};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// A log as the files it is published as.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) size: u64,
    pub(crate) root: Hash,
    pub(crate) note: String,
}

#[derive(Debug, thiserror::Error)]
#[error("no file `{0}`")]
pub(crate) struct NoFile(String);

pub(crate) fn key(seed: u8) -> SigningKey {
    let origin = Origin::parse("ledger.st-elsewhere.example/2026").unwrap();
    SigningKey::from_seed(origin, &Zeroizing::new([seed; 32])).unwrap()
}

pub(crate) fn entry(index: u64) -> Vec<u8> {
    format!("{{\"seq\":{index}}}").into_bytes()
}

/// The log of these entries, signed with `key(7)`.
pub(crate) fn log(entries: &[Vec<u8>]) -> Log {
    let mut tree = Tree::new();
    let mut tiles = BTreeMap::new();
    for entry in entries {
        tree.append(leaf_hash(entry));
    }
    for tile in tree.take_changed_tiles() {
        let width = tile.width();
        tiles.insert(paths::tile(tile.level, tile.index, width), tile.bytes);
    }
    for (index, chunk) in (0u64..).zip(entries.chunks(256)) {
        let width = tile_width(0, index, tree.size());
        tiles.insert(paths::entries(index, width), bundle::encode(chunk).unwrap());
    }
    let note = note::sign(tree.size(), tree.root(), &key(7)).unwrap();
    Log { files: tiles, size: tree.size(), root: tree.root(), note }
}

/// The log of `size` plain entries.
pub(crate) fn plain(size: u64) -> Log {
    log(&(0..size).map(entry).collect::<Vec<_>>())
}

impl Log {
    fn file(&self, path: &str) -> Result<Vec<u8>, NoFile> {
        self.files.get(path).cloned().ok_or_else(|| NoFile(path.to_owned()))
    }

    pub(crate) fn checkpoint(&self) -> Checkpoint {
        Checkpoint { origin: key(7).origin().clone(), size: self.size, root: self.root }
    }
}

impl TileSource for Log {
    type Error = NoFile;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<u8>, NoFile> {
        self.file(&paths::tile(level, index, width))
    }
}

impl EntrySource for Log {
    fn bundle(&self, index: u64, width: u16) -> Result<Vec<u8>, NoFile> {
        self.file(&paths::entries(index, width))
    }
}

/// Every tile in its newest state, any width of it readable, as a database would have it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Newest(pub(crate) BTreeMap<(u8, u64), Vec<u8>>);

impl Newest {
    pub(crate) fn keep(&mut self, tree: &mut Tree) {
        for tile in tree.take_changed_tiles() {
            let held = self.0.insert((tile.level, tile.index), tile.bytes.clone()).unwrap_or_default();
            assert!(tile.bytes.starts_with(&held) && tile.bytes.len() > held.len(), "a tile only grows");
        }
    }
}

impl TileSource for Newest {
    type Error = NoFile;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<u8>, NoFile> {
        let held = self.0.get(&(level, index)).and_then(|bytes| bytes.get(..usize::from(width) * 32));
        held.map(<[u8]>::to_vec).ok_or_else(|| NoFile(paths::tile(level, index, width)))
    }
}
