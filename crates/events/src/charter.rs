//! Which rules are in force.

use crate::decision::Effect;
use crate::{ActionName, CharterDigest, OperatorId, PatientPseudonym, PrincipalId, Seq, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// A charter came into force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Which.
    pub digest: CharterDigest,
    /// The hospital's name in it.
    pub hospital: SmolStr,
    /// Who signed for it. Empty only where an empty store was seeded.
    pub signed_by: Vec<OperatorId>,
}

/// The store was made to look around in, not to run a hospital: one person may change its charter. It counts as the log's very first entry
/// only, so that a real store can never be turned into one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeForDevelopment {
    /// What made it.
    pub by: SmolStr,
}

/// Somebody proposed other rules. The entry's number is the proposal's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    /// Which charter.
    pub digest: CharterDigest,
    /// The charter it would follow. Should another come into force meanwhile, it must be proposed anew.
    pub against: CharterDigest,
    /// Why, in the proposer's words.
    pub reason: SmolStr,
    /// How many cells of the authority matrix would be wider.
    pub wider: u64,
    /// How many would be narrower.
    pub narrower: u64,
    /// SHA-256 of the comparison that signers are shown, hexadecimal.
    pub comparison_sha256: SmolStr,
    /// Nobody can sign it from then on.
    pub good_until: Timestamp,
}

/// An operator signed a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Which.
    pub proposal: Seq,
    /// The charter that they saw.
    pub digest: CharterDigest,
    /// Who.
    pub operator: OperatorId,
    /// The session they signed in: its `operator.signed_in` names the link it began with, and that link's entry who made it for whom.
    /// Absent only in a store to look around in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SmolStr>,
}

/// A proposal was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalClosed {
    /// Which.
    pub proposal: Seq,
    /// Whether it was taken back or turned down.
    pub how: Closing,
    /// Why, in their words.
    pub reason: SmolStr,
}

/// An operator asked what would be decided, and was shown the answer. Nobody was given anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhatIf {
    /// By which charter.
    pub digest: CharterDigest,
    /// If this person asked.
    pub person: PrincipalId,
    /// For this.
    pub action: ActionName,
    /// About this patient; absent for one who is only imagined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientPseudonym>,
    /// What was imagined otherwise than it is, such as `shift` and `on:ED`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub imagined: BTreeMap<SmolStr, SmolStr>,
    /// What would be decided.
    pub effect: Effect,
}

/// How a proposal was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// At the server's own console.
    Withdrawn,
    /// By an operator who may sign.
    Rejected,
}
