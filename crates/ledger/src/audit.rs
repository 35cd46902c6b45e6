//! One question an auditor asks, with files as they have them, answered in words and as JSON: what `handrail-verify` and `handrail ledger verify`
//! both are.

use crate::cosignature::{self, Cosignature};
use crate::directory::{DirectoryError, read_bounded};
use crate::growth::{GROWTH_BYTES_MAX, Growth};
use crate::key::{KeyError, VERIFYING_KEY_BYTES_MAX, VerifyingKey, WitnessKey};
use crate::note::{Checkpoint, NOTE_BYTES_MAX};
use crate::receipt::{RECEIPT_BYTES_MAX, Receipt};
use crate::rotation::{KeyHistory, ROTATIONS_MAX, Rotation, RotationError};
use crate::verify::{self, Held, Report, Retained};
use crate::{bundle::ENTRY_BYTES_MAX, leaf_hash};
use serde_json::{Value, json};
use std::error::Error;
use std::path::{Path, PathBuf};

/// The most checkpoints, witnesses or rotations one question may name.
pub const NAMED_MAX: usize = ROTATIONS_MAX;

/// What is asked, as given on a command line. Keys are files, or the keys themselves.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// The exported directory.
    pub dir: Option<PathBuf>,
    /// The log's public key.
    pub key: Option<String>,
    /// Checkpoints kept from earlier.
    pub retained: Vec<PathBuf>,
    /// Public keys of witnesses.
    pub witnesses: Vec<String>,
    /// How many of them must have cosigned; without it all of them.
    pub quorum: Option<usize>,
    /// A receipt of one entry.
    pub proof: Option<PathBuf>,
    /// That entry.
    pub entry: Option<PathBuf>,
    /// A proof that the log only grew since the one retained checkpoint.
    pub growth: Option<PathBuf>,
    /// Records of how one signing key took over from another, oldest first; a directory brings its own.
    pub rotations: Vec<PathBuf>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Whether everything holds.
    pub verified: bool,
    /// In words, one statement or finding a line.
    pub text: String,
    /// The same for machines.
    pub json: Value,
}

/// Why the question cannot be answered: it is put wrongly, or something it names cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Options that do not go together.
    #[error("{0}")]
    Usage(&'static str),
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] DirectoryError),
    /// Text that is not a key.
    #[error("`{given}` is not the key asked for")]
    Key {
        /// What was given.
        given: String,
        /// Why not.
        source: KeyError,
    },
    /// A rotation does not lead on from the key held.
    #[error("`{}` does not lead on from the key held", path.display())]
    Rotation {
        /// The record.
        path: PathBuf,
        /// Why not.
        source: RotationError,
    },
}

impl Audit {
    /// Answers it. Reads files, writes none.
    ///
    /// # Errors
    ///
    /// If it cannot be answered. What does not verify is no error but a [`Verdict`].
    pub fn run(&self) -> Result<Verdict, AuditError> {
        let many = [self.retained.len(), self.witnesses.len(), self.rotations.len()];
        if many.iter().any(|count| *count > NAMED_MAX) {
            return Err(AuditError::Usage("too many files or keys are named"));
        }
        let witnesses =
            self.witnesses.iter().map(|given| key_of(given, WitnessKey::parse)).collect::<Result<Vec<_>, _>>()?;
        if self.quorum.is_some_and(|quorum| quorum > witnesses.len()) {
            return Err(AuditError::Usage("--quorum asks for more witnesses than are named with --witness"));
        }
        match (&self.dir, &self.proof, &self.growth) {
            (Some(dir), None, None) => self.directory(dir, &witnesses),
            (None, Some(proof), None) => self.receipt(proof, &witnesses),
            (None, None, Some(growth)) => self.grown(growth, &witnesses),
            _ => Err(AuditError::Usage("name one thing to verify: a directory, --proof FILE, or --growth FILE")),
        }
    }

    fn quorum(&self, witnesses: &[WitnessKey]) -> usize {
        self.quorum.unwrap_or(witnesses.len())
    }

    fn directory(&self, dir: &Path, witnesses: &[WitnessKey]) -> Result<Verdict, AuditError> {
        if self.entry.is_some() || !self.rotations.is_empty() {
            return Err(AuditError::Usage("--entry and --rotation do not go with a directory, which brings its own"));
        }
        let key = self.key.as_deref().map(|given| key_of(given, VerifyingKey::parse)).transpose()?;
        if key.is_none() && !self.retained.is_empty() {
            return Err(AuditError::Usage("--retained needs --key: without it nobody vouches for that checkpoint"));
        }
        let retained = self.retained.iter().map(|path| retained_of(path)).collect::<Result<Vec<_>, _>>()?;
        let held = Held { key: key.as_ref(), retained: &retained, witnesses, quorum: self.quorum(witnesses) };
        Ok(match verify::directory(dir, &held) {
            Ok(report) => verified(&report),
            Err(failure) => unverified(failure.findings().iter().map(ToString::to_string).collect(), failure.more()),
        })
    }

    /// The keys that are vouched for by the one held.
    fn keys(&self) -> Result<KeyHistory, AuditError> {
        let key = self.key.as_deref().ok_or(AuditError::Usage("--key is needed: nothing else says whose log it is"))?;
        let key = key_of(key, VerifyingKey::parse)?;
        let wrong = |place: usize, source| AuditError::Rotation {
            path: self.rotations.get(place).cloned().unwrap_or_default(),
            source,
        };
        let mut records = Vec::new();
        for (place, path) in self.rotations.iter().enumerate() {
            let bytes = given_file(path, RECEIPT_BYTES_MAX)?;
            records.push(Rotation::parse(&bytes).map_err(|source| wrong(place, source))?);
        }
        KeyHistory::follow(&key, records).map_err(|(place, source)| wrong(place, source))
    }

    fn receipt(&self, path: &Path, witnesses: &[WitnessKey]) -> Result<Verdict, AuditError> {
        let entry =
            self.entry.as_deref().ok_or(AuditError::Usage("--proof needs --entry FILE: the entry it is about"))?;
        if !self.retained.is_empty() {
            return Err(AuditError::Usage("--retained goes with a directory or with --growth"));
        }
        let keys = self.keys()?;
        let entry = given_file(entry, ENTRY_BYTES_MAX.saturating_add(1))?;
        let bytes = given_file(path, RECEIPT_BYTES_MAX)?;
        let name = path.display();
        let receipt = match Receipt::parse(&bytes) {
            Ok(receipt) => receipt,
            Err(error) => return Ok(unverified(vec![format!("{name}: {}", told(&error))], 0)),
        };
        // A line end that an editor or `echo` put after the entry is not part of it.
        let without_end = entry.strip_suffix(b"\n").unwrap_or(&entry);
        let checked = receipt.verify(&entry, &keys).or_else(|_| receipt.verify(without_end, &keys));
        let cosigned = self.cosigned(receipt.note.as_bytes(), witnesses);
        Ok(match (checked, cosigned) {
            (Ok(checkpoint), Ok(cosigned)) => {
                let index = receipt.index;
                let told = format!("verified: this is entry {index} of {}{}", sized(&checkpoint), by(&cosigned));
                let leaf = leaf_hash(without_end).to_string();
                let mut json = described(&checkpoint, &cosigned);
                put(&mut json, "entry", json!(index));
                put(&mut json, "leaf_hash", json!(leaf));
                Verdict { verified: true, text: told, json }
            }
            (Err(error), _) => unverified(vec![format!("{name}: {}", told(&error))], 0),
            (_, Err(why)) => unverified(vec![format!("{name}: {why}")], 0),
        })
    }

    fn grown(&self, path: &Path, witnesses: &[WitnessKey]) -> Result<Verdict, AuditError> {
        let [retained] = self.retained.as_slice() else {
            return Err(AuditError::Usage("--growth needs one --retained CHECKPOINT: the one the log grew from"));
        };
        let keys = self.keys()?;
        let retained = retained_of(retained)?;
        let bytes = given_file(path, GROWTH_BYTES_MAX)?;
        let found = |what: &dyn std::fmt::Display, error: &dyn Error| {
            Ok(unverified(vec![format!("{what}: {}", told(error))], 0))
        };
        let old = match keys.open(&retained.note) {
            Ok(old) => old,
            Err(error) => return found(&retained.name, &error),
        };
        let growth = match Growth::parse(&bytes) {
            Ok(growth) => growth,
            Err(error) => return found(&path.display(), &error),
        };
        let new = match keys.open(growth.note.as_bytes()) {
            Ok(new) => new,
            Err(error) => return found(&path.display(), &error),
        };
        if growth.old != old.size {
            let found =
                format!("{}: starts at {} entries, not at the retained {}", path.display(), growth.old, old.size);
            return Ok(unverified(vec![found], 0));
        }
        if let Err(error) = growth.verify(&old.root, new.size, &new.root) {
            return found(&path.display(), &error);
        }
        Ok(match self.cosigned(growth.note.as_bytes(), witnesses) {
            Ok(cosigned) => {
                let text = format!("verified: {} begins with the {} you knew{}", sized(&new), old.size, by(&cosigned));
                let mut json = described(&new, &cosigned);
                put(&mut json, "begins_with", json!([old.size]));
                Verdict { verified: true, text, json }
            }
            Err(why) => unverified(vec![format!("{}: {why}", path.display())], 0),
        })
    }

    fn cosigned(&self, note: &[u8], witnesses: &[WitnessKey]) -> Result<Vec<Cosignature>, String> {
        let cosigned = cosignature::cosignatures(note, witnesses).map_err(|error| told(&error))?;
        cosignature::check_quorum(&cosigned, witnesses.len(), self.quorum(witnesses)).map_err(|few| told(&few))?;
        Ok(cosigned)
    }
}

/// A key given as itself or as a file.
fn key_of<K>(given: &str, parse: impl Fn(&str) -> Result<K, KeyError>) -> Result<K, AuditError> {
    let path = Path::new(given);
    let text = if path.is_file() {
        let bytes = given_file(path, VERIFYING_KEY_BYTES_MAX.saturating_add(2))?;
        String::from_utf8_lossy(&bytes).into_owned()
    } else {
        given.to_owned()
    };
    parse(text.trim()).map_err(|source| AuditError::Key { given: given.to_owned(), source })
}

fn retained_of(path: &Path) -> Result<Retained, AuditError> {
    Ok(Retained { name: path.display().to_string(), note: given_file(path, NOTE_BYTES_MAX)? })
}

fn given_file(path: &Path, bytes_max: usize) -> Result<Vec<u8>, AuditError> {
    // A link is followed here: whoever asks named it themselves.
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    Ok(read_bounded(&real, &path.display().to_string(), bytes_max)?)
}

/// An error with the errors under it, as one line.
fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(under) = source {
        text.push_str(": ");
        text.push_str(&under.to_string());
        source = under.source();
    }
    text
}

fn sized(checkpoint: &Checkpoint) -> String {
    format!("`{}` with {} entries", checkpoint.origin, checkpoint.size)
}

fn by(cosigned: &[Cosignature]) -> String {
    let names: Vec<&str> = cosigned.iter().map(|cosignature| cosignature.witness.as_str()).collect();
    if names.is_empty() { String::new() } else { format!("\ncosigned by {}", names.join(", ")) }
}

fn described(checkpoint: &Checkpoint, cosigned: &[Cosignature]) -> Value {
    let witnesses: Vec<Value> =
        cosigned.iter().map(|one| json!({ "witness": one.witness.as_str(), "at_s": one.at_s })).collect();
    json!({
        "verified": true,
        "origin": checkpoint.origin.as_str(),
        "size": checkpoint.size,
        "root": checkpoint.root.to_string(),
        "cosigned": witnesses,
    })
}

fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

fn verified(report: &Report) -> Verdict {
    let checkpoint = &report.checkpoint;
    let mut text = format!(
        "verified: {} entries of `{}`, root {}\n{}",
        checkpoint.size, checkpoint.origin, checkpoint.root, report.signature
    );
    for size in &report.retained {
        text.push_str(&format!("\nit begins with the {size} entries you knew"));
    }
    if report.rotations > 0 {
        text.push_str(&format!(
            "\nits signing key was replaced {} time(s), each vouched for by the one before",
            report.rotations
        ));
    }
    text.push_str(&by(&report.cosigned));
    let mut json = described(checkpoint, &report.cosigned);
    put(&mut json, "signature", json!(report.signature.to_string()));
    put(&mut json, "begins_with", json!(report.retained));
    put(&mut json, "rotations", json!(report.rotations));
    Verdict { verified: true, text, json }
}

fn unverified(mut findings: Vec<String>, more: u64) -> Verdict {
    let json = json!({ "verified": false, "findings": findings, "more": more });
    if more > 0 {
        findings.push(format!("and {more} more"));
    }
    Verdict { verified: false, text: findings.join("\n"), json }
}
