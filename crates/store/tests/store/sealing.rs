//! Tiles and checkpoints: they cover everything, survive restarts, and let others verify.

use super::IS_A_FILE;
use super::ward::{SetClock, heard, open};
use events::Seq;
use ledger::verify::Held;
use ledger::{Hash, Tree, leaf_hash, note, proof};
use proptest::prelude::*;
use std::ops::ControlFlow;
use std::time::Duration;
use store::{Batch, Options, Store, VerifyError};

/// The root the entries give, computed by themselves.
fn root_of(store: &Store, size: u64) -> Hash {
    let mut tree = Tree::new();
    let scanned = store.read(|reader| {
        reader.scan(Seq(0), Seq(size), |_, entry| {
            tree.append(leaf_hash(entry));
            ControlFlow::Continue(())
        })
    });
    scanned.unwrap();
    assert_eq!(tree.size(), size);
    tree.root()
}

fn never_by_itself() -> Options {
    Options { seal_after: Duration::from_secs(3600), ..SetClock::new().options() }
}

fn append(store: &Store, entries: usize) {
    store.append_blocking(Batch::of((0..entries).map(|n| heard(&format!("entry {n}"))).collect())).unwrap();
}

#[test]
fn the_writer_seals_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), Options { seal_after: Duration::from_millis(10), ..SetClock::new().options() });
    for _ in 0..3 {
        append(&store, 3);
        while store.head().sealed < store.head().next.0 {
            std::thread::sleep(Duration::from_millis(2));
        }
        let note = store.checkpoint().unwrap().unwrap();
        let checkpoint = note::open(note.as_bytes(), &store.verifying_key()).unwrap();
        assert_eq!((checkpoint.size, checkpoint.root), (store.head().next.0, root_of(&store, store.head().next.0)));
        assert_eq!(checkpoint.origin.as_str(), "test.example/log");
    }
    assert_eq!(store.health().unsealed, 0);
}

#[test]
fn an_empty_log_can_be_sealed_and_verified() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), never_by_itself());
    assert!(matches!(store.verify(), Err(VerifyError::Unsealed)));
    store.seal_blocking().unwrap();
    assert_eq!(store.verify().unwrap().root, Hash::EMPTY);
}

#[test]
fn proofs_come_from_the_stored_tiles() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), never_by_itself());
    append(&store, 700);
    store.seal_blocking().unwrap();
    let old = store.verify().unwrap();
    append(&store, 600);
    store.seal_blocking().unwrap();
    let new = store.verify().unwrap();
    for seq in [0, 255, 256, 699, 1299] {
        let entry = store.read(|reader| reader.leaf_bytes(Seq(seq))).unwrap().unwrap();
        let path = proof::inclusion(&store, seq, new.size).unwrap();
        proof::verify_inclusion(seq, new.size, &leaf_hash(&entry), &path, &new.root).unwrap();
    }
    let path = proof::consistency(&store, old.size, new.size).unwrap();
    proof::verify_consistency(old.size, new.size, &old.root, &new.root, &path).unwrap();
}

#[test]
fn an_export_verifies_elsewhere_though_the_log_has_grown_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), never_by_itself());
    append(&store, 1000);
    store.seal_blocking().unwrap();
    let note = store.checkpoint().unwrap().unwrap();
    append(&store, 500);
    store.seal_blocking().unwrap();
    let out = dir.path().join("export");
    ledger::export::write(&out, &store, &note, &store.verifying_key(), &[]).unwrap();
    let report =
        ledger::verify::directory(&out, &Held { key: Some(&store.verifying_key()), ..Held::default() }).unwrap();
    assert_eq!(report.checkpoint.size, 1000);
}

#[test]
fn an_old_store_keeps_its_origin() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), never_by_itself());
    let key = store.verifying_key().to_string();
    drop(store);
    let (store, _) = open(dir.path(), Options { origin: "other.example/log".to_owned(), ..never_by_itself() });
    assert_eq!(store.verifying_key().to_string(), key);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Append(usize),
    Seal,
    /// Closed in order.
    Reopen,
    /// As after a SIGKILL: from a copy of the files as they are.
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop_oneof![1..6usize, 250..260usize, 500..800usize].prop_map(Step::Append),
        2 => Just(Step::Seal),
        1 => Just(Step::Reopen),
        2 => Just(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if IS_A_FILE { 24 } else { 6 }, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_restored_at_any_moment_is_the_tree_that_was_never_closed(steps in prop::collection::vec(step(), 1..12)) {
        let mut dir = tempfile::tempdir().unwrap();
        let mut entries = 0;
        let mut store = open(dir.path(), never_by_itself()).0;
        for step in steps {
            match step {
                Step::Append(count) => {
                    append(&store, count);
                    entries += count;
                }
                Step::Seal => store.seal_blocking().unwrap(),
                Step::Reopen => {
                    drop(store);
                    store = open(dir.path(), never_by_itself()).0;
                }
                Step::Crash => {
                    let copy = tempfile::tempdir().unwrap();
                    super::ward::copy(dir.path(), copy.path());
                    drop(store);
                    dir = copy;
                    store = open(dir.path(), never_by_itself()).0;
                }
            }
            prop_assert_eq!(store.head().next, Seq(entries as u64));
        }
        store.seal_blocking().unwrap();
        let verified = store.verify().unwrap();
        prop_assert_eq!(verified.size, entries as u64);
        prop_assert_eq!(verified.root, root_of(&store, entries as u64));
    }
}
