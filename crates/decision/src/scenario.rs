//! Does the charter answer as its scenarios say it must? Each scenario's little world is built from leaves, as a real one is, and its
//! questions are put to the engine.

use crate::circumstances::{Live, Session};
use crate::engine::Engine;
use crate::judgement::Judgement;
use crate::remedy;
use charter::scenario::{Ask, ExpectedRemedy, Offset, Scenario, ScenarioPerson};
use charter::vocabulary::{SessionPresence, principal_type};
use events::decision::{Asserted, Question, Remedy, Values};
use events::encounter::Place;
use events::principal::IdentityClass;
use events::{
    Actor, AppointmentPseudonym, CharterDigest, Draft, EncounterPseudonym, EntityRef, Event, FeedName, IdError, Leaf,
    OrderPseudonym, PatientPseudonym, PrincipalId, Seq, ShiftId, Timestamp, TypeName, appointment, order,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use world::{Facts, World};

/// Why a scenario cannot be run. One that was loaded with its charter has none of these faults.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// A name that cannot be an id.
    #[error("a name in the scenario cannot be an id")]
    Id(#[from] IdError),
    /// A patient, encounter or resource that nothing says what it is.
    #[error("`{0}` is not in the scenario")]
    Unknown(String),
    /// The charter has no type for patients.
    #[error("the charter has no type for patients")]
    NoPatientType,
}

/// What came of one question.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What the question shows, in the scenario's words.
    pub title: String,
    /// Every way the answer differs from what must come of it, in plain words; empty when it does not.
    pub differences: Vec<String>,
    /// The answer.
    pub judgement: Judgement,
}

impl Outcome {
    /// Whether it came out as it must.
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Runs one scenario as if its now were `now`. What comes of it does not depend on which instant that is.
///
/// # Errors
/// When the scenario names things it does not have.
pub fn run(engine: &Engine, scenario: &Scenario, now: Timestamp) -> Result<Vec<Outcome>, ScenarioError> {
    Ok(prepare(engine, scenario, now)?.iter().map(|put| put.to(engine)).collect())
}

/// The questions of a scenario with everything they are decided by but policies: they can be put to many engines of one charter.
pub(crate) fn prepare<'a>(
    engine: &Engine,
    scenario: &'a Scenario,
    now: Timestamp,
) -> Result<Vec<Prepared<'a>>, ScenarioError> {
    let stage = Stage::new(engine, scenario, now)?;
    scenario.ask.iter().map(|ask| stage.prepare(ask)).collect()
}

/// A question with what it is decided by.
pub(crate) struct Prepared<'a> {
    ask: &'a Ask,
    question: Question,
    facts: Facts,
    live: Live,
    session: Option<Session>,
    now: Timestamp,
}

impl Prepared<'_> {
    /// Puts it to an engine.
    pub(crate) fn to(&self, engine: &Engine) -> Outcome {
        let ask = self.ask;
        let judgement = engine.decide_in(&self.question, &self.facts, &self.live, self.session.as_ref(), self.now);
        let mut differences = differences(ask, &judgement);
        if let Some(expected) = &ask.accountable {
            let digest = CharterDigest([0; 32]);
            let made = judgement.clone().into_made(self.question.clone(), Seq(0), digest, self.now);
            let found: BTreeSet<_> = engine.accountable(&made).into_iter().map(|who| who.owner).collect();
            for owner in expected.iter().filter(|owner| !found.contains(*owner)) {
                differences.push(format!("{owner} is not among the accountable"));
            }
        }
        Outcome { title: ask.title.clone(), differences, judgement }
    }
}

/// A scenario's world.
struct Stage<'a> {
    engine: &'a Engine,
    scenario: &'a Scenario,
    now: Timestamp,
    patients: BTreeMap<&'a str, PatientPseudonym>,
    world: World,
}

impl<'a> Stage<'a> {
    fn new(engine: &'a Engine, scenario: &'a Scenario, now: Timestamp) -> Result<Self, ScenarioError> {
        // Those nobody knows come after those in the scenario, and are told to no world.
        let known = scenario.patient.iter().map(|patient| patient.id.as_str());
        let asked = scenario.ask.iter().filter_map(|ask| ask.patient.as_deref());
        let mut patients = BTreeMap::new();
        for (number, name) in (1_u128..).zip(known.chain(asked)) {
            patients.entry(name).or_insert_with(|| PatientPseudonym::from_bytes(number.to_be_bytes()));
        }
        let mut stage = Self { engine, scenario, now, patients, world: World::new() };
        stage.people()?;
        stage.devices();
        stage.care()?;
        stage.feeds()?;
        Ok(stage)
    }

    fn tell(&mut self, event: impl Into<Event>) {
        self.tell_at(self.now, event);
    }

    fn tell_at(&mut self, occurred_at: Timestamp, event: impl Into<Event>) {
        // Recorded before either feed was last heard, so that only the scenario says when that was.
        let feeds = self.scenario.feeds;
        let recorded_at = feeds.adt.from(self.now).min(feeds.rota.from(self.now));
        self.record(recorded_at, Some(occurred_at), event.into());
    }

    fn record(&mut self, recorded_at: Timestamp, occurred_at: Option<Timestamp>, event: Event) {
        let mut draft = Draft::new(Actor::handrail("scenario"), event);
        draft.occurred_at = occurred_at;
        self.world.apply(&Leaf { seq: self.world.next_seq(), recorded_at, draft });
    }

    fn people(&mut self) -> Result<(), ScenarioError> {
        let scenario = self.scenario;
        for person in &scenario.person {
            self.tell(events::principal::Registered {
                principal: person.id.clone(),
                class: person.class,
                roles: person.roles.clone(),
                name: None,
                home_unit: person.home_unit.clone(),
                aliases: self.aliases(person)?,
                labels: person.labels.clone(),
            });
            if !person.active {
                self.tell(events::principal::Ended { principal: person.id.clone() });
            }
        }
        for (number, shift) in scenario.shift.iter().enumerate() {
            self.tell(events::rota::ShiftAssigned {
                shift: ShiftId::new(&format!("shift-{number}"))?,
                person: shift.person.clone(),
                unit: shift.unit.clone(),
                from: shift.from.from(self.now),
                until: shift.until.from(self.now),
                on_call: shift.on_call,
            });
        }
        for emergency in &scenario.emergency {
            let until = emergency.until.from(self.now);
            self.tell(events::emergency::Declared { unit: emergency.unit.clone(), until });
        }
        Ok(())
    }

    /// An alias that is the name of a patient of the scenario stands for the patient's pseudonym: whoever has it is that patient. A person
    /// of the class of patients who has the name of a patient is that patient, too.
    fn aliases(&self, person: &ScenarioPerson) -> Result<Vec<PrincipalId>, ScenarioError> {
        let pseudonym = |alias: &PrincipalId| match self.patients.get(alias.as_str()) {
            Some(patient) => PrincipalId::new(&patient.to_string()),
            None => Ok(alias.clone()),
        };
        let own = Some(&person.id)
            .filter(|id| person.class == IdentityClass::Patient && self.patients.contains_key(id.as_str()));
        Ok(person.aliases.iter().chain(own).map(pseudonym).collect::<Result<_, IdError>>()?)
    }

    fn devices(&mut self) {
        let scenario = self.scenario;
        for device in &scenario.device {
            self.tell(events::device::Registered {
                device: device.id.clone(),
                kind: device.kind,
                unit: device.unit.clone(),
                shared: device.shared,
                managed: device.managed,
            });
            if let Some(posture) = device.posture {
                let tomorrow = self.now + std::time::Duration::from_secs(86_400);
                self.tell(events::device::PostureReported {
                    device: device.id.clone(),
                    posture,
                    good_until: device.posture_until.map_or(tomorrow, |until| until.from(self.now)),
                    reason: None,
                });
            }
        }
    }

    fn patient(&self, name: &str) -> Result<PatientPseudonym, ScenarioError> {
        self.patients.get(name).copied().ok_or_else(|| ScenarioError::Unknown(name.to_owned()))
    }

    fn encounter(&self, name: &str) -> Result<(EncounterPseudonym, PatientPseudonym), ScenarioError> {
        let mut all = (1_u128..).zip(&self.scenario.encounter);
        let (number, encounter) =
            all.find(|(_, encounter)| encounter.id == name).ok_or_else(|| ScenarioError::Unknown(name.to_owned()))?;
        Ok((EncounterPseudonym::from_bytes(number.to_be_bytes()), self.patient(&encounter.patient)?))
    }

    fn care(&mut self) -> Result<(), ScenarioError> {
        let (scenario, now) = (self.scenario, self.now);
        let place = |unit: &events::UnitId| Place { unit: unit.clone(), room: None, bed: None };
        for patient in &scenario.patient {
            let labels = patient.labels.clone();
            self.tell(events::patient::Labelled { patient: self.patient(&patient.id)?, labels });
        }
        for opened in &scenario.encounter {
            let (encounter, patient) = self.encounter(&opened.id)?;
            let event = events::encounter::Opened {
                encounter,
                patient,
                class: opened.class,
                presence: opened.presence,
                place: place(&opened.unit),
                attending: opened.attending.clone(),
                participants: opened.participants.clone(),
            };
            self.tell_at(opened.at.from(now), event);
        }
        for moved in &scenario.moves {
            let (encounter, patient) = self.encounter(&moved.encounter)?;
            let event =
                events::encounter::Moved { encounter, patient, presence: moved.presence, place: place(&moved.unit) };
            self.tell_at(moved.at.from(now), event);
        }
        for closed in &scenario.discharge {
            let (encounter, patient) = self.encounter(&closed.encounter)?;
            self.tell_at(closed.at.from(now), events::encounter::Closed { encounter, patient });
        }
        for cancel in &scenario.cancel {
            let (encounter, patient) = self.encounter(&cancel.encounter)?;
            let happened_at = cancel.happened.map(|happened| happened.from(now));
            let event =
                events::encounter::MovementCancelled { encounter, patient, movement: cancel.movement, happened_at };
            self.tell_at(self.undone_at(&cancel.encounter), event);
        }
        self.services()?;
        for team in &scenario.team {
            let until = team.until.map(|until| until.from(now));
            let patient = self.patient(&team.patient)?;
            self.tell(events::team::Joined { patient, person: team.person.clone(), until });
        }
        for merge in &scenario.merge {
            let (survivor, retired) = (self.patient(&merge.survivor)?, self.patient(&merge.merged)?);
            self.tell(events::patient::Merged { survivor, retired });
        }
        Ok(())
    }

    fn services(&mut self) -> Result<(), ScenarioError> {
        let (scenario, now) = (self.scenario, self.now);
        for (number, placed) in (1_u128..).zip(&scenario.order) {
            let (order, patient) = (OrderPseudonym::from_bytes(number.to_be_bytes()), self.patient(&placed.patient)?);
            let (ordered_by, performers) = (placed.ordered_by.clone(), placed.performers.clone());
            let event = order::Placed { order, patient, ordered_by, performers, unit: placed.unit.clone() };
            self.tell_at(placed.at.from(now), event);
            if let Some(at) = placed.completed {
                let event = order::Completed { order, patient, ordered_by: None, performers: None, unit: None };
                self.tell_at(at.from(now), event);
            }
            if let Some(at) = placed.cancelled {
                self.tell_at(at.from(now), order::Cancelled { order, patient });
            }
        }
        for (number, booked) in (1_u128..).zip(&scenario.appointment) {
            let appointment = AppointmentPseudonym::from_bytes(number.to_be_bytes());
            let patient = self.patient(&booked.patient)?;
            let (from, until) = (booked.from.from(now), booked.until.from(now));
            let (unit, people) = (booked.unit.clone(), booked.people.clone());
            // Booked long before, so that it may have been withdrawn at any time since.
            let booked_at = from.min(now) - std::time::Duration::from_secs(30 * 86_400);
            self.tell_at(booked_at, appointment::Booked { appointment, patient, from, until, unit, people });
            if let Some(at) = booked.withdrawn {
                let why = appointment::Why::Cancelled;
                self.tell_at(at.from(now), appointment::Withdrawn { appointment, patient, why });
            }
        }
        Ok(())
    }

    /// An undo comes after everything it could undo, planned movements included.
    fn undone_at(&self, encounter: &str) -> Timestamp {
        let moves = self.scenario.moves.iter().filter(|moved| moved.encounter == encounter).map(|moved| moved.at);
        let leaves = self.scenario.discharge.iter().filter(|left| left.encounter == encounter).map(|left| left.at);
        let latest = moves.chain(leaves).max().unwrap_or_default().max(Offset::NOW);
        latest.from(self.now)
    }

    fn feeds(&mut self) -> Result<(), ScenarioError> {
        let heard = self.scenario.feeds;
        let mut all = [("adt", heard.adt.from(self.now)), (world::ROTA_FEED, heard.rota.from(self.now))];
        all.sort_by_key(|(_, at)| *at);
        for (feed, at) in all {
            let event = events::feed::Heard {
                feed: FeedName::new(feed)?,
                message_type: "scenario".into(),
                sha256: "0".repeat(64).into(),
            };
            self.record(at, None, event.into());
        }
        Ok(())
    }

    fn prepare<'s>(&self, ask: &'s Ask) -> Result<Prepared<'s>, ScenarioError> {
        let now = ask.at.from(self.now);
        let question = self.question(ask)?;
        let facts = self.world.facts(&self.engine.subject(&question), now);
        let held = &ask.live;
        let live = Live {
            break_glass: held.break_glass,
            vouched: held.vouched,
            elevations: held.elevations.iter().cloned().collect(),
            exceptions: held.exceptions.iter().cloned().collect(),
        };
        Ok(Prepared { ask, question, facts, live, session: known_session(ask), now })
    }

    fn question(&self, ask: &Ask) -> Result<Question, ScenarioError> {
        let person = self.scenario.person.iter().find(|person| person.id == ask.who);
        let kind = match person.and_then(|person| person.kind.clone()) {
            Some(kind) => kind,
            None => TypeName::new(principal_type(person.map_or(IdentityClass::Staff, |person| person.class)))?,
        };
        let resource = match (&ask.patient, &ask.resource) {
            (Some(patient), _) => EntityRef {
                kind: self
                    .engine
                    .charter()
                    .systems()
                    .patient_types
                    .first()
                    .cloned()
                    .ok_or(ScenarioError::NoPatientType)?,
                id: PrincipalId::new(&self.patient(patient)?.to_string())?,
            },
            (None, Some(resource)) => EntityRef { kind: resource.kind.clone(), id: resource.id.clone() },
            (None, None) => return Err(ScenarioError::Unknown("resource".to_owned())),
        };
        Ok(Question {
            session: None,
            principal: EntityRef { kind, id: ask.who.clone() },
            action: ask.action.clone(),
            resource,
            workflow: ask.workflow.clone(),
            asserted: Asserted {
                subject: ask.subject_properties.clone(),
                action: ask.action_properties.clone(),
                resource: ask.resource_properties.clone(),
                context: context(ask),
            },
        })
    }
}

/// The session of one who asks in a session that Handrail keeps itself.
fn known_session(ask: &Ask) -> Option<Session> {
    if ask.session_presence.is_none() && ask.session_bound.is_none() {
        return None;
    }
    let method = ask.session_method.clone().unwrap_or_else(|| "unknown".into());
    let session = Session::asserted(ask.session_level?.into(), ask.session_age_min.into(), method);
    let presence = ask.session_presence.unwrap_or(SessionPresence::Present);
    Some(session.known(presence, ask.session_bound.unwrap_or(true)))
}

fn context(ask: &Ask) -> Values {
    let mut context = ask.context.clone();
    if let Some(device) = &ask.device {
        context.insert("device".to_owned(), Value::from(device.as_str()));
    }
    if let Some(purpose) = &ask.purpose {
        context.insert("purpose".to_owned(), Value::from(purpose.as_str()));
    }
    if let Some(level) = ask.session_level {
        let method = ask.session_method.as_deref().unwrap_or("unknown");
        let session = json!({ "level": level, "age_minutes": ask.session_age_min, "method": method });
        context.insert("session".to_owned(), session);
    }
    context
}

fn differences(ask: &Ask, judgement: &Judgement) -> Vec<String> {
    let mut differences = Vec::new();
    let deciding = list(&judgement.policies);
    if judgement.effect != ask.expect {
        let why = judgement.refused.as_ref().map_or(deciding.clone(), ToString::to_string);
        differences.push(format!("expected {:?}, got {:?} ({why})", ask.expect, judgement.effect).to_lowercase());
    }
    if let Some(expected) = &ask.policies {
        let expected: BTreeSet<_> = expected.iter().collect();
        if expected != judgement.policies.iter().collect() {
            differences.push(format!("expected policies {}, got {deciding}", list(expected)));
        }
    }
    if let Some(expected) = &ask.remedies {
        let same = expected.len() == judgement.remedies.len()
            && expected.iter().zip(&judgement.remedies).all(|(expected, got)| fits(expected, got));
        if !same {
            let got = list(judgement.remedies.iter().map(as_expected));
            differences.push(format!("expected remedies {}, got {got}", list(expected)));
        }
    }
    if !judgement.errors.is_empty() {
        differences.push(format!("policies could not be evaluated: {}", list(&judgement.errors)));
    }
    differences
}

fn list<T: std::fmt::Display>(of: impl IntoIterator<Item = T>) -> String {
    let text = of.into_iter().map(|one| one.to_string()).collect::<Vec<_>>().join(", ");
    if text.is_empty() { "none".to_owned() } else { text }
}

fn as_expected(remedy: &Remedy) -> ExpectedRemedy {
    let action = match remedy {
        Remedy::Narrow { action } => Some(action.clone()),
        _ => None,
    };
    ExpectedRemedy { kind: remedy::kind(remedy), action }
}

fn fits(expected: &ExpectedRemedy, got: &Remedy) -> bool {
    let got = as_expected(got);
    got.kind == expected.kind && (expected.action.is_none() || got.action == expected.action)
}
