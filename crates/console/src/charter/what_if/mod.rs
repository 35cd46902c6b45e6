//! What would be decided if somebody asked for something: what is true now, some of it imagined otherwise, put to the charter in force or to a
//! proposed one. Nobody gets anything by it; that it was asked is an entry in the ledger.

mod facts;
mod page;
mod promised;
pub(crate) mod routes;

use crate::audit::patient_of;
use crate::trouble::Trouble;
use charter::vocabulary::principal_type;
use decision::Engine;
use events::decision::{Asserted, Question, Values};
use events::principal::IdentityClass;
use events::{ActionName, EntityRef, IdError, PatientPseudonym, PrincipalId};
use plane::Plane;
use serde::Deserialize;
use serde_json::{Value, json};
use std::str::FromStr;

/// The patient of a question in which none is named: nobody ever heard of them.
const NOBODY: PatientPseudonym = PatientPseudonym::from_bytes([0; 16]);
/// The device of a question, which is only imagined.
const DEVICE: &str = "imagined";

/// The form as it was sent. A choice left empty leaves things as they are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sent {
    /// The number of a proposal; empty for the charter in force.
    charter: String,
    person: String,
    action: String,
    record_number: String,
    /// The patient of the question before, by pseudonym: a record number does not come back.
    patient: String,
    role: String,
    shift: String,
    place: String,
    team: String,
    label: String,
    device: String,
    level: String,
    feeds: String,
    held: String,
    order: String,
    appointment: String,
    emergency: String,
}

/// A choice that the form does not offer.
fn odd(sent: &str, expected: &'static str) -> Trouble {
    Trouble::Parameter { sent: sent.chars().take(60).collect(), expected }
}

fn named<T: FromStr<Err = IdError>>(sent: &str, expected: &'static str) -> Result<T, Trouble> {
    sent.trim().parse().map_err(|_| odd(sent, expected))
}

impl Sent {
    fn person(&self) -> Result<PrincipalId, Trouble> {
        named(&self.person, "the id of a person, such as n-amara")
    }

    /// The patient that is named, if one is.
    fn patient(&self, plane: &Plane) -> Result<Option<PatientPseudonym>, Trouble> {
        let number = self.record_number.trim();
        if !number.is_empty() {
            return patient_of(plane, number).map(Some);
        }
        let known = Some(self.patient.as_str()).filter(|patient| !patient.is_empty());
        known.map(|patient| patient.parse().map_err(|_| odd(patient, "a patient’s pseudonym"))).transpose()
    }

    /// The question, as a calling system would have put it.
    fn question(
        &self,
        engine: &Engine,
        class: IdentityClass,
        patient: Option<PatientPseudonym>,
    ) -> Result<Question, Trouble> {
        let kinds = &engine.charter().systems().patient_types;
        let kind = kinds.first().cloned().ok_or_else(|| odd("a patient", "a type of this charter"))?;
        let mut context = Values::new();
        if !self.device.is_empty() {
            context.insert("device".to_owned(), Value::from(DEVICE));
        }
        if !self.level.is_empty() {
            let level: u8 = self.level.parse().map_err(|_| odd(&self.level, "a level of sign-in"))?;
            context.insert("session".to_owned(), json!({ "level": level, "age_minutes": 1, "method": "imagined" }));
        }
        Ok(Question {
            session: None,
            principal: EntityRef { kind: named(principal_type(class), "a type")?, id: self.person()? },
            action: named::<ActionName>(&self.action, "an action of this charter")?,
            resource: EntityRef { kind, id: named(&patient.unwrap_or(NOBODY).to_string(), "a pseudonym")? },
            workflow: None,
            asserted: Asserted { context, ..Asserted::default() },
        })
    }

    /// What is imagined, by name, as the ledger keeps it.
    fn imagined(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("role", &self.role),
            ("shift", &self.shift),
            ("place", &self.place),
            ("team", &self.team),
            ("label", &self.label),
            ("device", &self.device),
            ("level", &self.level),
            ("feeds", &self.feeds),
            ("held", &self.held),
            ("order", &self.order),
            ("appointment", &self.appointment),
            ("emergency", &self.emergency),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, value.as_str()))
    }
}
