//! Verifies a log from its entries up: every entry is hashed again, every tile compared, the root held against a signed checkpoint.

use crate::cosignature::{self, Cosignature};
use crate::directory::Directory;
use crate::finding::{Failure, Findings, Problem};
use crate::hash::Hash;
use crate::key::{KeyError, VerifyingKey, WitnessKey};
use crate::note::Checkpoint;
use crate::paths;
use crate::rotation::{KeyHistory, Rotation};
use crate::source::EntrySource;
use crate::walk;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// Which key the checkpoint's signature was checked with, and so what a verification shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureTrust {
    /// A key the verifier held beforehand: its owner vouches for the log.
    HeldKey,
    /// Only the key that lies beside the log: the log is whole, but anybody could have made it.
    DirectoryKey,
}

impl fmt::Display for SignatureTrust {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::HeldKey => "signature checked with the key you hold",
            Self::DirectoryKey => {
                "signature checked only with the directory's own log.vkey: it is whole, but this does not show who made it"
            }
        })
    }
}

/// What a verifier holds from before.
#[derive(Clone, Debug, Default)]
pub struct Held<'a> {
    /// The log's key: its newest, or an older one that the directory leads on from. Without it the directory's own `log.vkey` is used, and the
    /// report says so.
    pub key: Option<&'a VerifyingKey>,
    /// Checkpoints seen earlier; the log must begin with each of them.
    pub retained: &'a [Retained],
    /// Witnesses that are known.
    pub witnesses: &'a [WitnessKey],
    /// How many of them must have cosigned the checkpoint.
    pub quorum: usize,
}

/// A checkpoint seen earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retained {
    /// What findings call it: its file's name.
    pub name: String,
    /// It, as a signed note.
    pub note: Vec<u8>,
}

/// A log that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What its checkpoint says, now shown to be true.
    pub checkpoint: Checkpoint,
    /// Which key that rests on.
    pub signature: SignatureTrust,
    /// The sizes of the retained checkpoints that the log still begins with.
    pub retained: Vec<u64>,
    /// The known witnesses that cosigned the checkpoint.
    pub cosigned: Vec<Cosignature>,
    /// How many times one signing key took over from another.
    pub rotations: usize,
    /// How many hash tiles were compared.
    pub tiles: u64,
    /// How many entry bundles were hashed again.
    pub bundles: u64,
    /// How many bytes tiles and bundles had together.
    pub bytes: u64,
}

/// Verifies a log in a directory against what is held from before. A file that is missing, or that the checkpoint does not cover, is a finding
/// too.
///
/// # Errors
///
/// With everything found wrong (bounded), by place.
pub fn directory(dir: &Path, held: &Held<'_>) -> Result<Report, Failure> {
    let mut findings = Findings::default();
    let source = Directory::at(dir);
    let beside = key_beside(&source, held.key.is_some(), &mut findings);
    let records = records(&source, &mut findings);
    let note = source.checkpoint();
    let note = note.map_err(|error| findings.add_file(paths::CHECKPOINT, Problem::Unreadable(Box::new(error))));
    let Some(key) = held.key.or(beside.as_ref()) else { return Err(findings.into_failure()) };
    let keys = KeyHistory::follow(key, records).unwrap_or_else(|(place, error)| {
        findings.add_file(&paths::rotation(place), Problem::Rotation(error));
        KeyHistory::of(key)
    });
    if beside.as_ref().is_some_and(|beside| keys.newest() != Some(beside)) {
        findings.add_file(paths::VERIFYING_KEY, Problem::OtherKey);
    }
    let Ok(note) = note else { return Err(findings.into_failure()) };
    let signature = if held.key.is_some() { SignatureTrust::HeldKey } else { SignatureTrust::DirectoryKey };
    let mut report = whole(&source, &note, &keys, held, &mut findings);
    if let Some(report) = &mut report {
        report.signature = signature;
        findings.absorb(source.surplus(report.checkpoint.size, keys.rotations().len()));
    }
    match report {
        Some(report) if findings.is_empty() => Ok(report),
        _ => Err(findings.into_failure()),
    }
}

/// Verifies a log wherever it is kept, such as a database, against a note that one of `keys` signed.
///
/// # Errors
///
/// With everything found wrong (bounded), by place; paths are those an export would have.
pub fn log<S: EntrySource>(source: &S, note: &[u8], keys: &KeyHistory, held: &Held<'_>) -> Result<Report, Failure> {
    let mut findings = Findings::default();
    match whole(source, note, keys, held, &mut findings) {
        Some(report) if findings.is_empty() => Ok(report),
        _ => Err(findings.into_failure()),
    }
}

/// The key in `log.vkey`. Where another key is held it may be absent, but not wrong.
fn key_beside(source: &Directory, optional: bool, findings: &mut Findings) -> Option<VerifyingKey> {
    let bytes = match source.verifying_key() {
        Ok(bytes) => bytes,
        Err(error) if optional && error.is_missing() => return None,
        Err(error) => {
            findings.add_file(paths::VERIFYING_KEY, Problem::Unreadable(Box::new(error)));
            return None;
        }
    };
    let text = std::str::from_utf8(&bytes).ok().and_then(|text| text.strip_suffix('\n'));
    match text.ok_or(KeyError::Form).and_then(VerifyingKey::parse) {
        Ok(key) => Some(key),
        Err(error) => {
            findings.add_file(paths::VERIFYING_KEY, Problem::Key(error));
            None
        }
    }
}

/// The records of rotations, up to the first that is none.
fn records(source: &Directory, findings: &mut Findings) -> Vec<Rotation> {
    let files = source.rotations().unwrap_or_else(|(place, error)| {
        findings.add_file(&paths::rotation(place), Problem::Unreadable(Box::new(error)));
        Vec::new()
    });
    let mut records = Vec::new();
    for (place, file) in files.iter().enumerate() {
        match Rotation::parse(file) {
            Ok(record) => records.push(record),
            Err(error) => {
                findings.add_file(&paths::rotation(place), Problem::Rotation(error));
                break;
            }
        }
    }
    records
}

/// Everything but the files around the log. Without a checkpoint to hold the log against there is no report.
fn whole<S: EntrySource>(
    source: &S,
    note: &[u8],
    keys: &KeyHistory,
    held: &Held<'_>,
    findings: &mut Findings,
) -> Option<Report> {
    let checkpoint =
        keys.open(note).map_err(|error| findings.add_file(paths::CHECKPOINT, Problem::Note(error))).ok()?;
    let cosigned = cosigned(note, held, findings);
    let retained = retained(keys, held.retained, findings);
    let rotated = keys.rotations().iter().map(|rotation| &rotation.checkpoint);
    let mut past: Vec<u64> = retained.iter().chain(rotated).map(|checkpoint| checkpoint.size).collect();
    past.sort_unstable();
    let walked = walk::walk(source, &checkpoint, &past);
    findings.absorb(walked.findings);
    compare_rotations(keys, &checkpoint, &walked.rotations, &walked.past_roots, findings);
    for earlier in &retained {
        if let Some(problem) = compare_past(&checkpoint, earlier, &walked.past_roots) {
            findings.add_first(paths::CHECKPOINT, problem);
        }
    }
    Some(Report {
        checkpoint,
        signature: SignatureTrust::HeldKey,
        retained: retained.iter().map(|checkpoint| checkpoint.size).collect(),
        cosigned,
        rotations: keys.rotations().len(),
        tiles: walked.tiles,
        bundles: walked.bundles,
        bytes: walked.bytes,
    })
}

fn cosigned(note: &[u8], held: &Held<'_>, findings: &mut Findings) -> Vec<Cosignature> {
    match cosignature::cosignatures(note, held.witnesses) {
        Ok(cosigned) => {
            if let Err(few) = cosignature::check_quorum(&cosigned, held.witnesses.len(), held.quorum) {
                findings.add_file(paths::CHECKPOINT, Problem::Quorum(few));
            }
            cosigned
        }
        Err(error) => {
            findings.add_file(paths::CHECKPOINT, Problem::Note(error));
            Vec::new()
        }
    }
}

/// The retained checkpoints that some key of the log signed.
fn retained(keys: &KeyHistory, retained: &[Retained], findings: &mut Findings) -> Vec<Checkpoint> {
    let mut opened = Vec::new();
    for Retained { name, note } in retained {
        match keys.open(note) {
            Ok(checkpoint) => opened.push(checkpoint),
            Err(error) => findings.add_file(name, Problem::Note(error)),
        }
    }
    opened
}

/// Each record speaks of this log, and the log says nothing of a rotation without its record.
fn compare_rotations(
    keys: &KeyHistory,
    checkpoint: &Checkpoint,
    found: &BTreeMap<u64, Hash>,
    past_roots: &BTreeMap<u64, Hash>,
    findings: &mut Findings,
) {
    let records = keys.rotations();
    for (place, record) in records.iter().enumerate() {
        let path = paths::rotation(place);
        if let Some(problem) = compare_past(checkpoint, &record.checkpoint, past_roots) {
            findings.add_file(&path, problem);
        } else if found.get(&record.entry) != Some(&record.entry_hash) {
            findings.add_file(&path, Problem::RotationElsewhere { entry: record.entry });
        }
    }
    let unrecorded = found.keys().filter(|entry| !records.iter().any(|record| record.entry == **entry));
    for (place, entry) in (records.len()..).zip(unrecorded) {
        findings.add_file(&paths::rotation(place), Problem::RotationMissing { entry: *entry });
    }
}

/// How the log departs from a checkpoint seen earlier, if it does. Roots are unknown where the log itself does not verify.
fn compare_past(now: &Checkpoint, earlier: &Checkpoint, past_roots: &BTreeMap<u64, Hash>) -> Option<Problem> {
    if now.size < earlier.size {
        return Some(Problem::CutShort { size: now.size, retained: earlier.size });
    }
    let found = *past_roots.get(&earlier.size).filter(|root| **root != earlier.root)?;
    Some(Problem::Forked { size: earlier.size, found, retained: earlier.root })
}
