//! The walk over a whole log: hashes every entry again, compares every tile, and finds out whether entries or tiles were altered.
//!
//! The tree is built twice in principle, from the entries and from the lowest tiles; in practice once until the two first differ. Whichever
//! leads to the signed root is what was signed, and the other is what was altered.

use crate::bundle::{self, BundleError};
use crate::finding::{FINDINGS_MAX, Finding, Findings, Problem};
use crate::hash::{HASH_BYTES, Hash};
use crate::note::Checkpoint;
use crate::paths;
use crate::rotation::{self, ROTATION_KIND, ROTATIONS_MAX};
use crate::source::{EntrySource, TILE_HEIGHT, TILE_WIDTH, TileError, read_tile, tile_width};
use crate::tree::{Tile, Tree};
use std::collections::BTreeMap;
use std::ops::Range;

/// The bytes of a tile's or an entry's length in a bundle.
const LENGTH_BYTES: usize = 2;

/// What the walk saw.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// What is wrong.
    pub(crate) findings: Findings,
    /// How many hash tiles were read.
    pub(crate) tiles: u64,
    /// How many entry bundles were read.
    pub(crate) bundles: u64,
    /// How many bytes they had together.
    pub(crate) bytes: u64,
    /// The roots that so many first entries have by themselves; known where the log has so many and leads to its signed root.
    pub(crate) past_roots: BTreeMap<u64, Hash>,
    /// The entries that say that one signing key took over from another, with their hashes; at most [`ROTATIONS_MAX`].
    pub(crate) rotations: BTreeMap<u64, Hash>,
}

/// Walks the log that `checkpoint` describes. `past` asks for the roots of so many first entries, in ascending order.
pub(crate) fn walk<S: EntrySource>(source: &S, checkpoint: &Checkpoint, past: &[u64]) -> Walked {
    let mut walk = Walk {
        source,
        size: checkpoint.size,
        sides: Sides::Agreeing(Side::new(past)),
        differences: Bounded::default(),
        rotation: memchr::memmem::Finder::new(ROTATION_KIND),
        walked: Walked::default(),
    };
    for index in 0..checkpoint.size.div_ceil(u64::from(TILE_WIDTH)) {
        walk.step(index);
        if matches!(walk.sides, Sides::Apart { entries: None, tiles: None }) {
            break;
        }
    }
    walk.finish(checkpoint)
}

/// Values up to a bound, and how many more there were.
#[derive(Debug, Clone)]
struct Bounded<T> {
    kept: Vec<T>,
    more: u64,
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self { kept: Vec::new(), more: 0 }
    }
}

impl<T> Bounded<T> {
    fn push(&mut self, value: T) {
        if self.kept.len() < FINDINGS_MAX { self.kept.push(value) } else { self.more = self.more.saturating_add(1) }
    }
}

/// An entry whose hash is not the one in the lowest tile.
#[derive(Debug)]
struct Difference {
    bundle: u64,
    place: u16,
    /// Where the entry and its length lie in the bundle.
    record: Range<usize>,
    entry: Hash,
    tile: Hash,
}

/// A stored hash above the lowest level that is not the one built.
#[derive(Debug, Clone)]
struct UpperDifference {
    level: u8,
    index: u64,
    place: u16,
    built: Hash,
    stored: Hash,
}

/// A tree built from entries or from lowest tiles.
#[derive(Debug, Clone)]
struct Side {
    tree: Tree,
    /// The sizes still asked about, the next one last.
    past: Vec<u64>,
    past_roots: BTreeMap<u64, Hash>,
    upper: Bounded<UpperDifference>,
}

impl Side {
    fn new(past: &[u64]) -> Self {
        let mut past: Vec<u64> = past.iter().rev().copied().collect();
        past.dedup();
        let past_roots = past.pop_if(|size| *size == 0).map(|size| (size, Hash::EMPTY)).into_iter().collect();
        Self { tree: Tree::new(), past, past_roots, upper: Bounded::default() }
    }

    fn append(&mut self, hashes: &[Hash]) {
        for hash in hashes {
            self.tree.append(*hash);
            if self.past.last() == Some(&self.tree.size()) {
                self.past_roots.extend(self.past.pop().map(|size| (size, self.tree.root())));
            }
        }
    }

    /// Whether it was built from the whole log and leads to the signed root.
    fn is_signed(&self, checkpoint: &Checkpoint) -> bool {
        self.tree.size() == checkpoint.size && self.tree.root() == checkpoint.root
    }
}

/// The two trees.
#[derive(Debug)]
enum Sides {
    /// Entries and lowest tiles were the same so far: one tree for both.
    Agreeing(Side),
    /// They differ. A side is gone once part of it could not be read.
    Apart { entries: Option<Side>, tiles: Option<Side> },
}

/// What a bundle holds: the hashes and places of the entries that could be read.
#[derive(Default)]
struct ReadBundle {
    hashes: Vec<Hash>,
    ranges: Vec<Range<usize>>,
    /// How many bytes it has.
    length: usize,
    /// Why those are not all its entries.
    broken: Option<BundleError>,
    /// Whether it could be read and is not broken.
    whole: bool,
}

struct Walk<'a, S> {
    source: &'a S,
    size: u64,
    sides: Sides,
    differences: Bounded<Difference>,
    rotation: memchr::memmem::Finder<'a>,
    walked: Walked,
}

impl<S: EntrySource> Walk<'_, S> {
    /// One bundle and the lowest tile beside it.
    fn step(&mut self, index: u64) {
        let width = tile_width(0, index, self.size);
        let entries = self.read_bundle(index, width);
        let tile: Option<Vec<Hash>> = self.read_tile(0, index, width).map(|bytes| Hash::all_in(&bytes).collect());
        let agree = entries.whole && tile.as_deref() == Some(&entries.hashes);
        if !agree {
            self.compare(index, &entries, tile.as_deref().unwrap_or_default());
            self.part();
        }
        match &mut self.sides {
            Sides::Agreeing(side) => side.append(&entries.hashes),
            Sides::Apart { entries: entry_side, tiles } => {
                extend(entry_side, entries.whole.then_some(&entries.hashes));
                extend(tiles, tile.as_deref());
            }
        }
        self.check_built(|tree| tree.take_full_tiles());
    }

    /// Keeps which entries differ from the tile. In a broken bundle everything from the first of them on is suspect.
    fn compare(&mut self, index: u64, entries: &ReadBundle, tile: &[Hash]) {
        if let Some(error) = entries.broken {
            let pairs = entries.hashes.iter().zip(tile);
            let sound = pairs.take_while(|(entry, tile)| entry == tile).count();
            let sound = if tile.is_empty() { entries.hashes.len() } else { sound };
            self.add_broken(index, error, entries, sound);
            return;
        }
        let pairs = entries.hashes.iter().zip(&entries.ranges).zip(tile);
        for (place, ((entry, range), tile)) in (0u16..).zip(pairs).filter(|(_, ((entry, _), tile))| entry != tile) {
            let record = range.start.saturating_sub(LENGTH_BYTES)..range.end;
            self.differences.push(Difference { bundle: index, place, record, entry: *entry, tile: *tile });
        }
    }

    /// A bundle of which only the first `sound` entries are as they should be.
    fn add_broken(&mut self, index: u64, error: BundleError, read: &ReadBundle, sound: usize) {
        let width = tile_width(0, index, self.size);
        let start = sound.checked_sub(1).and_then(|last| read.ranges.get(last)).map_or(0, |range| range.end);
        let from = u16::try_from(sound).unwrap_or(width);
        self.walked.findings.add(Finding {
            path: paths::entries(index, width),
            bytes: (start < read.length).then_some(start..read.length),
            entries: (from < width).then(|| entries_of(0, index, from..width, self.size)),
            problem: Problem::Bundle(error),
        });
    }

    /// From here on there are two trees.
    fn part(&mut self) {
        if let Sides::Agreeing(side) = &mut self.sides {
            let both = std::mem::replace(side, Side::new(&[]));
            self.sides = Sides::Apart { entries: Some(both.clone()), tiles: Some(both) };
        }
    }

    /// Compares the tiles above the lowest that a tree has built with those stored.
    fn check_built(&mut self, take: impl Fn(&mut Tree) -> Vec<Tile>) {
        let mut sides = std::mem::replace(&mut self.sides, Sides::Apart { entries: None, tiles: None });
        let present: Vec<&mut Side> = match &mut sides {
            Sides::Agreeing(side) => vec![side],
            Sides::Apart { entries, tiles } => entries.iter_mut().chain(tiles.iter_mut()).collect(),
        };
        for side in present {
            for built in take(&mut side.tree).into_iter().filter(|tile| tile.level > 0) {
                self.check_tile(&built, &mut side.upper);
            }
        }
        self.sides = sides;
    }

    fn check_tile(&mut self, built: &Tile, differences: &mut Bounded<UpperDifference>) {
        let Tile { level, index, .. } = *built;
        let Some(stored) = self.read_tile(level, index, built.width()) else { return };
        if stored == built.bytes {
            return;
        }
        for (place, (built, stored)) in (0u16..).zip(Hash::all_in(&built.bytes).zip(Hash::all_in(&stored))) {
            if built != stored {
                differences.push(UpperDifference { level, index, place, built, stored });
            }
        }
    }

    fn read_bundle(&mut self, index: u64, width: u16) -> ReadBundle {
        let path = paths::entries(index, width);
        let bytes = match self.source.bundle(index, width) {
            Ok(bytes) => bytes,
            Err(error) => {
                let problem = Problem::Unreadable(Box::new(error));
                let entries = Some(entries_of(0, index, 0..width, self.size));
                self.walked.findings.add(Finding { path, bytes: None, entries, problem });
                return ReadBundle::default();
            }
        };
        self.walked.bundles += 1;
        self.walked.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let mut read = ReadBundle { length: bytes.len(), whole: true, ..ReadBundle::default() };
        read.hashes.reserve_exact(usize::from(width));
        read.ranges.reserve_exact(usize::from(width));
        // Searched as a whole, because almost none has one: parsing every entry would take longer than hashing it.
        let names_rotation = self.rotation.find(&bytes).is_some();
        for entry in bundle::entries(&bytes, width) {
            match entry {
                Ok(entry) => {
                    if names_rotation
                        && self.walked.rotations.len() < ROTATIONS_MAX
                        && rotation::is_rotation(entry.bytes)
                    {
                        let seq = index.saturating_mul(u64::from(TILE_WIDTH)).saturating_add(u64::from(entry.place));
                        self.walked.rotations.insert(seq, entry.hash());
                    }
                    read.hashes.push(entry.hash());
                    read.ranges.push(entry.range);
                }
                Err(error) => {
                    read.whole = false;
                    read.broken = Some(error);
                }
            }
        }
        read
    }

    fn read_tile(&mut self, level: u8, index: u64, width: u16) -> Option<Vec<u8>> {
        let problem = match read_tile(self.source, level, index, width) {
            Ok(bytes) => {
                self.walked.tiles += 1;
                self.walked.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                return Some(bytes);
            }
            Err(TileError::Source { source, .. }) => Problem::Unreadable(Box::new(source)),
            Err(TileError::Length { bytes, expected, .. }) => Problem::TileLength { bytes, expected },
        };
        let path = paths::tile(level, index, width);
        // Above the lowest level both trees may ask for the same tile.
        if !self.walked.findings.names(&path) {
            let entries = Some(entries_of(level, index, 0..width, self.size));
            self.walked.findings.add(Finding { path, bytes: None, entries, problem });
        }
        None
    }

    /// Looks at the tiles still partial and says what was altered.
    fn finish(mut self, checkpoint: &Checkpoint) -> Walked {
        self.check_built(Tree::take_changed_tiles);
        let Self { sides, differences, mut walked, size, .. } = self;
        let (entries, tiles) = match sides {
            Sides::Agreeing(side) => (Some(side), None),
            Sides::Apart { entries, tiles } => (entries, tiles),
        };
        let (signed, other) = match (entries, tiles) {
            (Some(entries), _) if entries.is_signed(checkpoint) => (Some((entries, Truth::Entries)), None),
            (_, Some(tiles)) if tiles.is_signed(checkpoint) => (Some((tiles, Truth::Tiles)), None),
            (entries, tiles) => (None, entries.or(tiles)),
        };
        let truth = signed.as_ref().map_or(Truth::Neither, |(_, truth)| *truth);
        walked.findings.add_more(differences.more);
        for difference in differences.kept {
            walked.findings.add(lowest(difference, truth, size));
        }
        walked.past_roots = signed.as_ref().map(|(side, _)| side.past_roots.clone()).unwrap_or_default();
        if let Some(side) = other.as_ref().filter(|side| side.tree.size() == size) {
            let problem = Problem::OtherRoot { signed: checkpoint.root, found: side.tree.root() };
            walked.findings.add_file(paths::CHECKPOINT, problem);
        }
        if let Some(side) = signed.map(|(side, _)| side).or(other) {
            walked.findings.add_more(side.upper.more);
            for difference in side.upper.kept {
                walked.findings.add(upper(&difference, truth, size));
            }
        }
        walked
    }
}

/// Which of the two trees leads to the signed root.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Truth {
    Entries,
    Tiles,
    Neither,
}

/// Adds hashes to a side that is still whole, or ends it.
fn extend(side: &mut Option<Side>, hashes: Option<&(impl AsRef<[Hash]> + ?Sized)>) {
    match (side.as_mut(), hashes) {
        (Some(side), Some(hashes)) => side.append(hashes.as_ref()),
        _ => *side = None,
    }
}

/// The entries below these hashes of a tile.
fn entries_of(level: u8, index: u64, places: Range<u16>, size: u64) -> Range<u64> {
    let first = index.saturating_mul(u64::from(TILE_WIDTH));
    // Beyond 64 bits there is no entry: the end is the log's.
    let below = 1u64.checked_shl(u32::from(level) * u32::from(TILE_HEIGHT)).unwrap_or(u64::MAX);
    let reach = |place: u16| first.saturating_add(u64::from(place)).saturating_mul(below).min(size);
    reach(places.start)..reach(places.end)
}

/// The bytes of one hash of a tile.
fn hash_bytes(place: u16) -> Range<usize> {
    let start = usize::from(place) * HASH_BYTES;
    start..start + HASH_BYTES
}

fn lowest(difference: Difference, truth: Truth, size: u64) -> Finding {
    let Difference { bundle, place, record, entry, tile } = difference;
    let width = tile_width(0, bundle, size);
    let entries = Some(entries_of(0, bundle, place..place + 1, size));
    let (path, bytes, problem) = match truth {
        Truth::Entries => {
            (paths::tile(0, bundle, width), hash_bytes(place), Problem::HashAltered { found: tile, signed: entry })
        }
        Truth::Tiles => (paths::entries(bundle, width), record, Problem::EntryAltered { found: entry, signed: tile }),
        Truth::Neither => {
            (paths::tile(0, bundle, width), hash_bytes(place), Problem::Disagreement { tile, entries: entry })
        }
    };
    Finding { path, bytes: Some(bytes), entries, problem }
}

fn upper(difference: &UpperDifference, truth: Truth, size: u64) -> Finding {
    let UpperDifference { level, index, place, built, stored } = *difference;
    let problem = match truth {
        Truth::Neither => Problem::Disagreement { tile: stored, entries: built },
        Truth::Entries | Truth::Tiles => Problem::HashAltered { found: stored, signed: built },
    };
    Finding {
        path: paths::tile(level, index, tile_width(level, index, size)),
        bytes: Some(hash_bytes(place)),
        entries: Some(entries_of(level, index, place..place + 1, size)),
        problem,
    }
}
