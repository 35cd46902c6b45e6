//! Differential tests: what foreign implementations of the same specifications make of our logs, and we of theirs.

use crate::sample::{self, Newest, key, log};
use ledger::{Hash, Tree, VerifyingKey, leaf_hash, note, paths, proof};
use proptest::prelude::*;
use signed_note::{Note, StandardSigner, StandardVerifier, Verifier as _, VerifierList};
use tlog_tiles::{HashReader, TileHashReader, TileReader};

/// Their store of hashes.
#[derive(Default)]
struct Stored(Vec<tlog_tiles::Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

impl Stored {
    fn of(size: u64) -> Self {
        let mut stored = Self::default();
        for index in 0..size {
            let hashes = tlog_tiles::stored_hashes(index, &sample::entry(index), &stored).unwrap();
            stored.0.extend(hashes);
        }
        stored
    }
}

/// Our tiles as they read them.
struct Tiles<'a>(&'a sample::Log);

impl TileReader for Tiles<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &tlog_tiles::Tile| self.0.files.get(&path(tile)).cloned();
        tiles.iter().map(|tile| read(tile).ok_or(tlog_tiles::Error::InvalidTile)).collect()
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

/// Their path without the height that tlog-tiles fixes at 8.
fn path(tile: &tlog_tiles::Tile) -> String {
    tile.path().replacen("tile/8/", "tile/", 1).replacen("tile/data/", "tile/entries/", 1)
}

fn theirs(hash: Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(hash.0)
}

fn ours(proof: Vec<tlog_tiles::Hash>) -> Vec<Hash> {
    proof.into_iter().map(|hash| Hash(hash.0)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tlog_tiles_has_the_same_root_tiles_and_proofs(size in 1u64..1000, at in any::<prop::sample::Index>(), old in any::<prop::sample::Index>()) {
        let log = sample::plain(size);
        let stored = Stored::of(size);
        let root = theirs(log.root);
        prop_assert_eq!(root, tlog_tiles::tree_hash(size, &stored).unwrap());
        let published = tlog_tiles::Tile::new_tiles(8, 0, size);
        for tile in &published {
            prop_assert_eq!(&log.files[&path(tile)], &tile.read_data(&stored).unwrap(), "{}", path(tile));
        }
        let hash_tiles = log.files.keys().filter(|path| !path.starts_with("tile/entries/")).count();
        prop_assert_eq!(hash_tiles, published.len());

        let length = usize::try_from(size).unwrap();
        let (index, old) = (u64::try_from(at.index(length)).unwrap(), u64::try_from(old.index(length)).unwrap() + 1);
        let path = proof::inclusion(&log, index, size).unwrap();
        prop_assert_eq!(&path, &ours(tlog_tiles::prove_record(size, index, &stored).unwrap()));
        let consistency = proof::consistency(&log, old, size).unwrap();
        prop_assert_eq!(&consistency, &ours(tlog_tiles::prove_tree(size, old, &stored).unwrap()));

        // Their client authenticates our tiles against our root and proves from them.
        let tiles = Tiles(&log);
        let client = TileHashReader::new(size, root, &tiles);
        let from_tiles = tlog_tiles::prove_record(size, index, &client).unwrap();
        prop_assert_eq!(&path, &ours(from_tiles));
        let old_root = tlog_tiles::tree_hash(old, &client).unwrap();
        let consistency = consistency.into_iter().map(theirs).collect();
        prop_assert!(tlog_tiles::check_tree(&consistency, size, root, old, old_root).is_ok());
        let path = path.into_iter().map(theirs).collect();
        let leaf = theirs(leaf_hash(&sample::entry(index)));
        prop_assert!(tlog_tiles::check_record(&path, size, root, index, leaf).is_ok());
    }

    #[test]
    fn the_tiles_that_change_are_those_tlog_tiles_publishes(before in 0u64..900, more in 1u64..900) {
        let (mut tree, mut tiles) = (Tree::new(), Newest::default());
        (0..before).for_each(|index| tree.append(leaf_hash(&index.to_be_bytes())));
        tiles.keep(&mut tree);
        (before..before + more).for_each(|index| tree.append(leaf_hash(&index.to_be_bytes())));
        let changed = tree.take_changed_tiles();
        let mut changed: Vec<String> = changed.iter().map(|tile| paths::tile(tile.level, tile.index, tile.width())).collect();
        let mut published: Vec<String> = tlog_tiles::Tile::new_tiles(8, before, before + more).iter().map(path).collect();
        changed.sort_unstable();
        published.sort_unstable();
        prop_assert_eq!(changed, published);
    }

    #[test]
    fn tlog_tiles_writes_the_same_paths(level in 0u8..=7, index in 0u64..1 << 40, width in 1u16..=256) {
        let hashes = tlog_tiles::Tile::new(8, level, index, width.into(), false);
        prop_assert_eq!(path(&hashes), paths::tile(level, index, width));
        let entries = tlog_tiles::Tile::new(8, 0, index, width.into(), true);
        prop_assert_eq!(path(&entries), paths::entries(index, width));
    }

    #[test]
    fn signed_note_opens_our_checkpoints_and_we_open_theirs(size: u64, root: [u8; 32], seed: [u8; 32]) {
        let origin = ledger::Origin::parse("ledger.example/log").unwrap();
        let key = ledger::SigningKey::from_seed(origin, &zeroize::Zeroizing::new(seed)).unwrap();
        let note = note::sign(size, Hash(root), &key).unwrap();

        let verifier = StandardVerifier::new(&key.verifying_key().to_string()).unwrap();
        let parsed = Note::from_bytes(note.as_bytes()).unwrap();
        let (valid, unknown) = parsed.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
        prop_assert_eq!((valid.len(), unknown.len()), (1, 0));
        let checkpoint = tlog_tiles::Checkpoint::from_bytes(parsed.text()).unwrap();
        prop_assert_eq!((checkpoint.origin(), checkpoint.size(), checkpoint.hash().0), ("ledger.example/log", size, root));
        prop_assert_eq!(checkpoint.extension(), "");

        let verifying = key.verifying_key();
        let their_signer = StandardSigner::new(&skey(&seed, &verifying.to_string())).unwrap();
        let mut their_note = Note::new(parsed.text(), &[]).unwrap();
        their_note.add_sigs(&[&their_signer]).unwrap();
        prop_assert_eq!(their_note.to_bytes(), note.as_bytes(), "Ed25519 is deterministic: the same note, byte for byte");
        let opened = note::open(&their_note.to_bytes(), verifying).unwrap();
        prop_assert_eq!((opened.size, opened.root), (size, Hash(root)));
    }
}

/// Their text of a signing key.
fn skey(seed: &[u8; 32], vkey: &str) -> String {
    use base64::Engine as _;
    let (origin, rest) = vkey.split_once('+').unwrap();
    let (id, _) = rest.split_once('+').unwrap();
    let key = [&[1], seed.as_slice()].concat();
    format!("PRIVATE+KEY+{origin}+{id}+{}", base64::prelude::BASE64_STANDARD.encode(key))
}

#[test]
fn a_key_that_signed_note_writes_is_read_and_written_the_same() {
    let vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let key = VerifyingKey::parse(vkey).unwrap();
    assert_eq!(key.to_string(), vkey);
    assert_eq!(StandardVerifier::new(vkey).unwrap().key_id(), 0xc74f_20a3);
    assert_eq!(key.origin().as_str(), "PeterNeumann");
}

#[test]
fn a_witness_may_sign_beside_the_log() {
    let log = log(&[b"one".to_vec()]);
    let origin = ledger::Origin::parse("witness.example").unwrap();
    let seed = zeroize::Zeroizing::new([9; 32]);
    let vkey = ledger::SigningKey::from_seed(origin, &seed).unwrap().verifying_key().to_string();
    let witness = StandardSigner::new(&skey(&seed, &vkey)).unwrap();
    let mut note = Note::from_bytes(log.note.as_bytes()).unwrap();
    note.add_sigs(&[&witness]).unwrap();
    let opened = note::open(&note.to_bytes(), key(7).verifying_key()).unwrap();
    assert_eq!(opened, log.checkpoint());
    let witness_alone = VerifyingKey::parse(&vkey).unwrap();
    assert_eq!(note::open(&note.to_bytes(), &witness_alone), Err(note::NoteError::OtherOrigin));
}
