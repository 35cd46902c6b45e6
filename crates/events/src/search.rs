//! Searches: which subjects, resources or actions would be permitted.

use crate::decision::Question;
use crate::{CharterDigest, PatientPseudonym, Seq, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// What stands in a question in place of what was sought.
pub const ANYTHING: &str = "*";

/// What was sought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sought {
    /// Who may do it.
    Subject,
    /// What or whom it may be done to.
    Resource,
    /// What may be done.
    Action,
}

/// One page of a search was answered. No permit: whoever wants one asks for a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// What was sought.
    pub sought: Sought,
    /// What was asked, with [`ANYTHING`] for what was sought.
    pub question: Question,
    /// The patient it was about, after merges, if it was about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientPseudonym>,
    /// What was answered: ids, pseudonyms of patients, names of actions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<SmolStr>,
    /// How many candidates were looked at.
    pub looked_at: u32,
    /// Whether there may be more on a next page.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// The world it began in: every entry before this one had been folded.
    pub world_seq: Seq,
    /// The charter it was judged by.
    pub charter: CharterDigest,
    /// The time it was judged at.
    pub decided_at: Timestamp,
}
