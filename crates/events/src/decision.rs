//! Requests for access, their answers, and the end of answers that stay live.

use crate::{
    ActionName, CharterDigest, EntityRef, Label, OwnerId, PatientPseudonym, PolicyId, Seq, SessionId, Timestamp,
    WorkflowName,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Named values, in one order.
pub type Values = BTreeMap<String, Value>;

/// What a caller wants to know, with record numbers already replaced by pseudonyms and everything dropped that the charter does not let
/// this caller assert. Together with the world, the charter and the time it determines the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Who asks.
    pub principal: EntityRef,
    /// To do what.
    pub action: ActionName,
    /// To what or whom.
    pub resource: EntityRef,
    /// In which workflow, if the caller says; it counts only if the workflow has the action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<WorkflowName>,
    /// In which session of Handrail's own, if in one: then how the asker signed in, and where, is known and not asserted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// What the caller asserts and may assert.
    #[serde(default, skip_serializing_if = "Asserted::is_empty")]
    pub asserted: Asserted,
}

/// Values a caller asserts about a request, by the part of the request they were sent in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Asserted {
    /// About who asks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subject: Values,
    /// About what they want to do.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub action: Values,
    /// About what they want to do it to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resource: Values,
    /// About the circumstances: `device`, `session`, `purpose`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: Values,
}

impl Asserted {
    /// Whether nothing is asserted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.subject.is_empty() && self.action.is_empty() && self.resource.is_empty() && self.context.is_empty()
    }
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Yes.
    Permit,
    /// No.
    Deny,
}

/// The cheapest changes that would turn a deny into a permit, in the order of their cost to care.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Remedy {
    /// Ask for less.
    Narrow {
        /// The action that would be permitted.
        action: ActionName,
    },
    /// Prove again who you are.
    StepUp {
        /// To this assurance level (SP 800-63B-4, 1 to 3).
        level: u8,
    },
    /// Let a signed-in colleague in the unit vouch for you.
    Vouch,
    /// Ask for just-in-time privilege.
    Elevation {
        /// Which entitlement.
        entitlement: Label,
    },
    /// Break the glass: immediate, alerted, reviewed.
    BreakGlass,
    /// Call somebody who can help; offered when nothing else would.
    HelpDesk {
        /// Whom.
        owner: OwnerId,
    },
}

/// What a permit obliges the enforcement point to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Obligation {
    /// Ask again at or before this time.
    AskAgain {
        /// When.
        at: Timestamp,
    },
    /// When this permit ends, end the access like so.
    EndAccess {
        /// How.
        mode: EndMode,
    },
    /// Tell this owner that it was used.
    Notify {
        /// Whom.
        owner: OwnerId,
    },
    /// Show on every screen that this is emergency access.
    MarkEmergency,
}

/// How access ends when its permit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndMode {
    /// At once.
    Now,
    /// The action in hand may be finished.
    FinishAction,
    /// Reading may go on.
    ReadOnly,
}

/// A request was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// What was asked.
    pub question: Question,
    /// The patient it was about, after merges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientPseudonym>,
    /// The answer.
    pub effect: Effect,
    /// The workflow it was judged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<WorkflowName>,
    /// The policies that decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicyId>,
    /// The policies that could not be evaluated. A `forbid` among them denies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<PolicyId>,
    /// What would have helped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remedies: Vec<Remedy>,
    /// What it obliges to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obligations: Vec<Obligation>,
    /// What was true, as the policies saw it.
    pub circumstances: Values,
    /// Time alone could change the answer from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds_until: Option<Timestamp>,
    /// The world it was judged in: every entry before this one had been folded.
    pub world_seq: Seq,
    /// The charter it was judged by.
    pub charter: CharterDigest,
    /// The time it was judged at.
    pub decided_at: Timestamp,
    /// The earlier answer to the same question that this one replaces, because facts changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<Seq>,
    /// Whether the permit stays live and is decided again when its facts change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live: bool,
}

/// Why a live permit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// A fact it rested on changed.
    FactsChanged,
    /// Its time was over.
    Expired,
    /// The charter changed.
    CharterChanged,
    /// Whoever held it gave it back.
    Released,
    /// The caller that held it may not call any more.
    CallerRevoked,
}

/// A live permit ended. Where facts or the charter ended it, the deny that found so is the decision that supersedes the permit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The entry of the permit.
    pub permit: Seq,
    /// Why.
    pub cause: EndCause,
    /// How the access ends.
    pub mode: EndMode,
}
