//! `ledger`: shown, proven, exported, verified, and tampered with.

use crate::desk::Desk;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A desk whose ledger has a few entries.
fn desk() -> Desk {
    let desk = Desk::with_store();
    desk.run(&["decide", "--action", "read_chart", "--on", "MRN-4711", "--as", "nora"]).ended(3);
    desk.run(&["caller", "revoke", "ehr"]).ended(0);
    desk
}

#[test]
fn entries_are_shown_as_they_were_written() {
    let desk = desk();
    let said = desk.run(&["ledger", "show"]).ended(0);
    let entries: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries[0]["kind"], "charter.applied");
    assert_eq!(entries[2]["kind"], "decision.made");
    assert!((0..).zip(&entries).all(|(seq, entry): (u64, _)| entry["seq"] == seq));
    assert!(!said.out.contains("MRN-"), "a record number is nobody's business: {}", said.out);
    let one = desk.run(&["ledger", "show", "1", "--count", "1"]).ended(0);
    assert_eq!(one.out.lines().count(), 1);
    // Reading is recorded.
    let later = desk.run(&["ledger", "show", "0", "--count", "100"]).ended(0);
    later.says(&["\"kind\":\"ledger.read\""]);
}

#[test]
fn an_entry_is_proven_to_somebody_with_another_implementation() {
    let desk = desk();
    let proof = desk.run(&["ledger", "prove", "2"]).ended(0).json();
    let leaf = proof["leaf"].as_str().unwrap();
    assert!(leaf.contains("decision.made"));
    let checkpoint = proof["checkpoint"].as_str().unwrap();
    let mut lines = checkpoint.lines();
    assert_eq!(lines.next(), Some("handrail.harbour-general.example/ledger"));
    let size: u64 = lines.next().unwrap().parse().unwrap();
    assert_eq!(size, proof["tree_size"].as_u64().unwrap());
    let hash = |text: &Value| hash_of(text.as_str().unwrap());
    let path: tlog_tiles::RecordProof = proof["proof"].as_array().unwrap().iter().map(hash).collect();
    let root = hash_of(lines.next().unwrap());
    tlog_tiles::check_record(&path, size, root, 2, tlog_tiles::record_hash(leaf.as_bytes())).unwrap();
    desk.run(&["ledger", "prove", "99999"]).ended(1).notes(&["there is no entry 99999"]);
}

fn hash_of(base64: &str) -> tlog_tiles::Hash {
    tlog_tiles::Hash::parse_hash(base64).unwrap()
}

#[test]
fn a_key_is_not_changed_when_its_record_has_nowhere_to_go() {
    let desk = desk();
    let before = desk.run(&["ledger", "keys"]).ended(0).out;
    std::fs::write(desk.path("record"), "somebody's").unwrap();
    desk.run(&["ledger", "rotate-key", "--out", "record"]).ended(1).notes(&["cannot be written"]);
    assert_eq!(desk.run(&["ledger", "keys"]).ended(0).out, before);
    assert_eq!(std::fs::read_to_string(desk.path("record")).unwrap(), "somebody's");
}

#[test]
fn what_is_exported_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = desk();
    desk.run(&["ledger", "export", "copy"]).ended(0);
    desk.run(&["ledger", "export", "events.ndjson", "--format", "fhir"]).ended(0);
    desk.run(&["ledger", "prove", "1", "--out", "receipt", "--entry-out", "entry"]).ended(0);
    for file in ["copy", "copy/tile", "copy/checkpoint", "events.ndjson", "receipt", "entry"] {
        let mode = std::fs::metadata(desk.path(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{file}: {mode:o}");
    }
}

#[test]
fn an_export_verifies_elsewhere_with_the_key_held_before() {
    let desk = desk();
    desk.run(&["ledger", "verify"]).ended(0).says(&["verified:"]);
    let said = desk.run(&["ledger", "export", "copy"]).ended(0).says(&["entries in"]);
    let said = said.notes(&["handrail-verify copy --key"]);
    drop(said);
    let key = std::fs::read_to_string(desk.path("copy/log.vkey")).unwrap();
    let elsewhere = desk.path("copy");
    let other = Desk::new();
    let verify = ["ledger", "verify", elsewhere.to_str().unwrap(), "--key", key.trim()];
    other.run(&verify).ended(0).says(&["verified:"]);
    other.run(&["ledger", "verify", elsewhere.to_str().unwrap()]).ended(0).says(&["verified:"]);

    // Grown and exported again, it still begins with what was known.
    std::fs::copy(desk.path("copy/checkpoint"), desk.path("retained")).unwrap();
    desk.run(&["decide", "--action", "read_chart", "--on", "MRN-1", "--as", "nora"]).ended(3);
    desk.run(&["ledger", "export", "later"]).ended(0);
    let known = ["ledger", "verify", "later", "--key", key.trim(), "--retained", "retained"];
    desk.run(&known).ended(0).says(&["begins with the"]);
    // A checkpoint of the future is not what an older copy begins with.
    std::fs::copy(desk.path("later/checkpoint"), desk.path("retained")).unwrap();
    desk.run(&["ledger", "verify", "copy", "--key", key.trim(), "--retained", "retained"]).ended(4);
    desk.run(&["ledger", "export", "copy"]).ended(1).notes(&["copy"]);
}

fn first_bundle(dir: &Path) -> PathBuf {
    let mut found = Vec::new();
    let mut folders = vec![dir.join("tile/entries")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() { folders.push(entry) } else { found.push(entry) }
        }
    }
    found.into_iter().next().unwrap()
}

#[test]
fn a_changed_export_names_the_place_and_exits_4() {
    let desk = desk();
    desk.run(&["ledger", "export", "copy"]).ended(0);
    let bundle = first_bundle(&desk.path("copy"));
    let mut bytes = std::fs::read(&bundle).unwrap();
    let at = bytes.windows(4).position(|window| window == b"deny").unwrap();
    bytes[at..at + 4].copy_from_slice(b"perm");
    std::fs::write(&bundle, bytes).unwrap();
    let said =
        desk.run(&["ledger", "verify", "copy"]).ended(4).says(&["tile/entries", "2"]).notes(&["does not verify"]);
    drop(said);
    let answer = desk.run(&["ledger", "verify", "copy", "--json"]).ended(4).json();
    assert_eq!(answer["verified"], false);
}

#[test]
fn a_key_of_another_log_does_not_verify() {
    let (desk, other) = (desk(), desk());
    desk.run(&["ledger", "export", "copy"]).ended(0);
    other.run(&["ledger", "export", "copy"]).ended(0);
    let key = other.path("copy/log.vkey");
    desk.run(&["ledger", "verify", "copy", "--key", key.to_str().unwrap()]).ended(4);
    desk.run(&["ledger", "verify", "copy", "--key", "rubbish"]).ended(1);
    desk.run(&["ledger", "verify", "copy", "--retained", "copy/checkpoint"]).ended(1).notes(&["--key"]);
}

#[test]
fn a_store_that_somebody_wrote_into_is_found_out() {
    let desk = desk();
    let file = desk.data().join("log.sqlite");
    let mut bytes = std::fs::read(&file).unwrap();
    let needle = b"\"effect\":\"deny\"";
    // The database may hold older copies of a page: change them all.
    let places: Vec<usize> = (0..bytes.len() - needle.len()).filter(|at| bytes[*at..].starts_with(needle)).collect();
    assert!(!places.is_empty(), "the entry is in the file");
    for at in places {
        bytes[at + needle.len() - 5..at + needle.len() - 1].copy_from_slice(b"deNy");
    }
    std::fs::write(&file, bytes).unwrap();
    desk.run(&["ledger", "verify"]).ended(4).notes(&["entry 2 is not what was sealed"]);
    desk.run(&["doctor"]).ended(4).says(&["FAIL  ", "entry 2 is not what was sealed"]);
}
