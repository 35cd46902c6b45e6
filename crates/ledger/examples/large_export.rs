//! Writes an export of so many entries, always the same ones, without holding it in memory: `large_export DIR ENTRIES`. For `cargo xtask bench ledger`.

use ledger::source::{TILE_WIDTH, tile_width};
use ledger::{Origin, SigningKey, Tree, bundle, leaf_hash, note, paths};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use zeroize::Zeroizing;

/// The length of an entry, in bytes: a typical decision leaf.
const ENTRY_BYTES: usize = 400;
/// The most entries: 20 GiB of them.
const ENTRIES_MAX: u64 = 50_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [dir, entries] = words.as_slice() else { return Err("large_export DIR ENTRIES".into()) };
    let size: u64 = entries.parse()?;
    if size > ENTRIES_MAX {
        return Err(format!("at most {ENTRIES_MAX} entries").into());
    }
    write(Path::new(dir), size)
}

fn write(dir: &Path, size: u64) -> Result<(), Box<dyn Error>> {
    let mut tree = Tree::new();
    let mut partial = BTreeMap::new();
    let mut entry = vec![b'.'; ENTRY_BYTES];
    for index in 0..size.div_ceil(u64::from(TILE_WIDTH)) {
        let width = tile_width(0, index, size);
        let mut bytes = Vec::new();
        for place in 0..width {
            let seq = index * u64::from(TILE_WIDTH) + u64::from(place);
            if let Some(number) = entry.first_chunk_mut() {
                *number = seq.to_be_bytes();
            }
            tree.append(leaf_hash(&entry));
            bundle::push(&mut bytes, place, &entry)?;
        }
        put(dir, &paths::entries(index, width), &bytes)?;
        for tile in tree.take_changed_tiles() {
            if tile.width() == TILE_WIDTH {
                partial.remove(&tile.level);
                put(dir, &paths::tile(tile.level, tile.index, TILE_WIDTH), &tile.bytes)?;
            } else {
                // It may still grow.
                partial.insert(tile.level, tile);
            }
        }
    }
    for tile in partial.values() {
        put(dir, &paths::tile(tile.level, tile.index, tile.width()), &tile.bytes)?;
    }
    let key = SigningKey::from_seed(Origin::parse("bench.example")?, &Zeroizing::new([7; 32]))?;
    put(dir, paths::VERIFYING_KEY, format!("{}\n", key.verifying_key()).as_bytes())?;
    put(dir, paths::CHECKPOINT, note::sign(tree.size(), tree.root(), &key)?.as_bytes())?;
    Ok(())
}

fn put(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let path = dir.join(name);
    if let Some(above) = path.parent() {
        fs::create_dir_all(above)?;
    }
    Ok(fs::write(path, bytes)?)
}
