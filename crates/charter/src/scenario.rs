//! `scenarios/*.toml`: the charter's own tests. A little world, then who asks what and what must come of it.
//!
//! The charter only reads and checks them; `decision::scenario` runs them. All times are offsets from the scenario's now: `-2h`,
//! `+30m`, `-1h30m`, `0s`.

pub use crate::offset::{OFFSET_DAYS_MAX, Offset, OffsetError};

use crate::vocabulary::SessionPresence;
use crate::workflow::RemedyKind;
use events::decision::{Effect, Values};
use events::device::{DeviceKind, Posture};
use events::encounter::{Class, Movement, Presence};
use events::principal::IdentityClass;
use events::{
    ActionName, DeviceId, Label, OwnerId, PolicyId, PrincipalId, Purpose, RoleName, TypeName, UnitId, WorkflowName,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;
use std::fmt;
use std::str::FromStr;

/// One file of scenarios: a world and the questions asked in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows.
    pub title: String,
    /// When the feeds were last heard; absent: just now.
    #[serde(default)]
    pub feeds: FeedsHeard,
    /// Principals: `[[person]]` tables, machines included.
    #[serde(default)]
    pub person: Vec<ScenarioPerson>,
    /// Shifts: `[[shift]]` tables.
    #[serde(default)]
    pub shift: Vec<ScenarioShift>,
    /// Devices: `[[device]]` tables.
    #[serde(default)]
    pub device: Vec<ScenarioDevice>,
    /// Patients: `[[patient]]` tables.
    #[serde(default)]
    pub patient: Vec<ScenarioPatient>,
    /// Stays: `[[encounter]]` tables.
    #[serde(default)]
    pub encounter: Vec<ScenarioEncounter>,
    /// Transfers: `[[move]]` tables.
    #[serde(default, rename = "move")]
    pub moves: Vec<ScenarioMove>,
    /// Discharges: `[[discharge]]` tables.
    #[serde(default)]
    pub discharge: Vec<ScenarioDischarge>,
    /// Undone movements: `[[cancel]]` tables.
    #[serde(default)]
    pub cancel: Vec<ScenarioCancel>,
    /// Orders: `[[order]]` tables.
    #[serde(default)]
    pub order: Vec<ScenarioOrder>,
    /// Appointments: `[[appointment]]` tables.
    #[serde(default)]
    pub appointment: Vec<ScenarioAppointment>,
    /// Treatment teams: `[[team]]` tables.
    #[serde(default)]
    pub team: Vec<ScenarioTeam>,
    /// Merged records: `[[merge]]` tables.
    #[serde(default)]
    pub merge: Vec<ScenarioMerge>,
    /// Units in an emergency: `[[emergency]]` tables.
    #[serde(default)]
    pub emergency: Vec<ScenarioEmergency>,
    /// The questions: `[[ask]]` tables, at least one.
    pub ask: Vec<Ask>,
}

/// When the feeds were last heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedsHeard {
    /// ADT.
    #[serde(default)]
    pub adt: Offset,
    /// The rota.
    #[serde(default)]
    pub rota: Offset,
}

/// A principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioPerson {
    /// Their id, unique in the scenario.
    pub id: PrincipalId,
    /// The schema's type; absent: the type of their class ([`crate::vocabulary::principal_type`]).
    #[serde(default, rename = "type")]
    pub kind: Option<TypeName>,
    /// Their class.
    #[serde(default = "staff")]
    pub class: IdentityClass,
    /// Their roles.
    #[serde(default)]
    pub roles: Vec<RoleName>,
    /// The unit they belong to when not on a shift.
    #[serde(default)]
    pub home_unit: Option<UnitId>,
    /// Labels such as `family:F17`.
    #[serde(default)]
    pub labels: Vec<Label>,
    /// What other systems call them.
    #[serde(default)]
    pub aliases: Vec<PrincipalId>,
    /// Whether they may act at all.
    #[serde(default = "yes")]
    pub active: bool,
}

const fn staff() -> IdentityClass {
    IdentityClass::Staff
}

const fn yes() -> bool {
    true
}

/// A shift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioShift {
    /// Whose: a `person`.
    pub person: PrincipalId,
    /// Where.
    pub unit: UnitId,
    /// From when.
    pub from: Offset,
    /// Until when.
    pub until: Offset,
    /// Whether they are on call rather than present.
    #[serde(default)]
    pub on_call: bool,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioDevice {
    /// Its id, unique in the scenario.
    pub id: DeviceId,
    /// What sort.
    pub kind: DeviceKind,
    /// Where it stands.
    #[serde(default)]
    pub unit: Option<UnitId>,
    /// Whether several people use it.
    #[serde(default)]
    pub shared: bool,
    /// Whether the hospital manages it.
    #[serde(default = "yes")]
    pub managed: bool,
    /// Its health as last reported; absent: never reported.
    #[serde(default)]
    pub posture: Option<Posture>,
    /// Until when that report is good; absent: a day from now.
    #[serde(default)]
    pub posture_until: Option<Offset>,
}

/// A patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioPatient {
    /// Their id in the scenario, unique; stands for a pseudonym.
    pub id: SmolStr,
    /// Sensitivity labels.
    #[serde(default)]
    pub labels: Vec<Label>,
}

/// A stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioEncounter {
    /// Its id in the scenario, unique.
    pub id: SmolStr,
    /// Whose: a `patient`.
    pub patient: SmolStr,
    /// What sort.
    #[serde(default = "inpatient")]
    pub class: Class,
    /// Where.
    pub unit: UnitId,
    /// Since when.
    pub at: Offset,
    /// Whether they are there or expected.
    #[serde(default = "present")]
    pub presence: Presence,
    /// Who attends.
    #[serde(default)]
    pub attending: Vec<PrincipalId>,
    /// Who else takes part.
    #[serde(default)]
    pub participants: Vec<PrincipalId>,
}

const fn inpatient() -> Class {
    Class::Inpatient
}

const fn present() -> Presence {
    Presence::Present
}

/// A transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioMove {
    /// Which stay: an `encounter`.
    pub encounter: SmolStr,
    /// Where to.
    pub unit: UnitId,
    /// When.
    pub at: Offset,
    /// Whether they are there or expected.
    #[serde(default = "present")]
    pub presence: Presence,
}

/// A discharge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioDischarge {
    /// Which stay: an `encounter`.
    pub encounter: SmolStr,
    /// When.
    pub at: Offset,
}

/// An undone movement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioCancel {
    /// Which stay: an `encounter`.
    pub encounter: SmolStr,
    /// Which sort of movement.
    pub movement: Movement,
    /// When the undone movement had happened; absent: the latest of its sort.
    #[serde(default)]
    pub happened: Option<Offset>,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioOrder {
    /// Its id in the scenario, unique.
    pub id: SmolStr,
    /// For whom: a `patient`.
    pub patient: SmolStr,
    /// When it was placed.
    pub at: Offset,
    /// Who ordered it.
    #[serde(default)]
    pub ordered_by: Vec<PrincipalId>,
    /// Who performs it.
    #[serde(default)]
    pub performers: Vec<PrincipalId>,
    /// The unit that performs it.
    #[serde(default)]
    pub unit: Option<UnitId>,
    /// When it was done, if it was.
    #[serde(default)]
    pub completed: Option<Offset>,
    /// When it was called off, if it was.
    #[serde(default)]
    pub cancelled: Option<Offset>,
}

/// An appointment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioAppointment {
    /// Its id in the scenario, unique.
    pub id: SmolStr,
    /// Whose: a `patient`.
    pub patient: SmolStr,
    /// From when.
    pub from: Offset,
    /// Until when.
    pub until: Offset,
    /// Where.
    #[serde(default)]
    pub unit: Option<UnitId>,
    /// With whom.
    #[serde(default)]
    pub people: Vec<PrincipalId>,
    /// When it was withdrawn, if it was.
    #[serde(default)]
    pub withdrawn: Option<Offset>,
}

/// Somebody on a treatment team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioTeam {
    /// Whom they treat: a `patient`.
    pub patient: SmolStr,
    /// Who: a `person`.
    pub person: PrincipalId,
    /// Until when; absent: no end known.
    #[serde(default)]
    pub until: Option<Offset>,
}

/// Two records that are one patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioMerge {
    /// The record that stays: a `patient`.
    pub survivor: SmolStr,
    /// The record that goes: a `patient`.
    pub merged: SmolStr,
}

/// A unit in an emergency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioEmergency {
    /// Where.
    pub unit: UnitId,
    /// Until when.
    pub until: Offset,
}

/// What an asker holds for a while, already granted and not yet over: `context.live` of policies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskLive {
    /// They broke the glass for this patient.
    #[serde(default)]
    pub break_glass: bool,
    /// A colleague vouches for them.
    #[serde(default)]
    pub vouched: bool,
    /// Entitlements they hold: keys of `entitlements` in `elevation.toml`.
    #[serde(default)]
    pub elevations: Vec<Label>,
    /// Exceptions that apply to them.
    #[serde(default)]
    pub exceptions: Vec<Label>,
}

/// A question and what must come of it. Exactly one of `patient` and `resource` says what it is about. Somebody, a patient or a device that
/// nobody knows has an id that begins with [`UNKNOWN`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// What it shows, in words.
    pub title: String,
    /// Who asks: a `person`, or `unknown…`.
    pub who: PrincipalId,
    /// To do what.
    pub action: ActionName,
    /// About which patient: a `patient`, or `unknown…`. The resource is then of the charter's first patient type.
    #[serde(default)]
    pub patient: Option<SmolStr>,
    /// About what else.
    #[serde(default)]
    pub resource: Option<AskResource>,
    /// On which device: a `device`, or `unknown…`.
    #[serde(default)]
    pub device: Option<DeviceId>,
    /// The level they signed in with; absent: nobody says.
    #[serde(default)]
    pub session_level: Option<u8>,
    /// How long ago they signed in, in minutes. Counts only with `session_level`.
    #[serde(default)]
    pub session_age_min: u32,
    /// How: a key of `methods` in `assurance.toml`; absent: `unknown`.
    #[serde(default)]
    pub session_method: Option<SmolStr>,
    /// Whether they are at the screen: `present`, `locked` or `elsewhere`. With it, or with `session_bound`, the session is one that Handrail
    /// keeps itself; absent, one that the caller asserts. Counts only with `session_level`.
    #[serde(default)]
    pub session_presence: Option<SessionPresence>,
    /// Whether the workstation proved itself by its device key; absent: it did, if the session is one that Handrail keeps itself.
    #[serde(default)]
    pub session_bound: Option<bool>,
    /// Why, such as `TREAT`.
    #[serde(default)]
    pub purpose: Option<Purpose>,
    /// In which workflow; absent: the first that has the action.
    #[serde(default)]
    pub workflow: Option<WorkflowName>,
    /// What the asker holds for a while: the glass broken, a colleague's word, entitlements, exceptions.
    #[serde(default)]
    pub live: AskLive,
    /// When, after the scenario's now: facts may have run out by then.
    #[serde(default)]
    pub at: Offset,
    /// What else the caller asserts about who asks (already allowed to).
    #[serde(default)]
    pub subject_properties: Values,
    /// What else the caller asserts about the action.
    #[serde(default)]
    pub action_properties: Values,
    /// What else the caller asserts about the resource.
    #[serde(default)]
    pub resource_properties: Values,
    /// What else the caller asserts of the circumstances.
    #[serde(default)]
    pub context: Values,
    /// The answer.
    pub expect: Effect,
    /// The policies that decide, all of them in any order; absent: not checked.
    #[serde(default)]
    pub policies: Option<Vec<PolicyId>>,
    /// The remedies offered, all of them in order, such as `["narrow:read_summary", "step_up", "break_glass"]`; absent: not checked.
    #[serde(default)]
    pub remedies: Option<Vec<ExpectedRemedy>>,
    /// Who must be among the accountable; absent: not checked.
    #[serde(default)]
    pub accountable: Option<Vec<OwnerId>>,
}

/// What the id of somebody or something begins with that a question may name although the scenario does not have it.
pub const UNKNOWN: &str = "unknown";

/// What a question is about, if not a patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskResource {
    /// The schema's type.
    #[serde(rename = "type")]
    pub kind: TypeName,
    /// Its id.
    pub id: PrincipalId,
}

/// A remedy that must be offered: its kind, and for `narrow` the action if it matters (`narrow:read_summary`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedRemedy {
    /// What sort.
    pub kind: RemedyKind,
    /// Which: the narrower action of `narrow`; absent: any.
    pub action: Option<ActionName>,
}

/// A text that is not a remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a remedy: write narrow, narrow:ACTION, step_up, vouch, elevation, break_glass or help_desk")]
pub struct ExpectedRemedyError {
    text: String,
}

impl FromStr for ExpectedRemedy {
    type Err = ExpectedRemedyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ExpectedRemedyError { text: text.chars().take(128).collect() };
        let kind = |kind| Ok(Self { kind, action: None });
        match text {
            "narrow" => kind(RemedyKind::Narrow),
            "step_up" => kind(RemedyKind::StepUp),
            "vouch" => kind(RemedyKind::Vouch),
            "elevation" => kind(RemedyKind::Elevation),
            "break_glass" => kind(RemedyKind::BreakGlass),
            "help_desk" => kind(RemedyKind::HelpDesk),
            _ => {
                let action = text.strip_prefix("narrow:").ok_or_else(wrong)?;
                let action = ActionName::new(action).map_err(|_| wrong())?;
                Ok(Self { kind: RemedyKind::Narrow, action: Some(action) })
            }
        }
    }
}

impl fmt::Display for ExpectedRemedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        self.action.as_ref().map_or(Ok(()), |action| write!(f, ":{action}"))
    }
}

impl Serialize for ExpectedRemedy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ExpectedRemedy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedies_read_what_they_write() {
        for text in ["narrow", "narrow:read_summary", "step_up", "vouch", "elevation", "break_glass", "help_desk"] {
            assert_eq!(text.parse::<ExpectedRemedy>().map(|remedy| remedy.to_string()), Ok(text.to_owned()));
        }
        assert!("narrow:".parse::<ExpectedRemedy>().is_err());
    }
}
