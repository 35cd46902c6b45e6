//! What is done with the evidence is itself evidence: reading it, and changing the key it is signed with.

use crate::{PatientPseudonym, PrincipalId, Seq, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// Somebody read entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// How: `show`, `export`, `prove`, `who`, `console`.
    pub how: SmolStr,
    /// From this entry.
    pub from: Seq,
    /// To before this entry.
    pub to: Seq,
    /// The patient it is about, where one entry that is about one was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientPseudonym>,
}

/// A record of the spool could not be read when it was to come into the log: torn by a crash before it was answered, or changed. The file it stood in
/// is kept beside the spool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpoolRecordLost {
    /// The spool's origin.
    pub origin: SmolStr,
    /// Which record.
    pub index: u64,
}

/// Somebody searched the evidence, or asked who a patient is, and was shown what was found. A record number is turned into a pseudonym before it gets here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Searched {
    /// Where: `console`, `csv`, `account`, `fhir`; `identity` where a patient's numbers and names were shown, `detail` where that of one entry was.
    pub how: SmolStr,
    /// For entries about this patient, as asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientPseudonym>,
    /// For entries of this person or other principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PrincipalId>,
    /// Recorded from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Recorded before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What else narrowed the search, such as `workflow` and its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub narrowed: BTreeMap<SmolStr, SmolStr>,
    /// How many entries, or identities, were shown.
    pub shown: u64,
}

/// Another key signs the ledger from here on. Both keys, as C2SP writes them; the checkpoint over this entry is signed by both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRotated {
    /// The key that is retired.
    pub from: SmolStr,
    /// The key that takes over.
    pub to: SmolStr,
}

/// Detail beside the log was kept as long as the charter says and is destroyed, but for patients under a hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailExpired {
    /// What was recorded at or before this time.
    pub until: Timestamp,
    /// How many pieces went.
    pub details: u64,
}

/// The store goes on from a backup: what was recorded after the backup was made is lost, and the log has another origin from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The origin of the log the backup was made of.
    pub from_origin: SmolStr,
    /// The key it was signed with, as C2SP writes it.
    pub from_key: SmolStr,
    /// The origin from here on.
    pub to_origin: SmolStr,
    /// How many entries the backup's checkpoint is over.
    pub sealed: u64,
    /// The root of that checkpoint, in base64; absent where nothing was sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<SmolStr>,
    /// Why, in the words of whoever did it.
    pub reason: SmolStr,
}

/// Somebody made a copy of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackedUp {
    /// How many entries are in it.
    pub entries: u64,
    /// The root they hash to, in base64.
    pub root: SmolStr,
    /// Whether the keys are in it.
    pub keys: bool,
}
