//! A log written to a directory and verified there, by us and by a plain reader of the specification.

use crate::sample::{Log, entry, key, plain};
use ledger::directory::Directory;
use ledger::finding::{Failure, Problem};
use ledger::verify::{self, Held, Report, Retained, SignatureTrust};
use ledger::{Hash, VerifyingKey, bundle, export, note, paths, proof};
use std::fs;
use std::path::Path;

fn exported(log: &Log) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    export::write(dir.path(), log, &log.note, key(7).verifying_key(), &[]).unwrap();
    dir
}

/// Verified with this key and retained checkpoint.
fn checked(dir: &Path, key: Option<&VerifyingKey>, retained: Option<&Log>) -> Result<Report, Failure> {
    let retained: Vec<Retained> =
        retained.iter().map(|log| Retained { name: "kept".into(), note: log.note.clone().into_bytes() }).collect();
    verify::directory(dir, &Held { key, retained: &retained, ..Held::default() })
}

fn problem(dir: &Path, key: Option<&VerifyingKey>, retained: Option<&Log>) -> (String, Problem) {
    let failure = checked(dir, key, retained).expect_err("it was tampered with");
    let first = failure.into_findings().swap_remove(0);
    (first.path, first.problem)
}

#[test]
fn an_export_verifies_with_the_key_held_and_says_so() {
    let log = plain(1000);
    let dir = exported(&log);
    let report = checked(dir.path(), Some(key(7).verifying_key()), Some(&plain(300))).unwrap();
    assert_eq!(report.signature, SignatureTrust::HeldKey);
    assert_eq!((report.checkpoint, report.retained), (log.checkpoint(), vec![300]));
    assert_eq!((report.bundles, report.tiles), (4, 5));
}

#[test]
fn an_export_verified_with_its_own_key_says_that_this_shows_less() {
    let dir = exported(&plain(10));
    let report = checked(dir.path(), None, None).unwrap();
    assert_eq!(report.signature, SignatureTrust::DirectoryKey);
    assert!(report.signature.to_string().contains("does not show who made it"));
}

#[test]
fn an_export_is_what_it_says_in_its_readme() {
    let dir = exported(&plain(257));
    let readme = fs::read_to_string(dir.path().join("README")).unwrap();
    assert!(readme.contains("ledger.st-elsewhere.example/2026") && readme.contains("with 257 entries"));
    assert!(!readme.contains('{'), "every placeholder is filled");
    for path in ["checkpoint", "log.vkey", "tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1", "tile/entries/001.p/1"] {
        assert!(dir.path().join(path).is_file(), "{path}");
    }
    let bytes = fs::read(dir.path().join("tile/entries/001.p/1")).unwrap();
    assert_eq!(bundle::decode(&bytes, 1).unwrap()[0].bytes, entry(256));
}

#[test]
fn an_empty_log_can_be_exported() {
    let dir = exported(&plain(0));
    assert_eq!(checked(dir.path(), None, None).unwrap().checkpoint.root, Hash::EMPTY);
}

#[test]
fn proofs_can_be_made_from_a_directory() {
    let log = plain(700);
    let dir = exported(&log);
    let source = Directory::at(dir.path());
    assert_eq!(proof::inclusion(&source, 300, 700).unwrap(), proof::inclusion(&log, 300, 700).unwrap());
    assert_eq!(proof::consistency(&source, 300, 700).unwrap(), proof::consistency(&log, 300, 700).unwrap());
}

#[test]
fn an_export_never_writes_over_anything() {
    let log = plain(10);
    let dir = exported(&log);
    let again = export::write(dir.path(), &log, &log.note, key(7).verifying_key(), &[]);
    assert!(matches!(again, Err(export::ExportError::NotEmpty { .. })));
}

#[test]
fn a_checkpoint_by_another_key_is_not_exported() {
    let log = plain(10);
    let dir = tempfile::tempdir().unwrap();
    let refused = export::write(dir.path(), &log, &log.note, key(8).verifying_key(), &[]);
    assert!(matches!(refused, Err(export::ExportError::Checkpoint(note::NoteError::Unsigned))));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn an_export_that_was_interrupted_has_no_checkpoint() {
    let mut log = plain(700);
    log.files.remove("tile/0/001");
    let dir = tempfile::tempdir().unwrap();
    assert!(export::write(dir.path(), &log, &log.note, key(7).verifying_key(), &[]).is_err());
    let (path, problem) = problem(dir.path(), Some(key(7).verifying_key()), None);
    assert_eq!((path.as_str(), matches!(problem, Problem::Unreadable(_))), (paths::CHECKPOINT, true));
}

#[test]
fn every_flipped_byte_of_the_key_beside_the_log_is_found() {
    let dir = exported(&plain(3));
    let path = dir.path().join(paths::VERIFYING_KEY);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 7);
        fs::write(&path, flipped).unwrap();
        for held in [None, Some(key(7).verifying_key())] {
            let (named, _) = problem(dir.path(), held, None);
            assert_eq!(named, paths::VERIFYING_KEY, "byte {at}");
        }
    }
}

#[test]
fn a_directory_forged_whole_verifies_only_without_a_held_key() {
    let mut forged = plain(10);
    forged.note = note::sign(forged.size, forged.root, &key(66)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    export::write(dir.path(), &forged, &forged.note, key(66).verifying_key(), &[]).unwrap();
    assert_eq!(checked(dir.path(), None, None).unwrap().signature, SignatureTrust::DirectoryKey);
    let (path, problem) = problem(dir.path(), Some(key(7).verifying_key()), None);
    assert!(path == paths::VERIFYING_KEY && matches!(problem, Problem::OtherKey));
}

#[test]
fn a_held_key_needs_no_key_beside_the_log() {
    let dir = exported(&plain(10));
    fs::remove_file(dir.path().join(paths::VERIFYING_KEY)).unwrap();
    assert!(checked(dir.path(), Some(key(7).verifying_key()), None).is_ok());
    let (path, _) = problem(dir.path(), None, None);
    assert_eq!(path, paths::VERIFYING_KEY);
}

#[test]
fn tampering_with_files_is_found_in_the_directory() {
    let log = plain(700);
    for path in log.files.keys() {
        let dir = exported(&log);
        let file = dir.path().join(path);
        let mut bytes = fs::read(&file).unwrap();
        bytes[7] ^= 0x20;
        fs::write(&file, &bytes).unwrap();
        assert_eq!(&problem(dir.path(), None, None).0, path);
        fs::remove_file(&file).unwrap();
        assert_eq!(&problem(dir.path(), None, None).0, path);
        fs::create_dir(&file).unwrap();
        assert_eq!(&problem(dir.path(), None, None).0, path);
    }
}

#[test]
fn a_directory_cut_back_to_an_older_checkpoint_contradicts_the_retained_one() {
    let dir = exported(&plain(300));
    let (path, problem) = problem(dir.path(), Some(key(7).verifying_key()), Some(&plain(301)));
    assert!(path == paths::CHECKPOINT && matches!(problem, Problem::CutShort { .. }));
}

#[test]
fn files_the_checkpoint_does_not_cover_are_reported() {
    let dir = exported(&plain(300));
    for (path, bytes) in [("tile/entries/009", b"smuggled".as_slice()), ("tile/0/001.p/3", b""), ("note.txt", b"")] {
        fs::write(dir.path().join(path), bytes).unwrap_or_else(|_| panic!("{path}"));
    }
    let failure = checked(dir.path(), None, None).unwrap_err();
    assert!(failure.findings().iter().all(|finding| matches!(finding.problem, Problem::Surplus)), "{failure}");
    assert_eq!(places(&failure), ["note.txt", "tile/0/001.p/3", "tile/entries/009"]);
}

#[test]
fn in_a_log_that_grew_an_older_checkpoint_leaves_only_what_it_does_not_cover() {
    let (older, grown) = (plain(300), plain(512));
    let dir = exported(&grown);
    fs::write(dir.path().join("checkpoint"), &older.note).unwrap();
    fs::write(dir.path().join("tile/1/000.p/1"), &older.files["tile/1/000.p/1"]).unwrap();
    let failure = checked(dir.path(), Some(key(7).verifying_key()), None).unwrap_err();
    assert!(failure.findings().iter().all(|finding| matches!(finding.problem, Problem::Surplus)), "{failure}");
    assert_eq!(
        places(&failure),
        ["tile/0/001", "tile/1/000.p/2", "tile/entries/001"],
        "the log is whole, but none of these is vouched for whole"
    );
}

fn places(failure: &Failure) -> Vec<&str> {
    failure.findings().iter().map(|finding| finding.path.as_str()).collect()
}

#[cfg(unix)]
#[test]
fn links_and_endless_files_are_refused() {
    let dir = exported(&plain(10));
    let path = dir.path().join("tile/entries/000.p/10");
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
    let (named, refused) = problem(dir.path(), None, None);
    assert!(named == "tile/entries/000.p/10" && matches!(refused, Problem::Unreadable(_)));
    fs::remove_file(&path).unwrap();
    // Sparse: takes no room, and is never read beyond the bound.
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let (named, refused) = problem(dir.path(), None, None);
    assert!(named == "tile/entries/000.p/10" && matches!(refused, Problem::Unreadable(_)));
}

#[test]
fn a_directory_that_is_not_there_is_said_to_be_missing() {
    let dir = tempfile::tempdir().unwrap();
    let failure = checked(&dir.path().join("nowhere"), None, None).unwrap_err();
    assert!(failure.to_string().contains("`checkpoint` is missing"), "{failure}");
}
