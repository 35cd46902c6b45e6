//! Verifies a log from its entries up: every entry is hashed again, every tile compared, the root held against a signed checkpoint.

use crate::directory::Directory;
use crate::finding::{Failure, Findings, Problem};
use crate::hash::Hash;
use crate::key::{KeyError, VerifyingKey};
use crate::note::{self, Checkpoint};
use crate::paths;
use crate::source::EntrySource;
use crate::walk;
use std::fmt;
use std::path::Path;

pub use crate::directory::Unlisted;

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

/// A log that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What its checkpoint says, now shown to be true.
    pub checkpoint: Checkpoint,
    /// Which key that rests on.
    pub signature: SignatureTrust,
    /// The size of the retained checkpoint that the log still begins with, if one was given.
    pub retained: Option<u64>,
    /// How many hash tiles were compared.
    pub tiles: u64,
    /// How many entry bundles were hashed again.
    pub bundles: u64,
    /// How many bytes tiles and bundles had together.
    pub bytes: u64,
    /// Files in the directory that the checkpoint does not cover and nothing here vouches for.
    pub unlisted: Unlisted,
}

/// Verifies a log in a directory. With a `key` its owner must have signed the checkpoint; without, the directory's own `log.vkey` is used and
/// the report says so. With a `retained` checkpoint, seen earlier, the log must begin with it.
///
/// # Errors
///
/// With everything found wrong (bounded), by place.
pub fn directory(dir: &Path, key: Option<&VerifyingKey>, retained: Option<&Checkpoint>) -> Result<Report, Failure> {
    let mut findings = Findings::default();
    let source = Directory::at(dir);
    let beside = key_beside(&source, key.is_some(), &mut findings);
    if let (Some(held), Some(beside)) = (key, &beside)
        && held != beside
    {
        findings.add_file(paths::VERIFYING_KEY, Problem::OtherKey);
    }
    let note = source.checkpoint();
    let note = note.map_err(|error| findings.add_file(paths::CHECKPOINT, Problem::Unreadable(Box::new(error))));
    let trust = if key.is_some() { SignatureTrust::HeldKey } else { SignatureTrust::DirectoryKey };
    let (Ok(note), Some(key)) = (note, key.or(beside.as_ref())) else {
        return Err(findings.into_failure());
    };
    let mut report = whole(&source, &note, key, trust, retained, findings)?;
    report.unlisted = source.unlisted(report.checkpoint.size);
    Ok(report)
}

/// Verifies a log wherever it is kept, such as a database, against a note that the holder of `key` signed.
///
/// # Errors
///
/// With everything found wrong (bounded), by place; paths are those an export would have.
pub fn log<S: EntrySource>(
    source: &S,
    note: &[u8],
    key: &VerifyingKey,
    retained: Option<&Checkpoint>,
) -> Result<Report, Failure> {
    whole(source, note, key, SignatureTrust::HeldKey, retained, Findings::default())
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

fn whole<S: EntrySource>(
    source: &S,
    note: &[u8],
    key: &VerifyingKey,
    signature: SignatureTrust,
    retained: Option<&Checkpoint>,
    mut findings: Findings,
) -> Result<Report, Failure> {
    let checkpoint = match note::open(note, key) {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            findings.add_file(paths::CHECKPOINT, Problem::Note(error));
            return Err(findings.into_failure());
        }
    };
    let walked = walk::walk(source, &checkpoint, retained.map(|retained| retained.size));
    findings.absorb(walked.findings);
    if let Some(retained) = retained
        && let Some(problem) = compare_past(&checkpoint, retained, walked.past_root)
    {
        findings.add_first(paths::CHECKPOINT, problem);
    }
    if !findings.is_empty() {
        return Err(findings.into_failure());
    }
    let retained = retained.map(|retained| retained.size);
    let (tiles, bundles, bytes) = (walked.tiles, walked.bundles, walked.bytes);
    Ok(Report { checkpoint, signature, retained, tiles, bundles, bytes, unlisted: Unlisted::default() })
}

/// How the log departs from a checkpoint seen earlier, if it does. `past_root` is unknown where the log itself does not verify.
fn compare_past(now: &Checkpoint, retained: &Checkpoint, past_root: Option<Hash>) -> Option<Problem> {
    if now.origin != retained.origin {
        let (found, retained) = (now.origin.clone(), retained.origin.clone());
        return Some(Problem::OtherLog { found, retained });
    }
    if now.size < retained.size {
        return Some(Problem::CutShort { size: now.size, retained: retained.size });
    }
    let found = past_root.filter(|root| *root != retained.root)?;
    Some(Problem::Forked { size: retained.size, found, retained: retained.root })
}
