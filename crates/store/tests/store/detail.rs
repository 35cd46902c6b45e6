//! Detail beside the log: kept encrypted, committed to, and gone for good when its patient is erased.

use super::IS_A_FILE;
use super::ward::{SetClock, column, copy, heard, open, sql};
use events::{PatientPseudonym, Seq};
use std::fs;
use std::path::Path;
use store::{AppendError, Batch, DETAIL_BYTES_MAX, Detail, DetailError, DetailSort, Details, Kept, Store};
use zeroize::Zeroizing;

const JANE: PatientPseudonym = PatientPseudonym::from_bytes([1; 16]);
const OMAR: PatientPseudonym = PatientPseudonym::from_bytes([2; 16]);

fn detail(about: Option<PatientPseudonym>, text: &str) -> Detail {
    Detail { about, sort: DetailSort::Identity, text: Zeroizing::new(text.to_owned()) }
}

fn say(store: &Store, about: Option<PatientPseudonym>, text: &str) -> Seq {
    store.append_blocking(Batch::one(heard("a")).detail(0, detail(about, text))).unwrap()[0].seq
}

fn erase(store: &Store, patient: PatientPseudonym) -> Seq {
    let batch = Batch { erases: vec![patient], ..Batch::one(heard("erased")) };
    store.append_blocking(batch).unwrap()[0].seq
}

fn scrub(store: &Store) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(store.scrub()).unwrap();
}

/// Every byte of every file under a directory.
fn everything(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { bytes.extend(everything(&path)) } else { bytes.extend(fs::read(&path).unwrap()) }
    }
    bytes
}

fn holds(dir: &Path, needle: &[u8]) -> bool {
    everything(dir).windows(needle.len()).any(|window| window == needle)
}

fn wrapped_keys(dir: &Path) -> Vec<Vec<u8>> {
    let hex = if IS_A_FILE { "hex(wrapped)" } else { "encode(wrapped, 'hex')" };
    let keys = column(dir, &format!("SELECT {hex} FROM detail_key ORDER BY id"));
    let byte = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap();
    keys.iter().map(|key| key.as_bytes().chunks(2).map(byte).collect()).collect()
}

#[test]
fn detail_is_read_back_as_it_was_and_stands_nowhere_in_clear() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    let jane = say(&store, Some(JANE), "Doe, Jane");
    let nobody = say(&store, None, "the printer smokes");
    let none = store.append_blocking(Batch::one(heard("b"))).unwrap()[0].seq;
    assert_eq!(store.detail(jane).unwrap(), Kept::Here(detail(Some(JANE), "Doe, Jane")));
    assert_eq!(store.detail(nobody).unwrap(), Kept::Here(detail(None, "the printer smokes")));
    assert_eq!(store.detail(none).unwrap(), Kept::Nothing);
    assert!(matches!(store.detail(Seq(9)), Err(DetailError::NoEntry(Seq(9)))));
    let leaves = folded.leaves();
    assert!(leaves[0].draft.detail.is_some() && leaves[0].draft.detail != leaves[1].draft.detail);
    assert!(leaves[2].draft.detail.is_none());
    assert!(!holds(dir.path(), b"Jane") && !holds(dir.path(), b"printer"));
    drop(store);
    let (store, again) = open(dir.path(), SetClock::new().options());
    assert_eq!(again.leaves(), leaves, "what an entry commits to is read with it");
    let kept = Details { here: vec![(jane, detail(Some(JANE), "Doe, Jane"))], unreadable: 0 };
    assert_eq!(store.details_of(JANE, DetailSort::Identity, 9).unwrap(), kept);
    assert_eq!(store.details_of(JANE, DetailSort::Words, 9).unwrap(), Details::default());
}

#[test]
fn the_same_words_are_committed_to_differently_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    say(&store, Some(JANE), "yes");
    say(&store, Some(JANE), "yes");
    let leaves = folded.leaves();
    assert_ne!(leaves[0].draft.detail, leaves[1].draft.detail, "whoever guesses the words learns nothing");
}

#[test]
fn what_was_erased_is_gone_for_good_and_the_log_verifies_as_before() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), SetClock::new().options());
    for number in 0..300 {
        // Others before, between and after, so that pages split around it.
        let other = PatientPseudonym::from_bytes([number as u8 ^ 0x5a; 16]);
        say(&store, Some(if number == 150 { JANE } else { other }), "somebody");
    }
    let jane = say(&store, Some(JANE), "Doe, Jane");
    let omar = say(&store, Some(OMAR), "Khan, Omar");
    scrub(&store);
    let before = wrapped_keys(dir.path());
    let by = erase(&store, JANE);
    scrub(&store);
    assert_eq!(store.detail(jane).unwrap(), Kept::Erased { by });
    assert_eq!((store.erased(JANE).unwrap(), store.erased(OMAR).unwrap()), (Some(by), None));
    assert_eq!(store.detail(omar).unwrap(), Kept::Here(detail(Some(OMAR), "Khan, Omar")));
    let after = wrapped_keys(dir.path());
    let destroyed: Vec<&Vec<u8>> = before.iter().filter(|key| !after.contains(key)).collect();
    assert_eq!((destroyed.len(), before.len()), (1, after.len()), "one key, and no other");
    // What a server's dead rows and its own log keep, and for how long, is its administrator's to say.
    if IS_A_FILE {
        assert!(
            !holds(dir.path(), destroyed[0]),
            "neither in the file, nor in a free page of it, nor in the write-ahead log"
        );
        let kept = before.iter().find(|key| after.contains(key)).unwrap();
        assert!(holds(dir.path(), kept), "a key that is there is found");
    }
    store.seal_blocking().unwrap();
    store.verify().unwrap();

    let late = say(&store, Some(JANE), "Doe, Jane");
    assert_eq!(store.detail(late).unwrap(), Kept::Erased { by }, "what was on its way is not kept either");
    assert_eq!(wrapped_keys(dir.path()).len(), after.len(), "and makes no new key");
}

#[test]
fn erasing_whom_nothing_is_kept_about_keeps_it_so() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), SetClock::new().options());
    let by = erase(&store, JANE);
    let late = say(&store, Some(JANE), "Doe, Jane");
    assert_eq!(store.detail(late).unwrap(), Kept::Erased { by });
}

#[test]
fn an_erasure_that_was_committed_before_a_crash_is_complete_after_the_next_start() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, _) = open(dir.path(), SetClock::new().options());
    say(&store, Some(JANE), "Doe, Jane");
    scrub(&store);
    let key = wrapped_keys(dir.path()).remove(0);
    // Before the erasure's commit is in the file: as a crash right after the commit leaves it.
    erase(&store, JANE);
    self::copy(dir.path(), copy.path());
    let (again, _) = open(copy.path(), SetClock::new().options());
    assert!(matches!(again.detail(Seq(0)).unwrap(), Kept::Erased { by: Seq(1) }));
    assert!(!holds(copy.path(), &key));
}

#[test]
fn detail_that_was_altered_or_taken_away_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), SetClock::new().options());
    let (one, other) = (say(&store, Some(JANE), "Doe, Jane"), say(&store, Some(JANE), "Doe, Joan"));
    drop(store);
    // Another entry's detail, under the same patient's key.
    let mix = format!("UPDATE detail SET sealed = (SELECT sealed FROM detail WHERE seq = {other}) WHERE seq = {one}");
    sql(dir.path(), &format!("{mix}; DELETE FROM detail WHERE seq = {other}"));
    let (store, _) = open(dir.path(), SetClock::new().options());
    assert!(matches!(store.detail(one), Err(DetailError::Altered(seq)) if seq == one));
    assert!(matches!(store.detail(other), Err(DetailError::Missing(seq)) if seq == other));
    let rest = say(&store, Some(JANE), "Doe, Jane B");
    let kept = Details { here: vec![(rest, detail(Some(JANE), "Doe, Jane B"))], unreadable: 1 };
    assert_eq!(store.details_of(JANE, DetailSort::Identity, 9).unwrap(), kept, "what is damaged hides nothing else");
}

#[test]
fn detail_is_bounded_and_one_for_a_draft() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    let refused = |batch| assert!(matches!(store.append_blocking(batch), Err(AppendError::Detail)));
    refused(Batch::one(heard("a")).detail(0, detail(None, &"x".repeat(DETAIL_BYTES_MAX + 1))));
    refused(Batch::one(heard("a")).detail(1, detail(None, "x")));
    refused(Batch::one(heard("a")).detail(0, detail(None, "x")).detail(0, detail(None, "y")));
    assert_eq!(folded.len(), 0);
    say(&store, None, &"x".repeat(DETAIL_BYTES_MAX));
}
