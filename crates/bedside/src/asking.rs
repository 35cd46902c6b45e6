//! What is asked for somebody at the bedside: in their session, from their workstation, about a patient.

use charter::vocabulary::principal_type;
use decision::{Answer, Engine, Glance};
use events::decision::{Asserted, Made, Question};
use events::{ActionName, Actor, EntityRef, PatientPseudonym, PrincipalId, RoleName, Timestamp, TypeName, UnitId};
use plane::{Ask, DecideError, Plane};
use signin::point::PointOfCare;
use std::sync::Arc;
use world::{Facts, SessionFacts, Subject};

/// The part of Handrail that asks.
pub(crate) const ACTOR: Actor = plane::followed::BEDSIDE;

/// Somebody signed in, and what they are here.
pub(crate) struct Asker {
    pub(crate) engine: Arc<Engine>,
    pub(crate) now: Timestamp,
    pub(crate) session: SessionFacts,
    plane: Plane,
    who: EntityRef,
    roles: Vec<RoleName>,
    patient: TypeName,
}

impl Asker {
    /// None where the charter knows no patients, or the world not the person.
    pub(crate) fn of(point: &PointOfCare, session: &SessionFacts) -> Option<Self> {
        let (plane, engine, now) = (point.plane().clone(), point.plane().engine(), point.plane().now());
        let subject = Subject { principal: session.principal.clone(), patient: None, device: None, session: None };
        let known = plane.world(|world| world.facts(&subject, now)).principal?;
        let who = EntityRef { kind: TypeName::new(principal_type(known.class)).ok()?, id: session.principal.clone() };
        let patient = engine.charter().systems().patient_types.first()?.clone();
        Some(Self { engine, now, session: session.clone(), plane, who, roles: known.roles, patient })
    }

    /// What people of their roles do for patients, in the order of the charter's workflows.
    pub(crate) fn deeds(&self) -> Vec<ActionName> {
        let given = decision::search::actions_of(&self.engine, &self.who, &self.roles, &self.patient);
        let mut deeds: Vec<ActionName> = Vec::with_capacity(given.len());
        for action in self.engine.charter().workflows().iter().flat_map(|workflow| &workflow.actions) {
            if given.contains(action) && !deeds.contains(action) {
                deeds.push(action.clone());
            }
        }
        deeds
    }

    /// The same, what only looks first.
    pub(crate) fn looks_first(&self) -> Vec<ActionName> {
        let mut deeds = self.deeds();
        let actions = &self.engine.charter().entities().actions;
        deeds.sort_by_key(|action| !actions.get(action).is_some_and(|known| known.reads));
        deeds
    }

    /// What people call an action, as the end of "may …".
    pub(crate) fn deed(&self, action: &ActionName) -> String {
        let known = self.engine.charter().entities().actions.get(action);
        known.map_or_else(|| action.as_str().replace('_', " "), |known| known.title.clone())
    }

    /// What people call a unit.
    pub(crate) fn unit(&self, unit: &UnitId) -> String {
        self.engine.charter().unit(unit).map_or_else(|| unit.to_string(), |known| known.name.clone())
    }

    /// The question whether they may do something to a patient, or to whoever it is that is sought.
    pub(crate) fn question(&self, action: &ActionName, about: PrincipalId) -> Question {
        let device = self.session.workstation.as_ref().map(|device| ("device".to_owned(), device.as_str().into()));
        Question {
            principal: self.who.clone(),
            action: action.clone(),
            resource: EntityRef { kind: self.patient.clone(), id: about },
            workflow: None,
            session: Some(self.session.session.clone()),
            asserted: Asserted { context: device.into_iter().collect(), ..Asserted::default() },
        }
    }

    /// The same about a patient.
    pub(crate) fn about(&self, action: &ActionName, patient: PatientPseudonym) -> Question {
        // Letters and digits of a fixed number: always an id.
        let id = PrincipalId::new(&patient.to_string()).unwrap_or_else(|_| unreachable!("{patient} is an id"));
        self.question(action, id)
    }

    fn facts(&self, question: &Question) -> Facts {
        let subject = self.engine.subject(question);
        self.plane.world(|world| world.facts(&subject, self.now))
    }

    /// What would be answered now. Nothing is recorded, so nobody may act on it: it is for choosing what to ask.
    pub(crate) fn foresee(&self, question: Question) -> (Made, Answer) {
        let facts = self.facts(&question);
        let judged = self.engine.decide(&question, &facts, self.now);
        let made = judged.into_made(question, facts.world_seq, self.engine.charter().digest(), self.now);
        let answer = self.engine.answer(&made);
        (made, answer)
    }

    /// Whether something would be permitted now, and no more.
    pub(crate) fn glance(&self, question: &Question) -> Glance {
        self.engine.glance(question, &self.facts(question), self.now)
    }

    /// Asks, on the record.
    pub(crate) async fn ask(&self, question: Question, why: Option<&str>) -> Result<plane::Answer, DecideError> {
        let ask = Ask { question, actor: ACTOR, request: None, live: false };
        self.plane.decide_with_words(ask, why).await
    }
}
