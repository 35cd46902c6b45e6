//! One asker in one set of circumstances: a little world told from leaves, as a real one is, and the questions put in it.

use super::circumstance::{Account, Bed, Circumstance, Setting, Work};
use super::{Line, Plan, Who};
use crate::engine::Engine;
use crate::judgement::Judgement;
use charter::vocabulary::FAMILY_PREFIX;
use charter::vocabulary::principal_type;
use events::decision::{Asserted, Question, Values};
use events::encounter::{Class, Place, Presence};
use events::principal::IdentityClass;
use events::{
    Actor, DeviceId, Draft, EncounterPseudonym, EntityRef, Event, FeedName, IdError, Label, Leaf, PatientPseudonym,
    PrincipalId, ShiftId, Timestamp, UnitId,
};
use serde_json::{Value, json};
use std::time::Duration;
use world::World;

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
const FAMILY: &str = "matrix";

pub(super) struct Stage<'a> {
    setting: &'a Setting,
    world: World,
}

/// What a line asks, of nobody in particular: to look up which policies could bear on it.
pub(super) fn bare_question(line: &Line) -> Result<Question, IdError> {
    let id = PrincipalId::new(ASKER)?;
    Ok(Question {
        principal: EntityRef { kind: line.who.kind.clone(), id: id.clone() },
        action: line.action.clone(),
        resource: EntityRef { kind: line.resource.clone(), id },
        workflow: None,
        asserted: Asserted::default(),
    })
}

impl<'a> Stage<'a> {
    pub(super) fn new(plan: &Plan, who: &Who, circumstance: &'a Circumstance) -> Result<Self, IdError> {
        let mut stage = Self { setting: &circumstance.setting, world: World::new() };
        stage.asker(plan, who)?;
        stage.patient()?;
        stage.surroundings(plan)?;
        Ok(stage)
    }

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
            Work::Left(unit) => (unit, NOW - HOUR * 9, NOW - HOUR, false),
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

    fn surroundings(&mut self, plan: &Plan) -> Result<(), IdError> {
        let setting = self.setting;
        let unit = match &setting.work {
            Work::In(unit) | Work::OnCallFor(unit) | Work::Left(unit) => unit.clone(),
            Work::Off => plan.places.elsewhere.clone(),
        };
        if let Some(device) = &setting.device {
            let id = DeviceId::new(DEVICE)?;
            self.tell(
                NOW - DAY,
                events::device::Registered {
                    device: id.clone(),
                    kind: device.kind,
                    unit: Some(unit.clone()),
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

    /// Puts a line's question.
    pub(super) fn ask(&self, engine: &Engine, plan: &Plan, line: &Line) -> Result<Judgement, IdError> {
        let mut question = bare_question(line)?;
        let patient = if self.setting.bed == Bed::Unknown { UNKNOWN } else { PATIENT };
        let id = match plan.thing(&line.resource) {
            _ if plan.is_patient(&line.resource) => Some(PrincipalId::new(&patient.to_string())?),
            Some(thing) => Some(thing.id.clone()),
            None => None,
        };
        if let Some(id) = id {
            question.resource.id = id;
        }
        question.asserted = Asserted { action: self.said(plan, line), context: self.context(), ..Asserted::default() };
        let facts = self.world.facts(&engine.subject(&question), NOW);
        Ok(engine.decide_holding(&question, &facts, &self.setting.held, NOW))
    }

    fn said(&self, plan: &Plan, line: &Line) -> Values {
        let said = plan.said(&line.action).filter(|_| self.setting.says_yes);
        said.map(|name| (name.to_string(), Value::Bool(true))).collect()
    }

    fn context(&self) -> Values {
        let mut context = Values::new();
        context.insert("purpose".to_owned(), Value::from(self.setting.purpose));
        if self.setting.device.is_some() {
            context.insert("device".to_owned(), Value::from(DEVICE));
        }
        if let Some((level, age_minutes)) = self.setting.sign_in {
            let session = json!({ "level": level, "age_minutes": age_minutes, "method": "security_key" });
            context.insert("session".to_owned(), session);
        }
        context
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
