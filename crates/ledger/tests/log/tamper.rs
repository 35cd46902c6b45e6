//! Whatever is altered, cut, removed, added or rewritten in a log is found, and the finding names the place.

use crate::sample::{Log, entry, key, log, plain};
use ledger::finding::{FINDINGS_MAX, Failure, Finding, Problem};
use ledger::rotation::KeyHistory;
use ledger::verify::{self, Held, Report, Retained, SignatureTrust};
use ledger::{Hash, Tree, VerifyingKey, leaf_hash, note, paths};
use proptest::prelude::*;

fn checked(log: &Log, note: &[u8], key: &VerifyingKey, retained: Option<&Log>) -> Result<Report, Failure> {
    let retained: Vec<Retained> =
        retained.iter().map(|log| Retained { name: "kept".into(), note: log.note.clone().into_bytes() }).collect();
    verify::log(log, note, &KeyHistory::of(key), &Held { retained: &retained, ..Held::default() })
}

/// The only finding, or the first of several.
fn first(log: &Log, retained: Option<&Log>) -> Finding {
    let failure = checked(log, log.note.as_bytes(), key(7).verifying_key(), retained);
    let mut findings = failure.expect_err("it was tampered with").into_findings();
    findings.swap_remove(0)
}

fn verifies(log: &Log, retained: Option<&Log>) -> bool {
    checked(log, log.note.as_bytes(), key(7).verifying_key(), retained).is_ok()
}

/// The log as `change` leaves the file at `path`.
fn with(log: &Log, path: &str, change: impl FnOnce(&mut Vec<u8>)) -> Log {
    let mut log = log.clone();
    change(log.files.get_mut(path).unwrap());
    log
}

/// Signs whatever root the entries have now, as a log's owner could.
fn resigned(mut log: Log, root: Hash) -> Log {
    log.root = root;
    log.note = note::sign(log.size, root, &key(7)).unwrap();
    log
}

#[test]
fn a_log_of_any_shape_verifies() {
    for size in [0, 1, 2, 255, 256, 257, 511, 512, 513, 1000, 65_536, 65_793] {
        let log = plain(size);
        let report = checked(&log, log.note.as_bytes(), key(7).verifying_key(), Some(&log)).unwrap();
        assert_eq!(report.checkpoint, log.checkpoint());
        assert_eq!((report.signature, report.retained), (SignatureTrust::HeldKey, vec![size]));
        assert_eq!(report.tiles + report.bundles, u64::try_from(log.files.len()).unwrap());
        assert_eq!(report.bytes, log.files.values().map(|bytes| u64::try_from(bytes.len()).unwrap()).sum::<u64>());
    }
}

#[test]
fn every_flipped_byte_of_every_file_is_found_where_it_is() {
    let whole = plain(300);
    for (path, bytes) in &whole.files {
        for at in 0..bytes.len() {
            let flipped = with(&whole, path, |bytes| bytes[at] ^= 1 << (at % 8));
            let finding = first(&flipped, None);
            assert_eq!(&finding.path, path, "byte {at}: {finding}");
            let named = finding.bytes.clone().expect("the bytes are known");
            assert!(named.contains(&at), "byte {at} of {path}: {finding}");
            let entries = finding.entries.clone().expect("the entries are known");
            assert!(!entries.is_empty() && entries.end <= 300, "{finding}");
        }
    }
}

#[test]
fn every_flipped_byte_of_the_checkpoint_is_found() {
    let whole = plain(3);
    for at in 0..whole.note.len() {
        for bit in 0..8 {
            let mut note = whole.note.clone().into_bytes();
            note[at] ^= 1 << bit;
            let failure = checked(&whole, &note, key(7).verifying_key(), None).expect_err("it was tampered with");
            assert_eq!(failure.findings()[0].path, paths::CHECKPOINT, "byte {at}, bit {bit}");
            assert!(matches!(failure.findings()[0].problem, Problem::Note(_)));
        }
    }
}

#[test]
fn an_altered_entry_is_named_with_its_number_and_bytes() {
    let whole = plain(1000);
    let finding = first(&with(&whole, "tile/entries/001", |bytes| bytes[5] = b'X'), None);
    assert_eq!((finding.bytes.clone(), finding.entries.clone()), (Some(0..13), Some(256..257)));
    assert!(matches!(finding.problem, Problem::EntryAltered { signed, .. } if signed == leaf_hash(&entry(256))));
    let text = finding.to_string();
    assert!(text.starts_with("tile/entries/001, bytes 0 to 12, entry 256: the entry was altered"), "{text}");
}

#[test]
fn an_altered_hash_is_named_with_the_entries_below_it() {
    let whole = plain(1000);
    let finding = first(&with(&whole, "tile/1/000.p/3", |bytes| bytes[33] ^= 1), None);
    assert_eq!(
        (finding.path.as_str(), finding.bytes, finding.entries),
        ("tile/1/000.p/3", Some(32..64), Some(256..512))
    );
    assert!(matches!(finding.problem, Problem::HashAltered { .. }));
}

#[test]
fn two_altered_places_are_both_named() {
    let whole = plain(1000);
    let altered = with(&whole, "tile/entries/002", |bytes| bytes[5] = b'X');
    let altered = with(&altered, "tile/1/000.p/3", |bytes| bytes[0] ^= 1);
    let failure = checked(&altered, altered.note.as_bytes(), key(7).verifying_key(), None).unwrap_err();
    let places: Vec<&str> = failure.findings().iter().map(|finding| finding.path.as_str()).collect();
    assert_eq!(places, ["tile/entries/002", "tile/1/000.p/3"]);
}

#[test]
fn an_entry_rewritten_with_its_hash_contradicts_the_tree_above() {
    let whole = plain(1000);
    let forged = b"{\"seq\":999}";
    let altered = with(&whole, "tile/entries/001", |bytes| bytes[2..13].copy_from_slice(forged));
    let altered = with(&altered, "tile/0/001", |bytes| bytes[..32].copy_from_slice(&leaf_hash(forged).0));
    let failure = checked(&altered, altered.note.as_bytes(), key(7).verifying_key(), None).unwrap_err();
    let [root, above] = failure.findings() else { panic!("{failure}") };
    assert!(matches!(root.problem, Problem::OtherRoot { signed, .. } if signed == whole.root));
    assert_eq!((above.path.as_str(), above.entries.clone()), ("tile/1/000.p/3", Some(256..512)));
    assert!(matches!(above.problem, Problem::Disagreement { .. }));
}

#[test]
fn a_rewritten_log_does_not_fit_the_signed_root() {
    let whole = plain(700);
    let mut entries: Vec<Vec<u8>> = (0..700).map(entry).collect();
    entries[300] = b"rewritten".to_vec();
    let mut rewritten = log(&entries);
    rewritten.note.clone_from(&whole.note);
    let finding = first(&rewritten, None);
    assert!(
        matches!(finding.problem, Problem::OtherRoot { signed, found } if signed == whole.root && found == rewritten.root)
    );
}

#[test]
fn files_removed_cut_or_lengthened_are_found() {
    let whole = plain(700);
    for (path, bytes) in &whole.files {
        let mut removed = whole.clone();
        removed.files.remove(path);
        let finding = first(&removed, None);
        assert_eq!((&finding.path, matches!(finding.problem, Problem::Unreadable(_))), (path, true));
        for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            let finding = first(&with(&whole, path, |bytes| bytes.truncate(cut)), None);
            assert_eq!(&finding.path, path, "cut to {cut}: {finding}");
            assert!(matches!(finding.problem, Problem::TileLength { .. } | Problem::Bundle(_)), "{finding}");
        }
        let finding = first(&with(&whole, path, |bytes| bytes.push(0)), None);
        assert_eq!(&finding.path, path, "{finding}");
    }
}

#[test]
fn a_checkpoint_of_another_size_than_the_log_is_found() {
    let whole = plain(700);
    for size in [1, 256, 699, 701, 768, 1 << 20, u64::MAX] {
        let mut other = whole.clone();
        other.size = size;
        other.note = note::sign(size, whole.root, &key(7)).unwrap();
        let failure = checked(&other, other.note.as_bytes(), key(7).verifying_key(), None).unwrap_err();
        assert!(failure.findings().len() <= FINDINGS_MAX);
    }
}

#[test]
fn many_altered_entries_are_counted_and_the_first_named() {
    let whole = plain(512);
    let altered = with(&whole, "tile/entries/001", |bytes| {
        for seq in bytes.chunks_mut(13) {
            seq[4] = b'X';
        }
    });
    let failure = checked(&altered, altered.note.as_bytes(), key(7).verifying_key(), None).unwrap_err();
    assert_eq!(failure.findings().len(), FINDINGS_MAX);
    assert_eq!(failure.more(), 256 - u64::try_from(FINDINGS_MAX).unwrap());
    assert!(failure.to_string().ends_with("and 224 more"));
}

#[test]
fn a_log_cut_short_contradicts_the_retained_checkpoint() {
    let finding = first(&plain(600), Some(&plain(700)));
    assert_eq!(finding.path, paths::CHECKPOINT);
    assert!(matches!(finding.problem, Problem::CutShort { size: 600, retained: 700 }));
}

#[test]
fn a_log_that_grew_begins_with_every_retained_checkpoint() {
    let grown = plain(700);
    for size in [0, 1, 255, 256, 257, 512, 699, 700] {
        assert!(verifies(&grown, Some(&plain(size))), "{size}");
    }
}

#[test]
fn a_fork_signed_by_the_same_key_contradicts_the_retained_checkpoint() {
    let mut entries: Vec<Vec<u8>> = (0..700).map(entry).collect();
    entries[300] = b"another past".to_vec();
    let fork = log(&entries);
    assert!(verifies(&fork, None), "the fork is sound by itself");
    assert!(verifies(&fork, Some(&plain(300))), "and the same up to the 300th entry");
    for size in [301, 512, 700] {
        let retained = plain(size);
        let finding = first(&fork, Some(&retained));
        assert_eq!(finding.path, paths::CHECKPOINT);
        assert!(matches!(finding.problem, Problem::Forked { size: at, .. } if at == size), "{finding}");
    }
}

#[test]
fn a_retained_checkpoint_of_another_log_is_refused() {
    let mut retained = plain(10);
    let elsewhere = ledger::Origin::parse("elsewhere.example").unwrap();
    let other = ledger::SigningKey::from_seed(elsewhere, &zeroize::Zeroizing::new([7; 32])).unwrap();
    retained.note = note::sign(retained.size, retained.root, &other).unwrap();
    let finding = first(&plain(10), Some(&retained));
    assert_eq!((finding.path.as_str(), matches!(finding.problem, Problem::Note(_))), ("kept", true));
}

#[test]
fn another_key_under_the_same_name_is_refused() {
    let log = plain(10);
    let failure = checked(&log, log.note.as_bytes(), key(8).verifying_key(), None).unwrap_err();
    assert!(matches!(failure.findings()[0].problem, Problem::Note(note::NoteError::Unsigned)));
}

#[test]
fn the_empty_log_has_only_the_empty_root() {
    assert!(!verifies(&resigned(plain(0), leaf_hash(b"")), None));
    assert!(!verifies(&resigned(plain(1), Hash::EMPTY), None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn entries_of_any_bytes_and_lengths_survive_and_any_flip_is_named(
        entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..600),
        file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), flip in 1u8..,
    ) {
        let whole = log(&entries);
        prop_assert!(verifies(&whole, None));
        let path = file.get(&whole.files.keys().collect::<Vec<_>>()).to_string();
        let at = at.index(whole.files[&path].len());
        let finding = first(&with(&whole, &path, |bytes| bytes[at] ^= flip), None);
        prop_assert_eq!(&finding.path, &path);
        prop_assert!(finding.bytes.clone().unwrap().contains(&at), "byte {} of {}: {}", at, path, finding);
    }

    #[test]
    fn a_tree_over_other_entries_never_has_the_same_root(size in 1u64..300, at in any::<prop::sample::Index>()) {
        let changed = u64::try_from(at.index(usize::try_from(size).unwrap())).unwrap();
        let (mut one, mut other) = (Tree::new(), Tree::new());
        for index in 0..size {
            one.append(leaf_hash(&index.to_be_bytes()));
            other.append(leaf_hash(&if index == changed { !index } else { index }.to_be_bytes()));
        }
        prop_assert_ne!(one.root(), other.root());
    }
}
