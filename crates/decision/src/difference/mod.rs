//! What changed between two charters, in people's words: each change is one sentence that a charge nurse or an auditor understands.
//!
//! Nothing is left out: what this module has no words for is said with the charter's own key.

mod fields;
mod phrases;
mod policies;

use charter::Charter;
use serde::Serialize;
use std::fmt;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// Which part of the charter it is about.
    pub about: About,
    /// The sentence.
    pub text: String,
}

/// The parts of a charter, in the order a reader wants them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// Who may do what.
    Policies,
    /// Roles, the risk of actions, labels, and what stands still.
    Entities,
    /// The paths of access in care.
    Workflows,
    /// Who answers for what, and who signs a change.
    Owners,
    /// How people sign in.
    Assurance,
    /// Privilege for a while.
    Elevation,
    /// Breaking the glass.
    Emergency,
    /// The systems around us, and what they may assert.
    Systems,
    /// Sites, units, grace, staleness, retention.
    Hospital,
    /// What sites and units do differently.
    Sites,
    /// What can be asked at all.
    Schema,
    /// The charter's own tests.
    Scenarios,
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policies => "Policies",
            Self::Entities => "Roles, actions and labels",
            Self::Workflows => "Workflows",
            Self::Owners => "Owners",
            Self::Assurance => "Signing in",
            Self::Elevation => "Privilege for a while",
            Self::Emergency => "Emergency access",
            Self::Systems => "Systems and callers",
            Self::Hospital => "The hospital",
            Self::Sites => "Local rules",
            Self::Schema => "What can be asked",
            Self::Scenarios => "Scenarios",
        })
    }
}

/// Every change, by part. Empty only when the charters decide and say the same; comments and the order of files do not count.
#[must_use]
pub fn sentences(before: &Charter, after: &Charter) -> Vec<Sentence> {
    let mut all = policies::changed(before, after);
    all.extend(fields::changed(before, after));
    all.sort_by_key(|sentence| sentence.about);
    all
}
