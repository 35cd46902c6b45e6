//! `owners.toml`: the teams and people who answer for things, so that every question ends in a name.

use crate::entities::Risk;
use crate::length::{Hours, Minutes};
use events::OwnerId;
use events::principal::IdentityClass;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Everybody who owns something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owners {
    /// Who owns the policies as a whole.
    pub policy_owner: OwnerId,
    /// Who operates the control.
    pub control_owner: OwnerId,
    /// Who helps people who are stuck.
    pub help_desk: OwnerId,
    /// Who accepts the clinical risk.
    pub risk_owner: RiskOwner,
    /// One owner for every class of identity: `staff`, `vendor`, `patient`, `service_account`, `api_key`, `device`, `agent`.
    pub identity_class: BTreeMap<IdentityClass, OwnerId>,
    /// Who is told when nobody reacts, in the order of `after_min`.
    pub escalation: Vec<Escalation>,
    /// Who signs a change of the charter; absent: see [`Owners::signatories`].
    #[serde(default)]
    pub change: Option<ChangeRule>,
    /// Teams by id. A team and a person never share an id.
    #[serde(default)]
    pub teams: BTreeMap<OwnerId, Team>,
    /// People by id.
    pub people: BTreeMap<OwnerId, Person>,
}

/// Who accepts the clinical risk of an action, by its risk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskOwner {
    /// Below the threshold.
    pub usual: OwnerId,
    /// From the threshold on.
    pub executive: OwnerId,
    /// The threshold.
    pub executive_from: Risk,
}

impl RiskOwner {
    /// Who accepts this risk.
    #[must_use]
    pub fn of(&self, risk: Risk) -> &OwnerId {
        if risk >= self.executive_from { &self.executive } else { &self.usual }
    }
}

/// The fewest people who sign a change of the charter.
pub const SIGNATURES_MIN: u8 = 2;
/// How long a proposal can be signed where the charter does not say.
const OPEN_USUAL: Duration = Duration::from_secs(72 * 3600);

/// Who signs a change of the charter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRule {
    /// Teams or people: the lead of a team signs for it. As an operator of the console a person goes by their id in `people`.
    pub signed_by: Vec<OwnerId>,
    /// How many different people, at least [`SIGNATURES_MIN`].
    pub signatures: u8,
    /// How long a proposal can be signed.
    pub open_h: Hours,
}

/// Who may sign a change of the charter, how many must, and in what time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatories {
    /// People by id.
    pub people: BTreeSet<OwnerId>,
    /// How many different ones of them.
    pub signatures: usize,
    /// How long a proposal can be signed.
    pub open: Duration,
}

impl Signatories {
    /// Whether there are enough people for a change to be possible at all.
    #[must_use]
    pub fn suffice(&self) -> bool {
        self.people.len() >= self.signatures
    }
}

/// One step of escalation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// So long after something needed an owner and none reacted.
    pub after_min: Minutes,
    /// This one is told.
    pub owner: OwnerId,
}

/// A team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// What people call it.
    pub name: String,
    /// How to reach it: a mail address, a telephone number, a pager.
    pub contact: String,
    /// The person who answers for it: a key of `people`.
    pub lead: OwnerId,
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Their name.
    pub name: String,
    /// What they are: `Chief nursing officer`.
    pub title: String,
    /// How to reach them.
    pub contact: String,
}

/// An owner looked up: a team or a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner<'a> {
    /// A team, with the person who leads it.
    Team {
        /// The team.
        team: &'a Team,
        /// Its lead.
        lead: &'a Person,
    },
    /// A person.
    Person(&'a Person),
}

impl<'a> Owner<'a> {
    /// What people call them.
    #[must_use]
    pub fn name(self) -> &'a str {
        match self {
            Self::Team { team, .. } => &team.name,
            Self::Person(person) => &person.name,
        }
    }

    /// How to reach them.
    #[must_use]
    pub fn contact(self) -> &'a str {
        match self {
            Self::Team { team, .. } => &team.contact,
            Self::Person(person) => &person.contact,
        }
    }

    /// The person who answers: a team's lead, or the person.
    #[must_use]
    pub fn person(self) -> &'a Person {
        match self {
            Self::Team { lead, .. } => lead,
            Self::Person(person) => person,
        }
    }
}

impl Owners {
    /// A team or person by id; `None` for an id the charter does not know.
    #[must_use]
    pub fn find(&self, id: &OwnerId) -> Option<Owner<'_>> {
        if let Some(person) = self.people.get(id) {
            return Some(Owner::Person(person));
        }
        let team = self.teams.get(id)?;
        Some(Owner::Team { team, lead: self.people.get(&team.lead)? })
    }

    /// The person who answers for an owner: themselves, or the lead of the team.
    #[must_use]
    pub fn answers_for<'a>(&'a self, id: &'a OwnerId) -> Option<&'a OwnerId> {
        if self.people.contains_key(id) { Some(id) } else { self.teams.get(id).map(|team| &team.lead) }
    }

    /// Whether a person is an owner, or leads the team that is.
    #[must_use]
    pub fn is_led_by(&self, id: &OwnerId, person: &str) -> bool {
        self.answers_for(id).is_some_and(|one| one.as_str() == person)
    }

    /// Who signs a change of the charter: as `change` says, or else two of those who answer for policies, control and clinical risk.
    #[must_use]
    pub fn signatories(&self) -> Signatories {
        let usual = [&self.policy_owner, &self.control_owner, &self.risk_owner.usual, &self.risk_owner.executive];
        let (named, signatures, open) = match &self.change {
            Some(rule) => {
                (rule.signed_by.iter().collect(), rule.signatures.max(SIGNATURES_MIN), rule.open_h.duration())
            }
            None => (usual.to_vec(), SIGNATURES_MIN, OPEN_USUAL),
        };
        let people = named.into_iter().filter_map(|id| self.answers_for(id).cloned()).collect();
        Signatories { people, signatures: usize::from(signatures), open }
    }

    /// Every id, teams first.
    pub fn ids(&self) -> impl Iterator<Item = &OwnerId> {
        self.teams.keys().chain(self.people.keys())
    }
}
