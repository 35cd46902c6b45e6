//! How fast the ledger appends and verifies: `cargo bench -p ledger`.
#![expect(clippy::unwrap_used, reason = "benchmarks")]

fn main() {
    divan::main();
}

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use ledger::source::tile_width;
use ledger::verify::Held;
use ledger::{EntrySource, Hash, Origin, SigningKey, TileSource, Tree, bundle, export, leaf_hash, note, paths, proof};
use std::collections::BTreeMap;
use std::convert::Infallible;
use zeroize::Zeroizing;

/// Entries in each measured log.
const ENTRIES: u64 = 262_144 + 300;
/// The length of an entry, in bytes: a typical decision leaf.
const ENTRY_BYTES: usize = 400;

fn entry(index: u64) -> Vec<u8> {
    let mut entry = index.to_be_bytes().to_vec();
    entry.resize(ENTRY_BYTES, b'.');
    entry
}

/// A log in memory.
struct Log {
    tiles: BTreeMap<(u8, u64), Vec<u8>>,
    bundles: Vec<Vec<u8>>,
    root: Hash,
}

impl Log {
    fn new() -> Self {
        let mut tree = Tree::new();
        let mut bundles = Vec::new();
        for index in 0..ENTRIES.div_ceil(256) {
            let width = u64::from(tile_width(0, index, ENTRIES));
            let entries: Vec<Vec<u8>> = (index * 256..index * 256 + width).map(entry).collect();
            entries.iter().for_each(|entry| tree.append(leaf_hash(entry)));
            bundles.push(bundle::encode(&entries).unwrap());
        }
        let tiles = tree.take_changed_tiles().into_iter().map(|tile| ((tile.level, tile.index), tile.bytes)).collect();
        Self { tiles, bundles, root: tree.root() }
    }
}

impl TileSource for Log {
    type Error = Infallible;

    fn tile(&self, level: u8, index: u64, _: u16) -> Result<Vec<u8>, Infallible> {
        Ok(self.tiles.get(&(level, index)).cloned().unwrap_or_default())
    }
}

impl EntrySource for Log {
    fn bundle(&self, index: u64, _: u16) -> Result<Vec<u8>, Infallible> {
        Ok(self.bundles.get(usize::try_from(index).unwrap()).cloned().unwrap_or_default())
    }
}

fn key() -> SigningKey {
    SigningKey::from_seed(Origin::parse("bench.example").unwrap(), &Zeroizing::new([7; 32])).unwrap()
}

/// Hash an entry, append it, and every 64 entries take the changed tiles as a committing writer does.
#[divan::bench]
fn append_and_take_tiles_every_64(bencher: Bencher<'_, '_>) {
    let entries: Vec<Vec<u8>> = (0..65_536).map(entry).collect();
    bencher.counter(ItemsCount::new(entries.len())).bench(|| {
        let mut tree = Tree::new();
        for batch in entries.chunks(64) {
            batch.iter().for_each(|entry| tree.append(leaf_hash(entry)));
            black_box(tree.take_changed_tiles());
        }
        tree.root()
    });
}

/// Verify an exported directory: read, hash every entry again, compare every tile. Files are in the page cache.
#[divan::bench(sample_count = 10)]
fn verify_a_directory(bencher: Bencher<'_, '_>) {
    let (log, key) = (Log::new(), key());
    let note = note::sign(ENTRIES, log.root, &key).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let exported = export::write(dir.path(), &log, &note, key.verifying_key(), &[]).unwrap();
    bencher.counter(ItemsCount::new(ENTRIES)).counter(BytesCount::new(exported.bytes)).bench(|| {
        ledger::verify::directory(dir.path(), &Held { key: Some(key.verifying_key()), ..Held::default() }).unwrap()
    });
}

/// Sign a checkpoint.
#[divan::bench]
fn sign_a_checkpoint(bencher: Bencher<'_, '_>) {
    let key = key();
    bencher.bench(|| note::sign(black_box(ENTRIES), Hash::EMPTY, &key).unwrap());
}

/// Prove that an entry is in the log, and check the proof.
#[divan::bench]
fn prove_and_check_inclusion(bencher: Bencher<'_, '_>) {
    let log = Log::new();
    let leaf = leaf_hash(&entry(12_345));
    bencher.bench(|| {
        let path = proof::inclusion(&log, black_box(12_345), ENTRIES).unwrap();
        proof::verify_inclusion(12_345, ENTRIES, &leaf, &path, &log.root).unwrap();
    });
}

/// The path of a tile, as an export writes it.
#[divan::bench]
fn write_a_tile_path() -> String {
    paths::tile(black_box(0), black_box(1_234_567), black_box(256))
}
