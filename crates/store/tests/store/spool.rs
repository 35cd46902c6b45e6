//! The spool: what the log could not take is folded into it once, in order, whatever happens in between.

use super::ward::{Remembered, START_MILLIS, SetClock, heard, open, text};
use events::{Event, Seq, Timestamp};
use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use store::{AppendError, Batch, Options, SPOOL_BYTES_MIN, Spool, SpoolError, Store};

const NOW: Timestamp = Timestamp::from_millis(START_MILLIS);

fn spool(dir: &Path, store: &Store) -> Spool {
    let (spool, damage) = Spool::open(&dir.join("spool"), SPOOL_BYTES_MIN, store).unwrap();
    assert_eq!(damage, None);
    spool
}

fn say(spool: &Spool, text: &str) -> Seq {
    let recorded = spool.append(heard(text), NOW).unwrap();
    assert!(recorded.in_spool() && !recorded.in_log());
    recorded.seq
}

fn fold(spool: &Spool, store: &Store) -> Result<u64, AppendError> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(spool.fold_into(store))
}

fn texts(folded: &Remembered) -> Vec<String> {
    folded.leaves().iter().map(|leaf| text(leaf)).collect()
}

#[test]
fn what_was_spooled_comes_into_the_log_once_in_order_and_says_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    let spool = spool(dir.path(), &store);
    assert_eq!((say(&spool, "a"), say(&spool, "b"), spool.waiting()), (Seq(0), Seq(1), 2));
    assert_eq!(fold(&spool, &store).unwrap(), 2);
    assert_eq!((texts(&folded), spool.waiting()), (vec!["a".to_owned(), "b".to_owned()], 0));
    let leaves = folded.leaves();
    let spooled = leaves[1].draft.spooled.as_ref().unwrap();
    assert_eq!((spooled.origin.as_str(), spooled.index), ("test.example/log/spool", 1));
    assert_eq!(leaves[1].draft.occurred_at, Some(NOW));
    assert_ne!(Some(spooled), leaves[0].draft.spooled.as_ref());
    assert_eq!(fold(&spool, &store).unwrap(), 0);
    // From the beginning of the file again, with numbers that go on.
    assert_eq!(say(&spool, "c"), Seq(2));
    assert_eq!(fold(&spool, &store).unwrap(), 1);
    assert_eq!(texts(&folded).len(), 3);
    store.seal_blocking().unwrap();
    store.verify().unwrap();
}

#[test]
fn a_kill_anywhere_between_spool_and_log_loses_nothing_and_doubles_nothing() {
    for folded_before in 0..=3 {
        let dir = tempfile::tempdir().unwrap();
        let (store, folded) = open(dir.path(), SetClock::new().options());
        let first = spool(dir.path(), &store);
        for text in ["a", "b", "c"] {
            say(&first, text);
        }
        let before = fs::read(dir.path().join("spool/records")).unwrap();
        fold(&first, &store).unwrap();
        drop((first, store));
        // As a kill leaves it after so many of them were folded: the file as it was, the log with the first few.
        let cut = folded.leaves()[..folded_before].to_vec();
        let other = tempfile::tempdir().unwrap();
        fs::create_dir(other.path().join("spool")).unwrap();
        fs::set_permissions(other.path().join("spool"), PermissionsExt::from_mode(0o700)).unwrap();
        fs::copy(dir.path().join("spool/key"), other.path().join("spool/key")).unwrap();
        fs::write(other.path().join("spool/records"), &before).unwrap();
        let (store, again) = open(other.path(), SetClock::new().options());
        for (index, leaf) in (0..).zip(&cut) {
            store.append_blocking(Batch::one(leaf.draft.clone()).expect("spool", index)).unwrap();
        }
        let second = spool(other.path(), &store);
        assert_eq!(fold(&second, &store).unwrap(), 3 - folded_before as u64);
        assert_eq!(texts(&again), ["a", "b", "c"]);
        assert_eq!(say(&second, "d"), Seq(3));
    }
}

#[test]
fn a_full_disk_does_not_keep_anything_from_the_spool_and_a_full_spool_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let limited = Options { size_bytes_max: Some(512 * 1024), ..SetClock::new().options() };
    let (store, _) = open(dir.path(), limited);
    let spool = spool(dir.path(), &store);
    let size = fs::metadata(dir.path().join("spool/records")).unwrap().len();
    while store.append_blocking(Batch::of(vec![heard(&"x".repeat(8000)); 4])).is_ok() {}
    let mut spooled = 0;
    let full = loop {
        match spool.append(heard(&"y".repeat(8000)), NOW) {
            Ok(_) => spooled += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, SpoolError::Full) && spooled > 3, "{full:?} after {spooled}");
    assert_eq!(fs::metadata(dir.path().join("spool/records")).unwrap().len(), size, "it never grows");
    assert!(matches!(fold(&spool, &store), Err(AppendError::Full)));
    store.limit_size(None).unwrap();
    let waiting = spool.waiting() as u64;
    assert_eq!(fold(&spool, &store).unwrap(), waiting);
    say(&spool, "there is room again");
}

#[test]
fn a_record_that_was_changed_is_found_and_kept_and_those_before_and_behind_it_are_folded() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    let first = spool(dir.path(), &store);
    for text in ["one", "two", "three"] {
        say(&first, text);
    }
    drop(first);
    let path = dir.path().join("spool/records");
    let bytes = fs::read(&path).unwrap();
    let place = bytes.windows(5).position(|window| window == b"\"two\"").unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().write_all_at(b"\"tow\"", place as u64).unwrap();
    let (spool, damage) = Spool::open(&dir.path().join("spool"), SPOOL_BYTES_MIN, &store).unwrap();
    let damage = damage.unwrap();
    assert_eq!((damage.index, damage.lost, damage.behind, damage.aside.exists()), (1, 1, 1, true));
    assert!(damage.to_string().contains("record 1 of the spool does not verify"));
    assert_eq!(fold(&spool, &store).unwrap(), 3);
    assert_eq!(told(&folded), ["one", "lost 1", "three"]);
    drop(spool);
    let (spool, damage) = Spool::open(&dir.path().join("spool"), SPOOL_BYTES_MIN, &store).unwrap();
    assert_eq!(damage, None, "said once");
    assert_eq!(say(&spool, "four"), Seq(3));
    assert_eq!(fold(&spool, &store).unwrap(), 1);
}

/// What the log says, a lost record by its index.
fn told(folded: &Remembered) -> Vec<String> {
    let of = |leaf: &events::Leaf| match &leaf.draft.event {
        Event::SpoolRecordLost(lost) => format!("lost {}", lost.index),
        _ => text(leaf),
    };
    folded.leaves().iter().map(|leaf| of(leaf)).collect()
}

/// Where each record begins.
fn heads(bytes: &[u8]) -> Vec<usize> {
    (0..bytes.len()).filter(|at| bytes[*at..].starts_with(b"HRs1")).collect()
}

#[test]
fn damage_at_a_records_head_is_found_whatever_it_is_and_takes_nothing_readable_along() {
    // What is done to the head of the second of four records, and what then comes into the log.
    let zeros = [0_u8; 48];
    let cases: [(&str, &[u8], usize, &[&str]); 5] = [
        ("magic", b"XXXX", 0, &["a", "lost 1", "lost 2", "d"]),
        ("index", &[0xff; 8], 4, &["a", "lost 1", "c", "d"]),
        ("a lower index", &[0; 8], 4, &["a", "lost 1", "c", "d"]),
        ("length", &[0xff; 4], 12, &["a", "lost 1", "c", "d"]),
        ("all of it", &zeros, 0, &["a", "lost 1", "lost 2", "d"]),
    ];
    for (what, bytes, offset, expected) in cases {
        let dir = tempfile::tempdir().unwrap();
        let (store, folded) = open(dir.path(), SetClock::new().options());
        let first = spool(dir.path(), &store);
        for text in ["a", "b", "c", "d"] {
            say(&first, text);
        }
        drop(first);
        let path = dir.path().join("spool/records");
        let second = heads(&fs::read(&path).unwrap())[1];
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(bytes, (second + offset) as u64).unwrap();
        let (again, damage) = Spool::open(&dir.path().join("spool"), SPOOL_BYTES_MIN, &store).unwrap();
        assert_eq!(damage.map(|damage| damage.index), Some(1), "{what}");
        assert_eq!(fold(&again, &store).unwrap(), 4, "{what}");
        assert_eq!(told(&folded), expected, "{what}");
        assert_eq!(say(&again, "e"), Seq(4), "{what}");
        drop(again);
        assert_eq!(spool(dir.path(), &store).waiting(), 1, "{what}: said once");
    }
}

#[test]
fn what_an_earlier_use_of_the_file_left_is_no_damage_and_no_damaged_file_is_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    let first = spool(dir.path(), &store);
    for text in ["a long first record, and", "another", "and a third"] {
        say(&first, text);
    }
    fold(&first, &store).unwrap();
    say(&first, "x");
    drop(first);
    let second = spool(dir.path(), &store);
    assert_eq!((second.waiting(), fold(&second, &store).unwrap()), (1, 1));
    drop(second);
    // Twice the same record is damaged: two files are kept.
    let path = dir.path().join("spool/records");
    let mut kept = Vec::new();
    for damaged in [b"one", b"two"] {
        fs::write(&path, [&damaged[..], &[0; 65_533]].concat()).unwrap();
        let (spool, damage) = Spool::open(&dir.path().join("spool"), SPOOL_BYTES_MIN, &store).unwrap();
        let damage = damage.unwrap();
        assert_eq!((damage.index, spool.waiting()), (4, 1));
        assert!(fs::read(&damage.aside).unwrap().starts_with(damaged));
        kept.push(damage.aside);
    }
    assert!(kept[0] != kept[1] && fs::read(&kept[0]).unwrap().starts_with(b"one"));
    assert_eq!(told(&folded).len(), 4);
}

#[test]
fn text_that_begins_like_a_record_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    drop(spool(dir.path(), &store));
    let path = dir.path().join("spool/records");
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(br#"{"pseudonym":"HRs1AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIIIJJJJKKKKLLLL"}"#, 5_000).unwrap();
    let (spool, damage) = Spool::open(&dir.path().join("spool"), SPOOL_BYTES_MIN, &store).unwrap();
    assert_eq!((damage, spool.waiting()), (None, 0));
    assert!(folded.leaves().is_empty());
}

#[test]
fn a_record_that_is_folded_already_and_damaged_takes_none_along() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    let first = spool(dir.path(), &store);
    for text in ["a", "b"] {
        say(&first, text);
    }
    drop(first);
    let path = dir.path().join("spool/records");
    let before = fs::read(&path).unwrap();
    // The first one is folded, and the node is killed right after.
    let one = spool(dir.path(), &store);
    assert_eq!(fold(&one, &store).unwrap(), 2);
    drop(one);
    let cut = folded.leaves()[..1].to_vec();
    let other = tempfile::tempdir().unwrap();
    fs::create_dir(other.path().join("spool")).unwrap();
    fs::set_permissions(other.path().join("spool"), PermissionsExt::from_mode(0o700)).unwrap();
    fs::copy(dir.path().join("spool/key"), other.path().join("spool/key")).unwrap();
    let mut damaged = before;
    let place = damaged.windows(3).position(|window| window == b"\"a\"").unwrap();
    damaged[place + 1] = b'z';
    fs::write(other.path().join("spool/records"), &damaged).unwrap();
    let (store, again) = open(other.path(), SetClock::new().options());
    store.append_blocking(Batch::one(cut[0].draft.clone()).expect("spool", 0)).unwrap();
    let (spool, damage) = Spool::open(&other.path().join("spool"), SPOOL_BYTES_MIN, &store).unwrap();
    assert_eq!(damage.map(|damage| damage.lost), Some(0));
    assert_eq!(fold(&spool, &store).unwrap(), 1);
    assert_eq!(told(&again), ["a", "b"]);
}

#[test]
fn a_spool_that_cannot_be_folded_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), SetClock::new().options());
    let spool = spool(dir.path(), &store);
    say(&spool, "a");
    assert_eq!(spool.trouble(), None);
    // Somebody else counts on the stream.
    store.append_blocking(Batch::one(heard("b")).expect("spool", 0)).unwrap();
    store.append_blocking(Batch::one(heard("c"))).unwrap();
    assert_eq!(fold(&spool, &store).unwrap(), 1, "taken for folded");
    store.limit_size(Some(1)).unwrap();
    say(&spool, "d");
    let mut error = fold(&spool, &store);
    for _ in 0..200 {
        if error.is_err() {
            break;
        }
        say(&spool, &"d".repeat(4_000));
        error = fold(&spool, &store);
    }
    assert!(matches!(error, Err(AppendError::Full)));
    assert!(spool.trouble().unwrap().contains("the store is full"), "{:?}", spool.trouble());
    store.limit_size(None).unwrap();
    fold(&spool, &store).unwrap();
    assert_eq!((spool.trouble(), spool.waiting()), (None, 0));
}

#[test]
fn records_of_another_store_and_an_exposed_key_are_not_taken() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, _) = open(dir.path(), SetClock::new().options());
    let elsewhere = Options { origin: "other.example/log".into(), ..SetClock::new().options() };
    let (stranger, folded) = open(other.path(), elsewhere);
    say(&spool(dir.path(), &store), "a");
    let (taken, damage) = Spool::open(&dir.path().join("spool"), SPOOL_BYTES_MIN, &stranger).unwrap();
    assert_eq!(
        (damage.unwrap().index, taken.waiting(), folded.len()),
        (0, 1, 0),
        "of which the log will say one is lost"
    );
    fs::set_permissions(dir.path().join("spool/key"), PermissionsExt::from_mode(0o644)).unwrap();
    let exposed = Spool::open(&dir.path().join("spool"), SPOOL_BYTES_MIN, &store);
    assert!(matches!(exposed, Err(SpoolError::Key(_))));
    assert!(matches!(Spool::open(dir.path(), 1, &store), Err(SpoolError::Size(1))));
}
