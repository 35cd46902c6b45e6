//! A witness cosigns what continues the log it remembers, and nothing else; foreign implementations read what it signs.

use crate::audits::witness;
use crate::sample::{Log, entry, key, log, plain};
use ledger::growth::Growth;
use ledger::rotation::KeyHistory;
use ledger::witness::{Memory, Refusal, Witness};
use ledger::{CosigningKey, Hash, WitnessKey, cosignature, note, proof};
use proptest::prelude::*;
use signed_note::{Note, Verifier, VerifierList};
use std::io;
use std::sync::{Arc, Mutex};

/// What was kept, and whether the disk works.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<(Option<String>, bool)>>);

impl Memory for Disk {
    fn keep(&mut self, note: &str) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        if disk.1 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.0 = Some(note.to_owned());
        Ok(())
    }
}

fn started(disk: &Disk) -> Witness<Disk> {
    let kept = disk.0.lock().unwrap().0.clone();
    Witness::new(witness(1), KeyHistory::of(key(7).verifying_key()), kept, disk.clone()).unwrap()
}

fn request(log: &Log, old: u64) -> Vec<u8> {
    let path = proof::consistency(log, old.min(log.size), log.size).unwrap();
    Growth { old, path, note: log.note.clone() }.to_string().into_bytes()
}

fn refused(witness: &mut Witness<Disk>, request: &[u8]) -> u16 {
    let before = witness.size();
    let status = witness.add(request, 1_800_000_000).unwrap_err().status();
    assert_eq!(witness.size(), before, "a refusal changes nothing");
    status
}

#[test]
fn it_follows_a_log_that_grows_and_remembers_over_restarts() {
    let disk = Disk::default();
    let mut old = 0;
    for size in [0, 1, 2, 255, 256, 257, 257, 700] {
        let mut witness = started(&disk);
        let log = plain(size);
        let line = witness.add(&request(&log, old), 1_800_000_000 + size).unwrap();
        let cosigned =
            cosignature::cosignatures((log.note.clone() + &line).as_bytes(), &[witness.key().clone()]).unwrap();
        assert_eq!((cosigned[0].witness.as_str(), cosigned[0].at_s), ("witness1.example", 1_800_000_000 + size));
        assert_eq!(disk.0.lock().unwrap().0.as_deref(), Some((log.note + &line).as_str()), "kept before it answers");
        old = size;
    }
}

#[test]
fn it_refuses_a_log_that_was_cut_rewritten_or_split_though_the_key_signed_it() {
    let disk = Disk::default();
    let mut witness = started(&disk);
    witness.add(&request(&plain(300), 0), 1).unwrap();
    let mut entries: Vec<Vec<u8>> = (0..400).map(entry).collect();
    entries[3] = b"rewritten".to_vec();
    let forged = log(&entries);
    assert_eq!(refused(&mut witness, &request(&forged, 300)), 422);
    assert_eq!(refused(&mut witness, &request(&log(&entries[..300]), 300)), 422, "of the same size");
    assert_eq!(refused(&mut witness, &request(&plain(200), 200)), 409, "shorter");
    assert_eq!(refused(&mut witness, &request(&plain(400), 0)), 409, "as if from nothing");
    assert!(matches!(witness.add(&request(&plain(400), 0), 1), Err(Refusal::Stale { size: 300 })));
    witness.add(&request(&plain(400), 300), 1).unwrap();
}

#[test]
fn it_answers_each_fault_as_the_specification_says() {
    let mut witness = started(&Disk::default());
    witness.add(&request(&plain(10), 0), 1).unwrap();
    let with = |note: String| Growth { old: 10, path: Vec::new(), note }.to_string().into_bytes();
    let (root, elsewhere) = (plain(20).root, ledger::Origin::parse("elsewhere.example").unwrap());
    let other = ledger::SigningKey::from_seed(elsewhere, &zeroize::Zeroizing::new([7; 32])).unwrap();
    assert_eq!(refused(&mut witness, &with(note::sign(20, root, &other).unwrap())), 404);
    assert_eq!(refused(&mut witness, &with(note::sign(20, root, &key(8)).unwrap())), 403);
    let broken = plain(20).note.replacen("\n20\n", "\n21\n", 1);
    assert_eq!(refused(&mut witness, &with(broken)), 403);
    assert_eq!(refused(&mut witness, &request(&plain(5), 10)), 400, "older than what it continues");
    assert_eq!(refused(&mut witness, &with(plain(20).note)), 422, "no proof");
    assert_eq!(refused(&mut witness, b"old 10\nnonsense"), 400);
    let mut fresh = started(&Disk::default());
    let empty = note::sign(0, Hash([1; 32]), &key(7)).unwrap();
    let empty = Growth { old: 0, path: Vec::new(), note: empty }.to_string();
    assert_eq!(refused(&mut fresh, empty.as_bytes()), 422, "the empty log has one root");
}

#[test]
fn it_cosigns_nothing_it_could_not_keep() {
    let disk = Disk::default();
    let mut witness = started(&disk);
    disk.0.lock().unwrap().1 = true;
    assert_eq!(refused(&mut witness, &request(&plain(10), 0)), 500);
    disk.0.lock().unwrap().1 = false;
    witness.add(&request(&plain(10), 0), 1).unwrap();
}

#[test]
fn it_does_not_start_from_a_memory_that_is_not_its_own() {
    let new = |kept: String| {
        Witness::new(witness(1), KeyHistory::of(key(7).verifying_key()), Some(kept), Disk::default()).map(|_| ())
    };
    let log = plain(10);
    assert!(new(log.note.clone()).is_err(), "not cosigned");
    let by = |key: CosigningKey| {
        log.note.clone() + &cosignature::cosign(self::key(7).origin(), 10, log.root, 1, &key).unwrap()
    };
    assert!(new(by(witness(2))).is_err(), "cosigned by another");
    assert!(new(by(witness(1))).is_ok());
    assert!(new(by(witness(1)).replacen("\n10\n", "\n11\n", 1)).is_err());
}

#[test]
fn after_the_logs_key_was_changed_it_follows_only_where_its_operator_tells_it_how() {
    let (old, new) = (key(7), key(8));
    let disk = Disk::default();
    let mut before = started(&disk);
    before.add(&request(&plain(10), 0), 1).unwrap();
    let mut grown = plain(20);
    grown.note = note::sign_by_all(20, grown.root, &[&old, &new]).unwrap();
    before.add(&request(&grown, 10), 1).unwrap();
    let mut later = plain(30);
    later.note = note::sign(30, later.root, &new).unwrap();
    assert_eq!(refused(&mut before, &request(&later, 20)), 403);
}

/// Their verifier for cosignatures, which the crate leaves to its users.
struct Cosigner {
    name: String,
    id: u32,
    key: WitnessKey,
}

impl Verifier for Cosigner {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, msg: &[u8], sig: &[u8]) -> bool {
        // What is signed, put together from the specification alone.
        let (time, signature) = sig.split_at(8);
        let time = u64::from_be_bytes(time.try_into().unwrap());
        let message = [format!("cosignature/v1\ntime {time}\n").as_bytes(), msg].concat();
        let vkey = self.key.to_string();
        let public =
            base64::Engine::decode(&base64::prelude::BASE64_STANDARD, vkey.rsplit_once('+').unwrap().1).unwrap();
        aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, &public[1..])
            .verify(&message, signature)
            .is_ok()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn signed_note_finds_our_cosignatures_below_a_checkpoint(size in 0u64..600, at_s in 1u64..1 << 40) {
        let (log, witness) = (plain(size), witness(3));
        let line = cosignature::cosign(key(7).origin(), size, log.root, at_s, &witness).unwrap();
        let note = Note::from_bytes((log.note + &line).as_bytes()).unwrap();
        let vkey = witness.witness_key().to_string();
        let (name, rest) = vkey.split_once('+').unwrap();
        let public = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, rest.split_once('+').unwrap().1).unwrap();
        let id = signed_note::key_id(name, &public);
        prop_assert_eq!(format!("{id:08x}"), &rest[..8], "their key id is ours");
        let theirs = Cosigner { name: name.to_owned(), id, key: witness.witness_key().clone() };
        let (valid, _) = note.verify(&VerifierList::new(vec![Box::new(theirs)])).unwrap();
        prop_assert_eq!(valid.len(), 1);
    }

    #[test]
    fn receipts_and_growth_are_what_tlog_tiles_checks(size in 1u64..600, at in any::<prop::sample::Index>()) {
        let log = plain(size);
        let index = u64::try_from(at.index(usize::try_from(size).unwrap())).unwrap();
        let path = proof::inclusion(&log, index, size).unwrap();
        let receipt = ledger::receipt::Receipt { extra: Some(b"aside".to_vec()), index, path, note: log.note.clone() };
        let text = receipt.to_string();
        prop_assert_eq!(&ledger::receipt::Receipt::parse(text.as_bytes()).unwrap(), &receipt);
        // Their own reading of the text, line by line.
        let lines: Vec<&str> = text.lines().collect();
        let gap = lines.iter().position(|line| line.is_empty()).unwrap();
        let hashes: tlog_tiles::RecordProof = lines[3..gap].iter().map(|line| tlog_tiles::Hash::parse_hash(line).unwrap()).collect();
        let root = tlog_tiles::Hash::parse_hash(lines[gap + 3]).unwrap();
        let leaf = tlog_tiles::record_hash(&entry(index));
        prop_assert!(tlog_tiles::check_record(&hashes, size, root, index, leaf).is_ok());
        let growth = Growth { old: index, path: proof::consistency(&log, index, size).unwrap(), note: log.note };
        prop_assert_eq!(Growth::parse(growth.to_string().as_bytes()).unwrap(), growth);
    }

    #[test]
    fn arbitrary_requests_never_change_what_a_witness_remembers(bytes in prop::collection::vec(any::<u8>(), 0..400), head in "old [0-9]{1,3}\n([A-Za-z0-9+/=]{44}\n){0,2}\n\\PC{0,50}") {
        let mut witness = started(&Disk::default());
        prop_assert!(witness.add(&bytes, 1).is_err());
        prop_assert!(witness.add(head.as_bytes(), 1).is_err());
        prop_assert_eq!(witness.size(), 0);
        prop_assert!(ledger::receipt::Receipt::parse(&bytes).is_err());
    }
}
