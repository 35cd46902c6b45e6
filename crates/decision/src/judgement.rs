//! The answer to one question, with everything it rests on.

use crate::circumstances::Circumstances;
use crate::refusal::Refusal;
use crate::unsaid::{UNSAID, Unsaid};
use events::decision::{Effect, Made, Obligation, Question, Remedy, Values};
use events::{CharterDigest, PatientPseudonym, PolicyId, Seq, Timestamp, WorkflowName};
use serde_json::Value;

/// The word under which a leaf keeps why a question could not be put to policies.
pub const REFUSED: &str = "refused";

/// The answer. The same charter, question, facts and time give the same answer, bit for bit.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// Permit or deny.
    pub effect: Effect,
    /// The workflow it was judged in.
    pub workflow: Option<WorkflowName>,
    /// The policies that decided, in alphabetical order. None when nothing permitted and nothing forbade.
    pub policies: Vec<PolicyId>,
    /// The policies that could not be evaluated, in alphabetical order. A `forbid` among them denies.
    pub errors: Vec<PolicyId>,
    /// What would have helped, cheapest first. Empty on a permit.
    pub remedies: Vec<Remedy>,
    /// What the caller had only to say; absent on a permit, and when that alone would not have helped.
    pub unsaid: Option<Unsaid>,
    /// What a permit obliges to. Empty on a deny.
    pub obligations: Vec<Obligation>,
    /// What was true; absent when the question was refused.
    pub circumstances: Option<Circumstances>,
    /// Why the question could not be put to policies, if it could not. Then the effect is deny.
    pub refused: Option<Refusal>,
    /// The next instant at which time alone could change the effect; absent when none could. Not for the eyes of a denied asker.
    pub holds_until: Option<Timestamp>,
    /// The patient it is about, after merges.
    pub patient: Option<PatientPseudonym>,
}

impl Judgement {
    /// Whether it permits.
    #[must_use]
    pub fn permits(&self) -> bool {
        self.effect == Effect::Permit
    }

    /// What was true, as the leaf keeps it.
    #[must_use]
    pub fn values(&self) -> Values {
        let mut values = self.circumstances.as_ref().map(Circumstances::values).unwrap_or_default();
        if let Some(refused) = &self.refused {
            values.insert(REFUSED.to_owned(), Value::String(refused.to_string()));
        }
        if let Some(unsaid) = &self.unsaid {
            values.insert(UNSAID.to_owned(), unsaid.value());
        }
        values
    }

    /// The decision to record. `world_seq` is that of the facts it rests on.
    #[must_use]
    pub fn into_made(self, question: Question, world_seq: Seq, charter: CharterDigest, decided_at: Timestamp) -> Made {
        let circumstances = self.values();
        Made {
            question,
            patient: self.patient,
            effect: self.effect,
            workflow: self.workflow,
            policies: self.policies,
            errors: self.errors,
            remedies: self.remedies,
            obligations: self.obligations,
            circumstances,
            holds_until: self.holds_until,
            world_seq,
            charter,
            decided_at,
            supersedes: None,
            live: false,
        }
    }
}

/// What a question comes to, and no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Glance {
    /// Whether it is permitted.
    pub permits: bool,
    /// Whether it is about no patient, or about one with whom something connects the asker.
    pub related: bool,
}
