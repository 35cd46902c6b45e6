//! `workflows.toml`: the paths of access in care, what interrupting each costs, and who answers for it.

use crate::length::{Minutes, Seconds};
use crate::name::TargetName;
use events::decision::EndMode;
use events::signin::Cause;
use events::{ActionName, Label, OwnerId, WorkflowName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The file: `[[workflow]]` tables. Where several workflows have an action and the request names none, the first in the file counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkflowsFile {
    pub(crate) workflow: Vec<Workflow>,
}

/// One path of access in care.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    /// Its name, unique.
    pub name: WorkflowName,
    /// What people call it.
    pub title: String,
    /// The systems it runs through: keys of `targets` in `systems.toml`.
    pub systems: Vec<TargetName>,
    /// The actions it is made of: actions of the schema, at least one.
    pub actions: Vec<ActionName>,
    /// What a delay here costs.
    pub cost: InterruptionCost,
    /// How long care can go on without it.
    pub downtime_tolerance_min: Minutes,
    /// How surely the asker must have signed in; this is what a step-up remedy asks for.
    pub assurance: RequiredAssurance,
    /// How access ends when a permit falls: `now`, `finish_action` or `read_only`.
    pub end: EndMode,
    /// What a denied asker may be offered, at most [`REMEDIES_MAX`]; decided again in the order of their cost to care.
    pub remedies: Vec<RemedyKind>,
    /// Narrower actions worth trying when one is denied: action → the actions that ask for less, in order. All are actions of this workflow.
    #[serde(default)]
    pub narrow: BTreeMap<ActionName, Vec<ActionName>>,
    /// The entitlement that could help: a key of `entitlements` in `elevation.toml`. Needed when `remedies` has `elevation`.
    #[serde(default)]
    pub elevation: Option<Label>,
    /// What happens when something access depends on fails.
    pub fallback: Fallback,
    /// How much friction is too much.
    #[serde(default)]
    pub friction: FrictionLimits,
    /// Who answers for it.
    pub owners: WorkflowOwners,
    /// Who owns an incident here: exactly one.
    pub incident_owner: OwnerId,
    /// Who watches it.
    pub monitored_by: OwnerId,
    /// Who may grant temporary exceptions, at least one.
    pub exceptions_granted_by: Vec<OwnerId>,
    /// Who is told of a bypass, at least one.
    pub bypass_told: Vec<OwnerId>,
}

/// The most remedies a workflow may list: each is one more decision before a deny is answered.
pub const REMEDIES_MAX: usize = 6;

/// What a delay costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterruptionCost {
    /// Annoyance.
    Routine,
    /// Delayed care.
    Urgent,
    /// Harm.
    Emergent,
}

/// How surely an asker must have signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequiredAssurance {
    /// The authenticator assurance level of SP 800-63B-4, 1 to 3.
    pub level: u8,
    /// How long ago at most; absent: as long as the session lasts.
    #[serde(default)]
    pub max_age_min: Option<Minutes>,
}

impl RequiredAssurance {
    /// Whether everything enough for this is enough for the other.
    #[must_use]
    pub fn is_at_least(self, other: Self) -> bool {
        let age = |required: Self| required.max_age_min.map_or(u32::MAX, Minutes::get);
        self.level >= other.level && age(self) <= age(other)
    }
}

/// A sort of remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemedyKind {
    /// Ask for less: see [`Workflow::narrow`].
    Narrow,
    /// Prove again who you are, to [`Workflow::assurance`].
    StepUp,
    /// Let a signed-in colleague vouch.
    Vouch,
    /// Ask for the entitlement in [`Workflow::elevation`].
    Elevation,
    /// Break the glass.
    BreakGlass,
    /// Call the help desk of `owners.toml`.
    HelpDesk,
}

impl RemedyKind {
    /// Its name in charters and scenarios.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Narrow => "narrow",
            Self::StepUp => "step_up",
            Self::Vouch => "vouch",
            Self::Elevation => "elevation",
            Self::BreakGlass => "break_glass",
            Self::HelpDesk => "help_desk",
        }
    }
}

/// What happens when something access depends on fails, by cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// The asker's authenticator does not work.
    pub authenticator: FallbackMode,
    /// The device cannot be trusted, or nobody knows.
    pub device_trust: FallbackMode,
    /// A feed is stale.
    pub feed: FallbackMode,
    /// Recording fails.
    pub store: FallbackMode,
    /// The badge reader does not work; absent: as for `authenticator`.
    #[serde(default)]
    pub reader: Option<FallbackMode>,
    /// The provider that signs people in elsewhere does not answer; absent: as for `authenticator`.
    #[serde(default)]
    pub federation: Option<FallbackMode>,
    /// The network between the workstation and Handrail fails; absent: as for `store`, because nothing could be recorded either.
    #[serde(default)]
    pub network: Option<FallbackMode>,
}

impl Fallback {
    /// What is possible when signing in fails because of this; absent where the cause is nothing that fails: a rule, or the person.
    #[must_use]
    pub fn of(&self, cause: Cause) -> Option<FallbackMode> {
        match cause {
            Cause::Authenticator => Some(self.authenticator),
            Cause::Reader => Some(self.reader.unwrap_or(self.authenticator)),
            Cause::Federation => Some(self.federation.unwrap_or(self.authenticator)),
            Cause::DeviceTrust => Some(self.device_trust),
            Cause::Network => Some(self.network.unwrap_or(self.store)),
            Cause::Policy | Cause::User => None,
        }
    }
}

/// What is possible then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FallbackMode {
    /// Nothing.
    Block,
    /// Access for a short time, marked and reviewed.
    Temporary,
    /// A colleague may vouch.
    Vouch,
    /// The glass may be broken.
    BreakGlass,
}

impl FallbackMode {
    /// Its name in charters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Temporary => "temporary",
            Self::Vouch => "vouch",
            Self::BreakGlass => "break_glass",
        }
    }
}

/// How much friction is too much; a limit that is absent is not watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrictionLimits {
    /// Denials among all requests, 1 to 100.
    #[serde(default)]
    pub denied_percent_max: Option<u8>,
    /// Prompts one person sees in one shift.
    #[serde(default)]
    pub prompts_per_shift_max: Option<u32>,
    /// Seconds from wanting access to having it, at the 95th percentile.
    #[serde(default)]
    pub access_p95_s_max: Option<Seconds>,
    /// Minutes an approval takes, at the 95th percentile.
    #[serde(default)]
    pub approval_p95_min_max: Option<Minutes>,
    /// Known workarounds in one week.
    #[serde(default)]
    pub workarounds_per_week_max: Option<u32>,
}

/// Who answers for a workflow: teams or people of `owners.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowOwners {
    /// For who people are and how they sign in.
    pub identity: OwnerId,
    /// For the clinical systems.
    pub clinical_it: OwnerId,
    /// For the work itself: a charge nurse, a pharmacy lead.
    pub operations: OwnerId,
    /// For it being there at all.
    pub availability: OwnerId,
}
