//! The whole question as an auditor puts it: a directory, a receipt or a proof of growth, with the key, checkpoints and witnesses they hold.

use crate::sample::{Log, entry, key, log, plain};
use ledger::audit::{Audit, AuditError, Verdict};
use ledger::growth::Growth;
use ledger::receipt::Receipt;
use ledger::rotation::ROTATION_KIND;
use ledger::{CosigningKey, Origin, SigningKey, cosignature, export, note, proof};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use zeroize::Zeroizing;

pub(crate) fn witness(seed: u8) -> CosigningKey {
    let name = Origin::parse(&format!("witness{seed}.example")).unwrap();
    CosigningKey::from_seed(name, &Zeroizing::new([seed; 32])).unwrap()
}

/// The log's note, cosigned.
fn cosigned(log: &Log, by: &[&CosigningKey]) -> String {
    let origin = key(7).origin().clone();
    let lines = by.iter().map(|key| cosignature::cosign(&origin, log.size, log.root, 1_800_000_000, key).unwrap());
    log.note.clone() + &lines.collect::<String>()
}

fn rotated(from: &SigningKey, to: &SigningKey) -> Vec<u8> {
    let (from, to) = (from.verifying_key(), to.verifying_key());
    format!("{{\"v\":1,\"kind\":\"{ROTATION_KIND}\",\"body\":{{\"from\":\"{from}\",\"to\":\"{to}\"}}}}").into_bytes()
}

/// A log of 300 entries whose key was changed at entry 270, its record, and the checkpoint of the first 200 by the old key.
fn with_rotation() -> (Log, String, Log) {
    let (old, new) = (key(7), key(8));
    let mut entries: Vec<Vec<u8>> = (0..300).map(entry).collect();
    entries[270] = rotated(&old, &new);
    let at = log(&entries[..280]);
    let both = note::sign_by_all(280, at.root, &[&old, &new]).unwrap();
    let path = proof::inclusion(&at, 270, 280).unwrap();
    let record = Receipt { extra: Some(entries[270].clone()), index: 270, path, note: both }.to_string();
    let mut whole = log(&entries);
    whole.note = note::sign(whole.size, whole.root, &new).unwrap();
    (whole, record, log(&entries[..200]))
}

/// An export with a rotation in its past and two witnesses' cosignatures, a checkpoint kept from before, and the question.
fn kept() -> (tempfile::TempDir, Audit) {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, record, before) = with_rotation();
    log.note = cosigned(&log, &[&witness(1), &witness(2)]);
    let out = dir.path().join("export");
    export::write(&out, &log, &log.note, key(8).verifying_key(), &[record]).unwrap();
    fs::write(dir.path().join("kept"), &before.note).unwrap();
    let audit = Audit {
        dir: Some(out),
        key: Some(key(7).verifying_key().to_string()),
        retained: vec![dir.path().join("kept")],
        witnesses: vec![witness(1).witness_key().to_string(), witness(2).witness_key().to_string()],
        ..Audit::default()
    };
    (dir, audit)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
            if file.is_dir() { folders.push(file) } else { found.push(file) }
        }
    }
    found.sort();
    found
}

fn finds(audit: &Audit, what: &str) -> Verdict {
    let verdict = audit.run().unwrap();
    assert!(!verdict.verified && verdict.text.contains(what), "{what}: {}", verdict.text);
    verdict
}

#[test]
fn whoever_holds_the_old_or_the_new_key_verifies_an_export_and_last_years_checkpoint() {
    let (_dir, audit) = kept();
    let verdict = audit.run().unwrap();
    assert!(verdict.verified, "{}", verdict.text);
    assert!(verdict.text.contains("begins with the 200 entries") && verdict.text.contains("replaced 1 time"));
    assert!(verdict.text.contains("cosigned by witness1.example, witness2.example"), "{}", verdict.text);
    let newer = Audit { key: Some(key(8).verifying_key().to_string()), ..audit.clone() };
    assert!(newer.run().unwrap().verified);
    let stranger = Audit { key: Some(key(9).verifying_key().to_string()), ..audit };
    finds(&stranger, "none of the log's keys");
}

#[test]
fn a_flipped_byte_of_any_file_is_a_finding_that_names_the_file() {
    let (_dir, audit) = kept();
    let root = audit.dir.clone().unwrap();
    for file in files(&root) {
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        if name == "README" {
            continue;
        }
        let whole = fs::read(&file).unwrap();
        // Every byte of what is small, every third of what is large: that meets every position of a hash and of an entry.
        let step = if whole.len() > 2_000 { 3 } else { 1 };
        for at in (0..whole.len()).step_by(step) {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(&file, &flipped).unwrap();
            let verdict = audit.run().unwrap();
            assert!(!verdict.verified, "byte {at} of {name}");
            assert!(
                verdict.json["findings"][0].as_str().unwrap().starts_with(&name),
                "byte {at} of {name}: {}",
                verdict.text
            );
        }
        fs::write(&file, &whole).unwrap();
        fs::remove_file(&file).unwrap();
        let without = audit.run().unwrap();
        // Whoever holds the key needs none beside the log. Without the record, nothing but the new key tells that there was one.
        let told = without.text.contains(if name.starts_with("rotations/") { "rotations/" } else { &name });
        assert!(name == "log.vkey" || (!without.verified && told), "{name} removed: {}", without.text);
        fs::write(&file, &whole).unwrap();
    }
    assert!(audit.run().unwrap().verified);
    fs::write(root.join("rotations/2.tlog-proof"), "smuggled").unwrap();
    finds(&audit, "rotations/2.tlog-proof");
    fs::remove_file(root.join("rotations/2.tlog-proof")).unwrap();
    fs::write(root.join("tile/letter"), "smuggled").unwrap();
    finds(&audit, "tile/letter: is not covered");
}

#[test]
fn a_signature_that_anybody_can_add_below_an_old_checkpoint_endorses_no_key() {
    let (old, thief) = (key(7), key(66));
    let log = plain(300);
    let both = note::sign_by_all(300, log.root, &[&old, &thief]).unwrap();
    let forged = rotated(&old, &thief);
    let path = proof::inclusion(&log, 270, 300).unwrap();
    let record = Receipt { extra: Some(forged), index: 270, path, note: both }.to_string();
    assert_eq!(
        ledger::rotation::Rotation::parse(record.as_bytes()),
        Err(ledger::rotation::RotationError::NotProven(proof::NotProven))
    );
}

#[test]
fn a_rotation_the_log_speaks_of_must_be_recorded() {
    let (dir, mut audit) = kept();
    let (mut log, _, _) = with_rotation();
    log.note = note::sign(log.size, log.root, &key(7)).unwrap();
    let out = dir.path().join("without");
    export::write(&out, &log, &log.note, key(7).verifying_key(), &[]).unwrap();
    audit = Audit { dir: Some(out), witnesses: Vec::new(), ..audit };
    finds(&audit, "rotations/1.tlog-proof: is missing: entry 270 says that another key took over");
}

#[test]
fn too_few_witnesses_or_a_rewritten_past_are_findings() {
    let (dir, audit) = kept();
    let third = witness(3).witness_key().to_string();
    let three = Audit { witnesses: [audit.witnesses.clone(), vec![third]].concat(), ..audit.clone() };
    finds(&three, "cosigned by 2 of the 3 known witnesses, 3 are wanted");
    assert!(Audit { quorum: Some(2), ..three.clone() }.run().unwrap().verified);
    assert!(matches!(Audit { quorum: Some(4), ..three }.run(), Err(AuditError::Usage(_))));
    // The same key signs another past: sound by itself, but not what was kept.
    let mut entries: Vec<Vec<u8>> = (0..300).map(entry).collect();
    entries[3] = b"rewritten".to_vec();
    let forged = log(&entries);
    let out = dir.path().join("forged");
    export::write(&out, &forged, &forged.note, key(7).verifying_key(), &[]).unwrap();
    let alone = Audit { dir: Some(out), retained: Vec::new(), witnesses: Vec::new(), ..audit.clone() };
    assert!(alone.run().unwrap().verified, "whoever has the key can do that");
    finds(&Audit { retained: audit.retained, ..alone.clone() }, "rewritten or split");
    finds(&Audit { witnesses: audit.witnesses, ..alone }, "cosigned by 0 of the 2");
}

#[test]
fn a_receipt_is_checked_offline_against_the_entry_and_the_key() {
    let (log, record, _) = with_rotation();
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        fs::write(dir.path().join(name), bytes).unwrap();
        dir.path().join(name)
    };
    let path = proof::inclusion(&log, 42, 300).unwrap();
    let note = cosigned(&log, &[]);
    let receipt = Receipt { extra: None, index: 42, path, note }.to_string();
    let audit = Audit {
        proof: Some(file("42.tlog-proof", receipt.as_bytes())),
        entry: Some(file("42.json", &entry(42))),
        key: Some(key(8).verifying_key().to_string()),
        ..Audit::default()
    };
    assert!(audit.run().unwrap().text.starts_with("verified: this is entry 42 of"));
    // With the old key, the record leads on.
    let older = Audit { key: Some(key(7).verifying_key().to_string()), ..audit.clone() };
    finds(&older, "not signed with the key");
    assert!(Audit { rotations: vec![file("1", record.as_bytes())], ..older }.run().unwrap().verified);
    // A line end is not part of the entry; another entry is another entry.
    assert!(Audit { entry: Some(file("end", b"{\"seq\":42}\n")), ..audit.clone() }.run().unwrap().verified);
    finds(&Audit { entry: Some(file("other", &entry(43))), ..audit.clone() }, "does not show that this entry");
    assert!(matches!(Audit { entry: None, ..audit.clone() }.run(), Err(AuditError::Usage(_))));
    for at in 0..receipt.len() {
        let mut flipped = receipt.clone().into_bytes();
        flipped[at] ^= 1 << (at % 7);
        let flipped = Audit { proof: Some(file("flipped", &flipped)), ..audit.clone() };
        assert!(!flipped.run().unwrap().verified, "byte {at}");
    }
}

#[test]
fn growth_is_proven_from_any_kept_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &str| {
        fs::write(dir.path().join(name), bytes).unwrap();
        dir.path().join(name)
    };
    let now = plain(300);
    for size in [0, 1, 128, 299, 300] {
        let growth = Growth { old: size, path: proof::consistency(&now, size, 300).unwrap(), note: now.note.clone() };
        let audit = Audit {
            growth: Some(file("growth", &growth.to_string())),
            retained: vec![file("kept", &plain(size).note)],
            key: Some(key(7).verifying_key().to_string()),
            ..Audit::default()
        };
        assert!(audit.run().unwrap().text.contains(&format!("begins with the {size} you knew")));
        let mut entries: Vec<Vec<u8>> = (0..size).map(entry).collect();
        if let Some(last) = entries.last_mut() {
            *last = b"another past".to_vec();
            finds(&Audit { retained: vec![file("fork", &log(&entries).note)], ..audit.clone() }, "growth");
        }
        finds(&Audit { retained: vec![file("other", &plain(size + 1).note)], ..audit }, "starts at");
    }
}

fn binary(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_handrail-verify")).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_binary_answers_with_its_exit_code() {
    let (_dir, audit) = kept();
    let (dir, key) = (audit.dir.unwrap().display().to_string(), audit.key.unwrap());
    let (code, out, _) = binary(&[&dir, "--key", &key]);
    assert!(code == 0 && out.starts_with("verified: 300 entries"), "{out}");
    let (code, out, _) = binary(&[&dir, &format!("--key={key}"), "--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["verified"], &json["size"]), (0, &true.into(), &300.into()));
    let bundle = Path::new(&dir).join("tile/entries/000");
    let mut bytes = fs::read(&bundle).unwrap();
    bytes[40] ^= 1;
    fs::write(&bundle, bytes).unwrap();
    let (code, out, _) = binary(&[&dir, "--key", &key]);
    assert!(code == 4 && out.starts_with("tile/entries/000, bytes "), "{out}");
    for wrong in [
        &["--key"][..],
        &["--nonsense", "x"],
        &[&dir, &dir],
        &[&dir, "--key", "rubbish"],
        &[&dir, "--retained", "nowhere", "--key", &key],
        &[&dir, "--quorum", "many"],
        &["--proof", "x", "--growth", "y", "--key", &key],
        &[],
    ] {
        let (code, _, err) = binary(wrong);
        assert!(code == 1, "{wrong:?}: {err}");
    }
    assert_eq!(binary(&["--help"]).0, 0);
}
