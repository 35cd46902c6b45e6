//! One signing key takes over from another: whoever holds either can follow, and a crash at any step leaves a store that goes on.

use super::ward::copy;
use super::ward::{SetClock, heard, open};
use events::{Actor, Draft, Seq, ledger::KeyRotated};
use ledger::rotation::KeyHistory;
use ledger::verify::{Held, Retained};
use ledger::{Origin, SigningKey, VerifyingKey};
use std::fs;
use std::path::Path;
use store::{Batch, Options, Store};
use zeroize::Zeroizing;

fn never_by_itself() -> Options {
    Options { seal_after: std::time::Duration::from_secs(3600), ..SetClock::new().options() }
}

fn append(store: &Store, entries: usize) {
    store.append_blocking(Batch::of((0..entries).map(|n| heard(&format!("entry {n}"))).collect())).unwrap();
}

fn by() -> Actor {
    Actor::local("uid 0").unwrap()
}

fn note(store: &Store) -> String {
    store.seal_blocking().unwrap();
    store.checkpoint().unwrap().unwrap()
}

/// Exports the store and verifies it with each of these keys and checkpoints kept from earlier.
fn verifies(store: &Store, keys: &[&VerifyingKey], kept: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let (note, out) = (note(store), dir.path().join("export"));
    let records: Vec<String> = store.rotations().unwrap().into_iter().map(|rotation| rotation.record).collect();
    ledger::export::write(&out, store, &note, &store.signer_of(&note), &records).unwrap();
    let kept = kept.iter().map(|note| Retained { name: "kept".into(), note: note.as_bytes().to_vec() });
    let retained: Vec<Retained> = kept.collect();
    for key in keys {
        let held = Held { key: Some(key), retained: &retained, ..Held::default() };
        let report = ledger::verify::directory(&out, &held).unwrap_or_else(|failure| panic!("{key}: {failure}"));
        assert_eq!(report.rotations, records.len());
    }
}

fn key_of(data: &Path, file: &str) -> VerifyingKey {
    let seed: [u8; 32] = fs::read(data.join("keys").join(file)).unwrap().try_into().unwrap();
    let origin = Origin::parse("test.example/log").unwrap();
    SigningKey::from_seed(origin, &Zeroizing::new(seed)).unwrap().verifying_key().clone()
}

#[test]
fn whoever_holds_the_first_the_second_or_the_third_key_can_verify_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), never_by_itself());
    let first = store.verifying_key();
    append(&store, 300);
    let last_year = note(&store);
    let rotated = store.rotate_key_blocking(by()).unwrap();
    let second = store.verifying_key();
    assert_eq!((rotated.from, rotated.to), (first.to_string(), second.to_string()));
    assert_eq!((rotated.entry, rotated.size), (Seq(300), 301));
    append(&store, 10);
    let this_year = note(&store);
    store.rotate_key_blocking(by()).unwrap();
    let third = store.verifying_key();
    append(&store, 300);
    verifies(&store, &[&first, &second, &third], &[&last_year, &this_year]);
    assert_eq!(store.verify().unwrap().size, 612);
    // Reopened, it signs with the third.
    drop(store);
    let (store, _) = open(dir.path(), never_by_itself());
    assert_eq!(store.verifying_key(), third);
    append(&store, 1);
    verifies(&store, &[&first, &second, &third], &[&last_year, &this_year]);
}

#[test]
fn the_old_key_is_gone_and_vouches_for_nothing_later() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), never_by_itself());
    let stolen = fs::read(dir.path().join("keys/ledger")).unwrap();
    let origin = store.verifying_key().origin().clone();
    append(&store, 5);
    let record = store.rotate_key_blocking(by()).unwrap().record;
    for file in fs::read_dir(dir.path().join("keys")).unwrap().map(|file| file.unwrap().path()) {
        assert_ne!(fs::read(&file).unwrap(), stolen, "{}", file.display());
    }
    // A thief of the old key signs a longer log with it.
    let thief = SigningKey::from_seed(origin, &Zeroizing::new(stolen.try_into().unwrap())).unwrap();
    append(&store, 5);
    store.seal_blocking().unwrap();
    let root = store.verify().unwrap().root;
    let forged = ledger::note::sign(11, root, &thief).unwrap();
    let record = ledger::rotation::Rotation::parse(record.as_bytes()).unwrap();
    let keys = KeyHistory::follow(thief.verifying_key(), vec![record]).unwrap();
    let refused = keys.open(forged.as_bytes()).unwrap_err();
    assert_eq!(refused, ledger::note::NoteError::Retired { size: 11, retired_at: 6 });
    assert!(keys.open(note(&store).as_bytes()).is_ok());
}

/// The data directory as a crash after each step would leave it.
#[test]
fn a_crash_after_any_step_leaves_a_store_that_goes_on_with_exactly_one_key() {
    let before = tempfile::tempdir().unwrap();
    let (store, _) = open(before.path(), never_by_itself());
    append(&store, 280);
    store.seal_blocking().unwrap();
    store.close();
    let old = key_of(before.path(), "ledger");
    let after = |name: &str, change: &dyn Fn(&Path)| {
        let crashed = tempfile::tempdir().unwrap();
        copy(before.path(), crashed.path());
        change(crashed.path());
        let (store, _) = open(crashed.path(), never_by_itself());
        append(&store, 3);
        verifies(&store, &[&old, &store.verifying_key()], &[]);
        assert_eq!(key_of(crashed.path(), "ledger"), store.verifying_key(), "{name}");
        let rotated = store.rotations().unwrap().len();
        // And it can be done, or done again.
        store.rotate_key_blocking(by()).unwrap();
        append(&store, 1);
        verifies(&store, &[&old, &store.verifying_key()], &[]);
        assert_eq!(store.rotations().unwrap().len(), rotated + 1, "{name}");
        assert!(!crashed.path().join("keys/ledger.next").exists(), "{name}");
        rotated
    };
    let half_made = |data: &Path| put(&data.join("keys/ledger.unfinished"), &[7; 11]);
    assert_eq!(after("while the new key was being written", &half_made), 0);
    let made = |data: &Path| put(&data.join("keys/ledger.next"), &[7; 32]);
    assert_eq!(after("after the new key was made", &made), 0);
    let announced = |data: &Path| {
        announce(data);
        made(data);
    };
    assert_eq!(after("after the entry was committed", &announced), 1);
    let sealed = |data: &Path| {
        let seed = fs::read(data.join("keys/ledger")).unwrap();
        let (store, _) = open(data, never_by_itself());
        store.rotate_key_blocking(by()).unwrap();
        store.close();
        fs::rename(data.join("keys/ledger"), data.join("keys/ledger.next")).unwrap();
        put(&data.join("keys/ledger"), &seed);
    };
    assert_eq!(after("after both signed", &sealed), 1);
}

/// Commits the entry that announces the key of `[7; 32]`, and dies before anything is sealed.
fn announce(data: &Path) {
    let aside = tempfile::tempdir().unwrap();
    let (store, _) = open(data, never_by_itself());
    let next = SigningKey::from_seed(store.verifying_key().origin().clone(), &Zeroizing::new([7; 32])).unwrap();
    let (from, to) = (store.verifying_key().to_string(), next.verifying_key().to_string());
    let named = KeyRotated { from: from.into(), to: to.into() };
    store.append_blocking(Batch::one(Draft::new(by(), named))).unwrap();
    append(&store, 2);
    copy(data, &aside.path().join("crashed"));
    drop(store);
    fs::remove_dir_all(data).unwrap();
    copy(&aside.path().join("crashed"), data);
}

fn put(path: &Path, bytes: &[u8]) {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn a_new_key_that_cannot_be_put_in_place_leaves_both_signing_until_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), never_by_itself());
    append(&store, 5);
    let old = store.verifying_key();
    // A directory where the key belongs: renaming a file onto it fails, even for root.
    let key = dir.path().join("keys/ledger");
    fs::rename(&key, dir.path().join("aside")).unwrap();
    fs::create_dir(&key).unwrap();
    assert!(matches!(store.rotate_key_blocking(by()), Err(store::AppendError::Key(_))));
    assert_eq!(store.verifying_key(), old);
    append(&store, 1);
    assert!(store.seal_blocking().is_err());
    assert_eq!(store.signer_of(&store.checkpoint().unwrap().unwrap()), old, "the old key signs still");
    fs::remove_dir(&key).unwrap();
    fs::rename(dir.path().join("aside"), &key).unwrap();
    store.seal_blocking().unwrap();
    assert_ne!(store.verifying_key(), old);
    append(&store, 1);
    verifies(&store, &[&old, &store.verifying_key()], &[]);
}
