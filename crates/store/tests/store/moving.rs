//! A store that outgrows its file moves to a server and back, and is the same store all the way; a server's backs up into a file.

use super::ward::{Remembered, START_MILLIS, SetClock, heard, open};
use cluster::Cluster;
use events::{Actor, PatientPseudonym, Timestamp};
use std::path::Path;
use store::statements::{DIRECTORY_ADD, DIRECTORY_FIND, REJECTED_MESSAGE_KEEP, REJECTED_MESSAGE_LAST};
use store::{Address, AppendError, Batch, Detail, DetailSort, Kept, MoveError, Options, Store};

const NOW: Timestamp = Timestamp::from_millis(START_MILLIS);
const JANE: PatientPseudonym = PatientPseudonym::from_bytes([1; 16]);

/// A store in a file, with something of everything in it.
fn full(dir: &Path) -> Remembered {
    let folded = Remembered::default();
    let store = Store::open(dir, SetClock::new().options(), Box::new(folded.clone())).unwrap();
    let entries = (0..700).map(|number| heard(&format!("{number}"))).collect();
    store.append_blocking(Batch::of(entries)).unwrap();
    let text = zeroize::Zeroizing::new("Doe, Jane".to_owned());
    let detail = Detail { about: Some(JANE), sort: DetailSort::Identity, text };
    let rejected = ["adt".into(), [3_u8; 32].into(), vec![0_u8, 255].into(), "unreadable".into(), NOW.into()];
    let batch = Batch::one(heard("Jane"))
        .detail(0, detail)
        .expect("stream", 0)
        .claim("jti", "key", Timestamp::MAX)
        .write(DIRECTORY_ADD, [[7_u8; 16].into(), [1_u8; 16].into(), store::Value::Entry])
        .write(REJECTED_MESSAGE_KEEP, rejected);
    store.append_blocking(batch).unwrap();
    store.rotate_key_blocking(Actor::local("amy").unwrap()).unwrap();
    store.close();
    folded
}

/// Opens it wherever it is, and uses what came along.
fn is_whole(dir: &Path, before: &Remembered, streams: u64) {
    let (store, folded) = open_as_it_is(dir);
    assert_eq!(folded.leaves(), before.leaves());
    store.verify().unwrap();
    assert_eq!(store.rotations().unwrap().len(), 1);
    assert!(matches!(store.detail(events::Seq(700)).unwrap(), Kept::Here(detail) if *detail.text == "Doe, Jane"));
    let found = store.read(|reader| reader.find(DIRECTORY_FIND, &[[7_u8; 16].into()], |row| row.bytes(0))).unwrap();
    assert_eq!(found, Some(vec![1; 16]));
    let kept = store.read(|reader| reader.query(REJECTED_MESSAGE_LAST, &[9_i64.into()], |row| row.bytes(3))).unwrap();
    assert_eq!(kept, [[0, 255]]);
    assert_eq!(store.read(|reader| reader.stream_version("stream")).unwrap(), streams);
    let again = store.append_blocking(Batch::default().claim("jti", "key", Timestamp::MAX));
    assert!(matches!(again, Err(AppendError::Taken("jti"))), "{again:?}");
    store.close();
}

fn open_as_it_is(dir: &Path) -> (Store, Remembered) {
    let folded = Remembered::default();
    (Store::open(dir, SetClock::new().options(), Box::new(folded.clone())).unwrap(), folded)
}

#[test]
fn a_store_moves_to_a_server_and_back_and_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let before = full(dir.path());
    let address = Address::parse(&Cluster::shared().database().unwrap()).unwrap();
    let moved = store::move_store(dir.path(), Some(&address), NOW).unwrap();
    assert_eq!((moved.entries, moved.left), (702, Some(dir.path().join("log.sqlite.moved"))));
    assert!(!dir.path().join("log.sqlite").exists());
    is_whole(dir.path(), &before, 1);
    let there = store::move_store(dir.path(), Some(&address), NOW);
    assert!(matches!(there, Err(MoveError::There)), "{there:?}");

    // It goes on there: rows that number themselves go on after those that came along.
    let (store, _) = open_as_it_is(dir.path());
    let text = zeroize::Zeroizing::new("Khan, Omar".to_owned());
    let about = Some(PatientPseudonym::from_bytes([2; 16]));
    let batch = Batch::one(heard("Omar")).detail(0, Detail { about, sort: DetailSort::Identity, text });
    let omar = store.append_blocking(batch.expect("stream", 1)).unwrap()[0].seq;
    assert!(matches!(store.detail(omar).unwrap(), Kept::Here(_)));
    store.close();
    let (_, before) = open_as_it_is(dir.path());

    let back = store::move_store(dir.path(), None, NOW).unwrap();
    assert_eq!(back.entries, 703);
    assert!(!dir.path().join("store").exists());
    is_whole(dir.path(), &before, 2);

    // Whoever still goes by the database it left does not go on there.
    let forgotten = tempfile::tempdir().unwrap();
    assert!(
        std::process::Command::new("cp")
            .arg("-a")
            .arg(dir.path().join("keys"))
            .arg(forgotten.path())
            .status()
            .unwrap()
            .success()
    );
    let options = Options { address: Some(address.clone()), ..SetClock::new().options() };
    let refused = Store::open(forgotten.path(), options, Box::new(()));
    assert!(matches!(&refused, Err(store::OpenError::MovedAway(to)) if to.contains("a file of")), "{refused:?}");

    // The database it left has a store in it: nothing is laid over that.
    let occupied = store::move_store(dir.path(), Some(&address), NOW);
    assert!(matches!(&occupied, Err(MoveError::Occupied(at)) if at == address.place()), "{occupied:?}");
    is_whole(dir.path(), &before, 2);
}

#[test]
fn a_store_at_a_server_is_backed_up_into_a_file_while_it_works() {
    let (dir, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, _) = open(dir.path(), SetClock::new().options());
    store.append_blocking(Batch::of(vec![heard("a"), heard("b")])).unwrap();
    store.seal_blocking().unwrap();
    let copied = store::back_up(dir.path(), &copies.path().join("copy"), true, NOW).unwrap();
    assert_eq!(copied.entries, 2);
    store.append_blocking(Batch::one(heard("after"))).unwrap();
    let declared = store::Declaration { actor: Actor::local("amy").unwrap(), reason: "drill".into(), now: NOW };
    let (copy, again) = (copies.path().join("copy"), copies.path().join("again"));
    let restored = store::restore(&copy, &copy, &again, declared).unwrap();
    assert_eq!(restored.entry.0, 2);
    let options = Options { clock_jump_max: None, ..SetClock::new().options() };
    let store = Store::open(&again, options, Box::new(())).unwrap();
    assert_eq!(store.head().next.0, 3);
}
