//! One asker in one set of circumstances: a little world told from leaves, as a real one is, and the questions put in it.

use super::circumstance::Circumstance;
use super::setting::{Account, Appointment, Bed, Order, Setting, Work};
use super::{Line, Plan, Who};
use crate::circumstances::Session;
use crate::engine::Engine;
use crate::judgement::Judgement;
use charter::vocabulary::FAMILY_PREFIX;
use charter::vocabulary::principal_type;
use events::decision::{Asserted, Question, Values};
use events::encounter::{Class, Place, Presence};
use events::principal::IdentityClass;
use events::{
    Actor, AppointmentPseudonym, DeviceId, Draft, EncounterPseudonym, EntityRef, Event, FeedName, IdError, Label, Leaf,
    OrderPseudonym, PatientPseudonym, PrincipalId, ShiftId, Timestamp, UnitId,
};
use serde_json::{Value, json};
use std::time::Duration;
use world::{Facts, Subject, World};

/// When the matrix is asked. Nothing depends on which instant it is.
const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
/// What nothing says when it was recorded was recorded so long before, so that no feed counts as heard by it.
const LONG_AGO: Duration = Duration::from_secs(10 * 86_400);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

const PATIENT: PatientPseudonym = PatientPseudonym::from_bytes([7; 16]);
const UNKNOWN: PatientPseudonym = PatientPseudonym::from_bytes([9; 16]);
const ASKER: &str = "asker";
const DEVICE: &str = "device-1";
const METHOD: &str = "security_key";
const FAMILY: &str = "matrix";

/// What is true of the asker there, whatever charter is asked.
pub(super) struct Stage<'a> {
    setting: &'a Setting,
    patient: PatientPseudonym,
    /// For questions about the patient.
    of_patient: Facts,
    /// For all others.
    of_house: Facts,
}

struct Telling<'a> {
    setting: &'a Setting,
    world: World,
}

/// What a line asks, of nobody in particular: to look up which policies could bear on it.
pub(super) fn bare_question(line: &Line) -> Result<Question, IdError> {
    let id = PrincipalId::new(ASKER)?;
    Ok(Question {
        session: None,
        principal: EntityRef { kind: line.who.kind.clone(), id: id.clone() },
        action: line.action.clone(),
        resource: EntityRef { kind: line.resource.clone(), id },
        workflow: None,
        asserted: Asserted::default(),
    })
}

impl<'a> Stage<'a> {
    pub(super) fn new(plan: &Plan, who: &Who, circumstance: &'a Circumstance) -> Result<Self, IdError> {
        let setting = &circumstance.setting;
        let mut telling = Telling { setting, world: World::new() };
        telling.asker(plan, who)?;
        telling.patient()?;
        telling.order()?;
        telling.appointment()?;
        telling.surroundings(plan)?;
        let patient = if setting.bed == Bed::Unknown { UNKNOWN } else { PATIENT };
        let device = setting.device.as_ref().map(|_| DeviceId::new(DEVICE)).transpose()?;
        let subject = |patient| -> Result<Subject, IdError> {
            Ok(Subject { principal: PrincipalId::new(ASKER)?, patient, device: device.clone(), session: None })
        };
        Ok(Self {
            setting,
            patient,
            of_patient: telling.world.facts(&subject(Some(patient))?, NOW),
            of_house: telling.world.facts(&subject(None)?, NOW),
        })
    }

    /// Puts a line's question.
    pub(super) fn ask(&self, engine: &Engine, plan: &Plan, line: &Line) -> Result<Judgement, IdError> {
        let mut question = bare_question(line)?;
        let about_patient = plan.is_patient(&line.resource);
        let id = match plan.thing(&line.resource) {
            _ if about_patient => Some(PrincipalId::new(&self.patient.to_string())?),
            Some(thing) => Some(thing.id.clone()),
            None => None,
        };
        if let Some(id) = id {
            question.resource.id = id;
        }
        question.asserted = Asserted { action: self.said(plan, line), context: self.context(), ..Asserted::default() };
        let facts = if about_patient { &self.of_patient } else { &self.of_house };
        Ok(engine.decide_in(&question, facts, &self.setting.held, self.known_session().as_ref(), NOW))
    }

    fn known_session(&self) -> Option<Session> {
        let ((level, age_minutes), (presence, bound)) = self.setting.sign_in.zip(self.setting.screen)?;
        Some(Session::asserted(level, age_minutes, METHOD.into()).known(presence, bound))
    }

    fn said(&self, plan: &Plan, line: &Line) -> Values {
        let said = plan.said(&line.action);
        said.filter_map(|name| Some((name.to_string(), Value::Bool(self.setting.says?)))).collect()
    }

    fn context(&self) -> Values {
        let mut context = Values::new();
        context.insert("purpose".to_owned(), Value::from(self.setting.purpose));
        if self.setting.device.is_some() {
            context.insert("device".to_owned(), Value::from(DEVICE));
        }
        if let Some((level, age_minutes)) = self.setting.sign_in {
            let session = json!({ "level": level, "age_minutes": age_minutes, "method": METHOD });
            context.insert("session".to_owned(), session);
        }
        context
    }
}

impl Telling<'_> {
    fn tell(&mut self, at: Timestamp, event: impl Into<Event>) {
        let mut draft = Draft::new(Actor::handrail("matrix"), event);
        draft.occurred_at = Some(at);
        let leaf = Leaf { seq: self.world.next_seq(), recorded_at: NOW - LONG_AGO, draft };
        self.world.apply(&leaf);
    }

    fn asker(&mut self, plan: &Plan, who: &Who) -> Result<(), IdError> {
        let setting = self.setting;
        let class = match setting.account {
            Account::Unregistered => return Ok(()),
            Account::Supplier => IdentityClass::Vendor,
            Account::Patient => IdentityClass::Patient,
            Account::OtherSort => other_class(who),
            _ => class_of(who),
        };
        let mut labels = Vec::new();
        if setting.ties.family {
            labels.push(family()?);
        }
        if setting.shares_label {
            labels.extend(plan.named_labels());
        }
        let principal = PrincipalId::new(ASKER)?;
        let aliases = if setting.ties.own { vec![PrincipalId::new(&PATIENT.to_string())?] } else { Vec::new() };
        self.tell(
            NOW - DAY,
            events::principal::Registered {
                principal: principal.clone(),
                class,
                roles: who.role.iter().cloned().collect(),
                name: None,
                home_unit: None,
                aliases,
                labels,
            },
        );
        if setting.account == Account::Ended {
            self.tell(NOW - HOUR, events::principal::Ended { principal: principal.clone() });
        }
        let (unit, from, until, on_call) = match &setting.work {
            Work::In(unit) => (unit, NOW - HOUR * 2, NOW + HOUR * 4, false),
            Work::OnCallFor(unit) => (unit, NOW - HOUR * 2, NOW + HOUR * 4, true),
            Work::Left(unit, ago) => (unit, NOW - *ago - HOUR * 8, NOW - *ago, false),
            Work::Off => return Ok(()),
        };
        let shift = ShiftId::new("shift-1")?;
        let (unit, person) = (unit.clone(), principal);
        self.tell(NOW - DAY, events::rota::ShiftAssigned { shift, person, unit, from, until, on_call });
        Ok(())
    }

    fn patient(&mut self) -> Result<(), IdError> {
        let setting = self.setting;
        let (unit, left) = match &setting.bed {
            Bed::Unknown => return Ok(()),
            Bed::In(unit) => (unit, false),
            Bed::Expected(_, unit) => (unit, false),
            Bed::Left(unit) => (unit, true),
        };
        let asker = PrincipalId::new(ASKER)?;
        let of = |tied: bool| if tied { vec![asker.clone()] } else { Vec::new() };
        let place = |unit: &UnitId| Place { unit: unit.clone(), room: None, bed: None };
        let encounter = EncounterPseudonym::from_bytes([1; 16]);
        self.tell(
            NOW - DAY * 5,
            events::encounter::Opened {
                encounter,
                patient: PATIENT,
                class: Class::Inpatient,
                presence: Presence::Present,
                place: place(unit),
                attending: of(setting.ties.attending),
                participants: of(setting.ties.named),
            },
        );
        if left {
            self.tell(NOW - DAY * 3, events::encounter::Closed { encounter, patient: PATIENT });
        }
        if let Bed::Expected(unit, _) = &setting.bed {
            let (presence, place) = (Presence::Expected, place(unit));
            self.tell(NOW - HOUR, events::encounter::Moved { encounter, patient: PATIENT, presence, place });
        }
        let mut labels = setting.labels.clone();
        if setting.ties.family {
            labels.push(family()?);
        }
        self.tell(NOW - DAY, events::patient::Labelled { patient: PATIENT, labels });
        if setting.ties.team {
            self.tell(NOW - DAY, events::team::Joined { patient: PATIENT, person: asker.clone(), until: None });
        }
        Ok(())
    }

    fn order(&mut self) -> Result<(), IdError> {
        let Some(told) = self.setting.order else { return Ok(()) };
        let (order, patient) = (OrderPseudonym::from_bytes([3; 16]), PATIENT);
        let asker = vec![PrincipalId::new(ASKER)?];
        let (ordered_by, performers) = if told == Order::Placed { (asker, Vec::new()) } else { (Vec::new(), asker) };
        let done = if let Order::Done(ago) = told { Some(NOW - ago) } else { None };
        let placed = events::order::Placed { order, patient, ordered_by, performers, unit: None };
        self.tell(done.unwrap_or(NOW) - HOUR, placed);
        if let Some(done) = done {
            let (ordered_by, performers, unit) = (None, None, None);
            self.tell(done, events::order::Completed { order, patient, ordered_by, performers, unit });
        }
        Ok(())
    }

    fn appointment(&mut self) -> Result<(), IdError> {
        let from = match self.setting.appointment {
            None => return Ok(()),
            Some(Appointment::Ahead(time)) => NOW + time,
            Some(Appointment::Now) => NOW,
            Some(Appointment::Over(ago)) => NOW - ago - HOUR,
        };
        let (appointment, people) = (AppointmentPseudonym::from_bytes([5; 16]), vec![PrincipalId::new(ASKER)?]);
        let booked =
            events::appointment::Booked { appointment, patient: PATIENT, from, until: from + HOUR, unit: None, people };
        self.tell(NOW - DAY, booked);
        Ok(())
    }

    fn surroundings(&mut self, plan: &Plan) -> Result<(), IdError> {
        let setting = self.setting;
        let unit = match &setting.work {
            Work::In(unit) | Work::OnCallFor(unit) | Work::Left(unit, _) => unit.clone(),
            Work::Off => plan.places.elsewhere.clone(),
        };
        if let Some(device) = &setting.device {
            let id = DeviceId::new(DEVICE)?;
            self.tell(
                NOW - DAY,
                events::device::Registered {
                    device: id.clone(),
                    kind: device.kind,
                    unit: setting.device_at.clone().or_else(|| Some(unit.clone())),
                    shared: true,
                    managed: device.managed,
                },
            );
            if let Some(posture) = device.posture {
                let reported =
                    events::device::PostureReported { device: id, posture, good_until: NOW + DAY, reason: None };
                self.tell(NOW - HOUR, reported);
            }
        }
        if setting.emergency {
            self.tell(NOW - HOUR, events::emergency::Declared { unit, until: NOW + HOUR });
        }
        for (feed, silent) in [("adt", setting.adt_silent), (world::ROTA_FEED, setting.rota_silent)] {
            if silent {
                continue;
            }
            let heard = events::feed::Heard {
                feed: FeedName::new(feed)?,
                message_type: "matrix".into(),
                sha256: "0".repeat(64).into(),
            };
            let draft = Draft::new(Actor::handrail("matrix"), heard);
            self.world.apply(&Leaf { seq: self.world.next_seq(), recorded_at: NOW, draft });
        }
        Ok(())
    }
}

fn family() -> Result<Label, IdError> {
    Label::new(&format!("{FAMILY_PREFIX}{FAMILY}"))
}

/// The first class whose principals are of this type.
fn class_of(who: &Who) -> IdentityClass {
    let fits = |class: &IdentityClass| principal_type(*class) == who.kind.as_str();
    IdentityClass::ALL.into_iter().find(fits).unwrap_or(IdentityClass::Staff)
}

/// The first class whose principals are of another type.
fn other_class(who: &Who) -> IdentityClass {
    let other = |class: &IdentityClass| principal_type(*class) != who.kind.as_str();
    IdentityClass::ALL.into_iter().find(other).unwrap_or(IdentityClass::Staff)
}
