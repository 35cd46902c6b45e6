//! What is true now and bears on one question: owned values with every time a decision needs.

use crate::keys::{KEYS_MAX, Key};
use crate::sessions::SessionFacts;
use events::device::{DeviceKind, Posture};
use events::encounter::{Class, Presence};
use events::principal::IdentityClass;
use events::{
    AppointmentPseudonym, DeviceId, EncounterPseudonym, Label, OrderPseudonym, PatientPseudonym, PrincipalId, RoleName,
    Seq, SessionId, ShiftId, Timestamp, UnitId,
};
use smallvec::SmallVec;
use smol_str::SmolStr;

/// Whose facts are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// Who asks.
    pub principal: PrincipalId,
    /// About which patient, if about one.
    pub patient: Option<PatientPseudonym>,
    /// At which device, if one is given.
    pub device: Option<DeviceId>,
    /// In which session of Handrail's own, if in one.
    pub session: Option<SessionId>,
}

/// Everything known that bears on a subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The world they come from: every entry before this one had been folded.
    pub world_seq: Seq,
    /// Who asks; `None` when they were never registered.
    pub principal: Option<PrincipalFacts>,
    /// Their shifts, earliest first, but for those that ended more than [`crate::PAST_HOURS`] ago.
    pub shifts: Vec<ShiftFacts>,
    /// The patient; `None` when none was asked about or no entry ever named them.
    pub patient: Option<PatientFacts>,
    /// The device; `None` when none was given or it is not enrolled.
    pub device: Option<DeviceFacts>,
    /// The session; `None` when none was given, it is over, or it is somebody else's.
    pub session: Option<SessionFacts>,
    /// Until when a colleague's word for the asker counts at the device, if one was given. It may be past.
    pub vouched_until: Option<Timestamp>,
    /// The units involved that are in an emergency now, and until when. Involved are the asker's home unit, the units of
    /// [`Facts::shifts`], the device's, and those of the patient's stays that did not end more than [`crate::PAST_HOURS`] ago.
    pub emergencies: Vec<(UnitId, Timestamp)>,
    /// When the feeds were last heard.
    pub feeds: FeedFacts,
    /// What all this, but for the feeds, rests on.
    pub keys: SmallVec<[Key; KEYS_MAX]>,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalFacts {
    /// Their class.
    pub class: IdentityClass,
    /// Their roles, in the order given.
    pub roles: Vec<RoleName>,
    /// What people call them.
    pub name: Option<SmolStr>,
    /// Whether they may act: not ended, or registered anew since.
    pub active: bool,
    /// The unit they belong to when not on a shift.
    pub home_unit: Option<UnitId>,
    /// Labels that tie them to records needing more care, in alphabetical order.
    pub labels: Vec<Label>,
    /// What other systems call them and nobody else who may act, in the order given.
    pub aliases: Vec<PrincipalId>,
}

/// One shift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShiftFacts {
    /// Which.
    pub shift: ShiftId,
    /// Where.
    pub unit: UnitId,
    /// From when, inclusive.
    pub from: Timestamp,
    /// Until when, exclusive: as planned, or when it was withdrawn after it had begun.
    pub until: Timestamp,
    /// Whether they are on call for the unit rather than present in it.
    pub on_call: bool,
}

/// A patient: what is known of all records merged into one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatientFacts {
    /// The record they go by, after merges.
    pub canonical: PatientPseudonym,
    /// Every record that is this patient, the canonical one first, then in order.
    pub records: Vec<PatientPseudonym>,
    /// The labels of all records, in alphabetical order.
    pub labels: Vec<Label>,
    /// The encounters of all records, in order of opening. One whose admission was undone is not among them, nor one of which no
    /// movement is known.
    pub encounters: Vec<EncounterFacts>,
    /// Who treats them, in alphabetical order, each once, the ended included.
    pub team: Vec<TeamFacts>,
    /// What was ordered for them, the ended included, by when it was placed.
    pub orders: Vec<OrderFacts>,
    /// Their appointments, the past and withdrawn included, by when they begin. One of which no time is known is not among them.
    pub appointments: Vec<AppointmentFacts>,
}

/// One order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderFacts {
    /// Which.
    pub order: OrderPseudonym,
    /// When it was placed: the earliest word of it.
    pub placed_at: Timestamp,
    /// When it was completed or cancelled, unless it was opened again.
    pub ended_at: Option<Timestamp>,
    /// Whether that was a cancellation.
    pub cancelled: bool,
    /// Who ordered it: codes as the sender knows them, but the asker's own id in place of each code that is theirs.
    pub ordered_by: Vec<PrincipalId>,
    /// Who performs it, in the same form.
    pub performers: Vec<PrincipalId>,
    /// The unit that performs it, if known.
    pub unit: Option<UnitId>,
}

/// One appointment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppointmentFacts {
    /// Which.
    pub appointment: AppointmentPseudonym,
    /// From when, inclusive.
    pub from: Timestamp,
    /// Until when, exclusive.
    pub until: Timestamp,
    /// When it was withdrawn, unless it was booked again.
    pub withdrawn_at: Option<Timestamp>,
    /// Where, if known.
    pub unit: Option<UnitId>,
    /// Who sees the patient: codes as the sender knows them, but the asker's own id in place of each code that is theirs.
    pub people: Vec<PrincipalId>,
}

/// One stay or visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncounterFacts {
    /// Which.
    pub encounter: EncounterPseudonym,
    /// The sort of stay; [`Class::Other`] when no message said.
    pub class: Class,
    /// The time of its first movement that was not undone.
    pub opened_at: Timestamp,
    /// When the patient left, unless they never did, it was undone, or they were admitted again after.
    pub closed_at: Option<Timestamp>,
    /// Where the patient was, is, will be and is expected, by time. Of stays in presence none overlap; neither do expectations.
    pub stays: Vec<Stay>,
    /// Who attends: codes as the sender knows them, but the asker's own id in place of each code that is theirs.
    pub attending: Vec<PrincipalId>,
    /// Who else takes part, in the same form.
    pub participants: Vec<PrincipalId>,
}

/// A time in one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Where.
    pub unit: UnitId,
    /// Whether the patient is there or expected.
    pub presence: Presence,
    /// From when, inclusive.
    pub from: Timestamp,
    /// Until when, exclusive, if an end is known.
    pub until: Option<Timestamp>,
}

/// One member of the treatment team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamFacts {
    /// Who: the asker's own id where it is theirs by id or alias.
    pub person: PrincipalId,
    /// Until when, exclusive, if an end is known. It may be past.
    pub until: Option<Timestamp>,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceFacts {
    /// What sort.
    pub kind: DeviceKind,
    /// Where it stands, if it stands anywhere.
    pub unit: Option<UnitId>,
    /// Whether several people use it.
    pub shared: bool,
    /// Whether the hospital manages it.
    pub managed: bool,
    /// How healthy it was last found, and until when that finding is good. It may be past.
    pub posture: Option<(Posture, Timestamp)>,
}

/// When the feeds were last heard, by `recorded_at`. `None`: never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedFacts {
    /// The last fact that came in a feed message, or a message that changed nothing.
    pub adt: Option<Timestamp>,
    /// The last shift planned or withdrawn, or a rota that changed nothing ([`crate::ROTA_FEED`]).
    pub rota: Option<Timestamp>,
}
