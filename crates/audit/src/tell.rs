//! One decision in the words of a privacy office: who, did what, for which patient, where, when, on whose authority.

use charter::Charter;
use decision::Engine;
use events::decision::{Effect, Made, Obligation};
use events::{
    Actor, ActorKind, CallerName, CharterDigest, Event, Leaf, PatientPseudonym, PolicyId, PrincipalId, RoleName, Seq,
    Timestamp,
};
use plane::Plane;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use world::Subject;

/// The most charters one teller reads back; decisions under others are told without their titles.
const CHARTERS_MAX: usize = 16;
/// The most names one teller remembers.
const NAMES_MAX: usize = 10_000;

/// A request for access and its answer, told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The entry that is the evidence.
    pub entry: Seq,
    /// When it was recorded.
    pub at: Timestamp,
    /// The answer.
    pub effect: Effect,
    /// Who asked, as systems call them.
    pub who: PrincipalId,
    /// What people call them, as far as is known today.
    pub name: Option<String>,
    /// Their roles then.
    pub roles: Vec<String>,
    /// What they wanted to do, as the end of "may …".
    pub did: String,
    /// Whether that only reads.
    pub reads: bool,
    /// For which patient, as the decision had it.
    pub patient: Option<PatientPseudonym>,
    /// Where the device stood.
    pub place: Option<String>,
    /// At which device.
    pub device: Option<String>,
    /// Why, as a person reads it.
    pub purpose: Option<String>,
    /// In which workflow.
    pub workflow: Option<String>,
    /// Under which policies.
    pub policies: Vec<PolicyId>,
    /// Those policies' reasons, as staff are told them, each with its owner.
    pub authority: Vec<Authority>,
    /// Emergency access, the glass broken or an emergency declared.
    pub emergency: Option<Emergency>,
    /// The system that asked.
    pub through: String,
    /// Handrail asked this itself, to see whether a permit still holds.
    pub own: bool,
    /// The earlier answer to the same request that this one replaces.
    pub supersedes: Option<Seq>,
}

/// A policy as what somebody's access rested on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Authority {
    /// The policy.
    pub policy: PolicyId,
    /// Its reason, as staff are told it.
    pub reason: Option<String>,
    /// Who owns it.
    pub owner: Option<String>,
}

/// Which sort of emergency access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Emergency {
    /// They broke the glass themselves.
    BrokenGlass,
    /// An emergency had been declared, and that decided.
    Declared,
}

impl Emergency {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::BrokenGlass => "emergency access: broke the glass",
            Self::Declared => "emergency access: an emergency was declared",
        }
    }

    /// Of a decision.
    #[must_use]
    pub fn of(made: &Made) -> Option<Self> {
        if !made.obligations.contains(&Obligation::MarkEmergency) {
            return None;
        }
        let glass = made.circumstances.get("live").and_then(|live| live.get("break_glass")).and_then(Value::as_bool);
        Some(if glass == Some(true) { Self::BrokenGlass } else { Self::Declared })
    }
}

/// Tells decisions, each under the charter it was made by. Remembers names and charters for as long as it lives.
pub struct Teller<'a> {
    plane: &'a Plane,
    engines: HashMap<CharterDigest, Option<Arc<Engine>>>,
    names: HashMap<PrincipalId, Option<String>>,
}

impl std::fmt::Debug for Teller<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Teller")
    }
}

impl<'a> Teller<'a> {
    /// A teller of this node's decisions.
    #[must_use]
    pub fn new(plane: &'a Plane) -> Self {
        Self { plane, engines: HashMap::new(), names: HashMap::new() }
    }

    /// A decision, told; nothing for another kind of entry.
    pub fn access(&mut self, leaf: &Leaf) -> Option<Access> {
        let Event::DecisionMade(made) = &leaf.draft.event else { return None };
        let engine = self.engine(made.charter);
        let charter = engine.as_deref().map(Engine::charter);
        let action = charter.and_then(|charter| charter.entities().actions.get(&made.question.action));
        let unit = leaf.draft.place.as_ref();
        Some(Access {
            entry: leaf.seq,
            at: leaf.recorded_at,
            effect: made.effect,
            who: made.question.principal.id.clone(),
            name: self.name(&made.question.principal.id),
            roles: roles(made).iter().map(|role| title_of_role(charter, role)).collect(),
            did: action.map_or_else(|| format!("do `{}`", made.question.action), |action| action.title.clone()),
            reads: action.is_some_and(|action| action.reads),
            patient: patient(made),
            place: unit.map(|unit| {
                let known = charter.and_then(|charter| charter.hospital().units.get(unit));
                known.map_or_else(|| unit.to_string(), |known| known.name.clone())
            }),
            device: leaf.draft.device.as_ref().map(ToString::to_string),
            purpose: leaf.draft.purpose.as_ref().map(|purpose| purpose_words(purpose.as_str())),
            workflow: made.workflow.as_ref().map(|name| {
                let known = charter.and_then(|charter| charter.workflow(name));
                known.map_or_else(|| name.to_string(), |known| known.title.clone())
            }),
            policies: made.policies.clone(),
            authority: made.policies.iter().map(|policy| authority(charter, policy)).collect(),
            emergency: Emergency::of(made),
            through: through(charter, &leaf.draft.actor),
            own: leaf.draft.actor.kind == ActorKind::Handrail,
            supersedes: made.supersedes,
        })
    }

    /// What people call a principal, as far as is known today.
    pub fn name(&mut self, principal: &PrincipalId) -> Option<String> {
        if let Some(name) = self.names.get(principal) {
            return name.clone();
        }
        let subject = Subject { principal: principal.clone(), patient: None, device: None, session: None };
        let facts = self.plane.world(|world| world.facts(&subject, self.plane.now()));
        let name = facts.principal.and_then(|known| known.name).map(Into::into);
        if self.names.len() >= NAMES_MAX {
            self.names.clear();
        }
        self.names.insert(principal.clone(), name.clone());
        name
    }

    /// The engine over a charter that was in force.
    pub fn engine(&mut self, digest: CharterDigest) -> Option<Arc<Engine>> {
        if let Some(engine) = self.engines.get(&digest) {
            return engine.clone();
        }
        if self.engines.len() >= CHARTERS_MAX {
            return None;
        }
        let engine = self.plane.engine_of(digest).ok();
        self.engines.insert(digest, engine.clone());
        engine
    }

    /// The node.
    #[must_use]
    pub const fn plane(&self) -> &'a Plane {
        self.plane
    }
}

/// The patient a decision was about: after merges, or as asked where nobody knows the record.
#[must_use]
pub fn patient(made: &Made) -> Option<PatientPseudonym> {
    made.patient.or_else(|| made.question.resource.id.as_str().parse().ok())
}

/// The asker's roles, as the decision knew them.
#[must_use]
pub fn roles(made: &Made) -> Vec<RoleName> {
    let roles = made.circumstances.get("asker").and_then(|asker| asker.get("roles")).and_then(Value::as_array);
    roles.into_iter().flatten().filter_map(Value::as_str).filter_map(|role| RoleName::new(role).ok()).collect()
}

/// What people call a role.
#[must_use]
pub fn title_of_role(charter: Option<&Arc<Charter>>, role: &RoleName) -> String {
    let known = charter.and_then(|charter| charter.entities().roles.get(role));
    known.map_or_else(|| role.as_str().replace('_', " "), |known| known.title.clone())
}

fn authority(charter: Option<&Arc<Charter>>, policy: &PolicyId) -> Authority {
    let known = charter.and_then(|charter| charter.policy(policy));
    let owner = known.and_then(|known| charter.and_then(|charter| charter.owners().find(&known.owner)));
    Authority {
        policy: policy.clone(),
        reason: known.map(|known| known.reason.clone()),
        owner: owner.map(|owner| owner.name().to_owned()),
    }
}

/// The system somebody asked through, as people call it.
fn through(charter: Option<&Arc<Charter>>, actor: &Actor) -> String {
    let known = match actor.kind {
        ActorKind::Caller => CallerName::new(&actor.name).ok(),
        _ => None,
    };
    let title = known
        .zip(charter)
        .and_then(|(name, charter)| charter.systems().callers.get(&name).map(|caller| caller.title.clone()));
    title.unwrap_or_else(|| actor.to_string())
}

/// A purpose of use (HL7 v3 ActReason) in words; any other text as it is.
#[must_use]
pub fn purpose_words(code: &str) -> String {
    let words = match code {
        "TREAT" => "treatment",
        "ETREAT" => "emergency treatment",
        "BTG" => "emergency, by breaking the glass",
        "HPAYMT" => "payment",
        "HOPERAT" => "running the hospital",
        "HRESCH" => "research",
        "PATRQT" => "at the patient’s request",
        "FAMRQT" => "at the family’s request",
        "PUBHLTH" => "public health",
        "HQUALIMP" => "improving care",
        "HSYSADMIN" => "running the systems",
        other => other,
    };
    words.to_owned()
}
