//! `systems.toml`: the systems around Handrail. What access is wanted to, who supplies it, who may ask us and tell us what.

use crate::name::{TargetName, VendorName};
use events::{ActionName, CallerName, FeedName, OwnerId, TypeName, UnitId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// The systems around Handrail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Systems {
    /// The schema's types whose ids are record numbers of patients: replaced by pseudonyms at the edge, and given `context.care`.
    pub patient_types: Vec<TypeName>,
    /// What callers call a type (AuthZEN `type`) → the schema's type. Names that are not listed stand for themselves.
    #[serde(default)]
    pub types: BTreeMap<String, TypeName>,
    /// Systems access is wanted to.
    pub targets: BTreeMap<TargetName, Target>,
    /// Suppliers.
    #[serde(default)]
    pub vendors: BTreeMap<VendorName, Vendor>,
    /// Who may call us. `default` holds for callers that are not named, and must be there.
    pub callers: BTreeMap<CallerName, Caller>,
    /// Who feeds us.
    #[serde(default)]
    pub feeds: BTreeMap<FeedName, Feed>,
}

/// The entry of `callers` for those not named.
pub const DEFAULT_CALLER: &str = "default";

/// A system access is wanted to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// What people call it.
    pub title: String,
    /// Who runs it.
    pub owner: OwnerId,
    /// Who supplies it: a key of `vendors`.
    #[serde(default)]
    pub vendor: Option<VendorName>,
    /// What it cannot do, in plain words: `shared account only`, `no single sign-on`.
    #[serde(default)]
    pub legacy: Vec<String>,
}

/// A supplier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vendor {
    /// Its name.
    pub name: String,
    /// How to reach it.
    pub contact: String,
    /// Who in the house takes over from it: a team or person of `owners.toml`.
    pub handoff_owner: OwnerId,
}

/// A feed of facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// What it tells us.
    pub kind: FeedKind,
    /// Who answers for it.
    pub owner: OwnerId,
    /// For HL7 feeds: the sending applications (MSH-3) that are this feed; empty means any that no other feed lists.
    #[serde(default)]
    pub applications: Vec<String>,
    /// For HL7 feeds: whose numbers are this house's record numbers (PID-3.4, MRG-1.4); empty means anybody's. A number that names nobody
    /// is this house's.
    #[serde(default)]
    pub record_authorities: Vec<String>,
}

/// What a feed tells us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedKind {
    /// HL7 v2 admissions, transfers, discharges.
    Adt,
    /// Who works when and where.
    Rota,
    /// Who exists.
    People,
    /// Devices and their posture.
    Devices,
    /// Treatment teams.
    Teams,
}

/// A system that calls us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caller {
    /// What people call it.
    pub title: String,
    /// Who answers for it.
    pub owner: OwnerId,
    /// What it may do.
    pub may: BTreeSet<CallerRight>,
    /// What it may assert; everything else it sends is ignored.
    #[serde(default)]
    pub asserts: Vec<Assertable>,
    /// Requests in one second, at least 1; a short burst of the same size is let through.
    pub rate_per_s: u32,
    /// What it is told of the sessions it may `follow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<Follows>,
}

/// What a system is told of people's sessions that it follows. That a screen locked and that somebody signed out is told to whoever may `follow`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Follows {
    /// Which patient was opened is told where this would be permitted to the person, there and then; without it, it is never told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<ActionName>,
    /// Sessions at workstations of these units alone; empty means anywhere.
    #[serde(default)]
    pub units: Vec<UnitId>,
    /// Whose pages may connect, as browsers say it (`https://pharmacy.example`); a connection that is no browser's names none.
    #[serde(default)]
    pub origins: Vec<String>,
}

/// Something a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerRight {
    /// Ask for decisions.
    Evaluate,
    /// Ask for permits that stay live.
    EvaluateLive,
    /// Ask who or what would be permitted.
    Search,
    /// Tell us of people.
    FeedPeople,
    /// Tell us of shifts.
    FeedRota,
    /// Tell us of devices and their posture.
    FeedDevices,
    /// Tell us of treatment teams.
    FeedTeams,
    /// Give temporary record numbers, and merge records.
    FeedPatients,
    /// Declare and end emergencies of units.
    FeedEmergencies,
    /// Read metrics.
    Metrics,
    /// Read the ledger's entries.
    ReadLedger,
    /// Read who was given access to what.
    ReadAudit,
    /// Follow people's sessions: patient opened, screen locked, signed out.
    Follow,
}

impl CallerRight {
    /// Its name in charters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Evaluate => "evaluate",
            Self::EvaluateLive => "evaluate_live",
            Self::Search => "search",
            Self::FeedPeople => "feed_people",
            Self::FeedRota => "feed_rota",
            Self::FeedDevices => "feed_devices",
            Self::FeedTeams => "feed_teams",
            Self::FeedPatients => "feed_patients",
            Self::FeedEmergencies => "feed_emergencies",
            Self::Metrics => "metrics",
            Self::ReadLedger => "read_ledger",
            Self::ReadAudit => "read_audit",
            Self::Follow => "follow",
        }
    }
}

/// Something a caller may assert: `context.device`, `action.soft`, `Patient.labels` or `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assertable {
    /// Whatever the schema knows.
    Everything,
    /// A top-level attribute of the request's context.
    Context(SmolStr),
    /// A property of the action; policies see it in `context.request`.
    Action(SmolStr),
    /// An attribute of entities of a type, as subject or resource.
    Attribute(TypeName, SmolStr),
}

/// A text that names nothing assertable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not something a caller can assert: write `context.device`, `action.soft`, `Type.attribute` or `*`"
)]
pub struct AssertableError {
    text: String,
}

impl FromStr for Assertable {
    type Err = AssertableError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || AssertableError { text: text.chars().take(128).collect() };
        if text == "*" {
            return Ok(Self::Everything);
        }
        let (of, attribute) = text.rsplit_once('.').ok_or_else(wrong)?;
        if attribute.is_empty() || attribute.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(wrong());
        }
        match of {
            "context" => Ok(Self::Context(attribute.into())),
            "action" => Ok(Self::Action(attribute.into())),
            of => Ok(Self::Attribute(TypeName::new(of).map_err(|_| wrong())?, attribute.into())),
        }
    }
}

impl fmt::Display for Assertable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("*"),
            Self::Context(name) => write!(f, "context.{name}"),
            Self::Action(name) => write!(f, "action.{name}"),
            Self::Attribute(of, name) => write!(f, "{of}.{name}"),
        }
    }
}

impl Serialize for Assertable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Assertable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Caller {
    /// Whether it may do this.
    #[must_use]
    pub fn may(&self, right: CallerRight) -> bool {
        self.may.contains(&right)
    }

    /// Whether it may assert this attribute of the context.
    #[must_use]
    pub fn asserts_context(&self, name: &str) -> bool {
        self.asserts.iter().any(|a| match a {
            Assertable::Everything => true,
            Assertable::Context(known) => known == name,
            _ => false,
        })
    }

    /// Whether it may assert this property of the action.
    #[must_use]
    pub fn asserts_action(&self, name: &str) -> bool {
        self.asserts.iter().any(|a| match a {
            Assertable::Everything => true,
            Assertable::Action(known) => known == name,
            _ => false,
        })
    }

    /// Whether it may assert this attribute of entities of this type.
    #[must_use]
    pub fn asserts_attribute(&self, of: &TypeName, name: &str) -> bool {
        self.asserts.iter().any(|a| match a {
            Assertable::Everything => true,
            Assertable::Attribute(known, attribute) => known == of && attribute == name,
            _ => false,
        })
    }
}

impl Systems {
    /// The schema's type for what a caller calls a type.
    #[must_use]
    pub fn type_of<'a>(&'a self, called: &'a str) -> &'a str {
        self.types.get(called).map_or(called, TypeName::as_str)
    }

    /// Whether the schema's type stands for patients.
    #[must_use]
    pub fn is_patient(&self, of: &str) -> bool {
        self.patient_types.iter().any(|known| known.as_str() == of)
    }
}
