//! What somebody searches for: read from an address, written into others, and made from a form.

use crate::address::with_query;
use crate::trouble::Trouble;
use ::audit::find::{self, Question};
use ::audit::period;
use events::decision::Effect;
use events::{PatientPseudonym, PrincipalId, Seq, UnitId, WorkflowName};
use jiff::tz::TimeZone;
use plane::Plane;
use serde::Deserialize;

/// The longest value an error repeats, in characters.
const REPEATED_CHARS_MAX: usize = 60;

/// A search, with times as they were typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) question: Question,
    /// As typed; `question` has the instants.
    pub(crate) from: Option<String>,
    pub(crate) until: Option<String>,
    /// Entries of every kind and not only decisions.
    pub(crate) everything: bool,
    /// Something was asked for: an address without anything only shows the form.
    pub(crate) asked: bool,
}

/// The form, as it is sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sent {
    record_number: String,
    patient: String,
    person: String,
    workflow: String,
    unit: String,
    effect: String,
    emergency: String,
    everything: String,
    from: String,
    until: String,
}

impl Sent {
    /// The address that shows what was asked for. Here a record number ends.
    pub(crate) fn href(&self, plane: &Plane) -> Result<String, Trouble> {
        let number = self.record_number.trim();
        let patient = if number.is_empty() { self.patient.clone() } else { patient_of(plane, number)?.to_string() };
        let given = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        Ok(with_query(
            "/audit",
            &[
                ("patient", given(&patient)),
                ("person", given(&self.person)),
                ("workflow", given(&self.workflow)),
                ("unit", given(&self.unit)),
                ("effect", given(&self.effect)),
                ("emergency", given(&self.emergency)),
                ("everything", given(&self.everything)),
                ("from", given(&self.from)),
                ("until", given(&self.until)),
                ("search", Some("1".to_owned())),
            ],
        ))
    }
}

/// The patient of a typed record number.
pub(crate) fn patient_of(plane: &Plane, number: &str) -> Result<PatientPseudonym, Trouble> {
    if plane::number::check(number).is_err() {
        // What was typed is not repeated: it may be a patient's number.
        return Err(Trouble::Parameter {
            sent: "what was typed".to_owned(),
            expected: "a record number: one to 64 letters or digits",
        });
    }
    Ok(plane.directory().patient(number))
}

impl Wanted {
    /// Reads a query. An empty value is as good as none; parameters nobody knows are ignored.
    pub(crate) fn read(query: &[(String, String)], zone: &TimeZone) -> Result<Self, Trouble> {
        let mut wanted = Self::default();
        for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
            wanted.take(name, value, zone)?;
        }
        if !wanted.everything {
            wanted.question.kind = Some(find::DECISIONS.to_owned());
        }
        Ok(wanted)
    }

    fn take(&mut self, name: &str, value: &str, zone: &TimeZone) -> Result<(), Trouble> {
        let wrong = |expected| Trouble::Parameter { sent: value.chars().take(REPEATED_CHARS_MAX).collect(), expected };
        let entry = || value.parse().map(Seq).map_err(|_| wrong("the number of an entry"));
        let day = "a day such as 2026-11-22";
        let question = &mut self.question;
        match name {
            "patient" => question.patient = Some(value.parse().map_err(|_| wrong("a patient’s pseudonym"))?),
            "person" => question.person = Some(PrincipalId::new(value).map_err(|_| wrong("the name of a person"))?),
            "workflow" => {
                question.workflow = Some(WorkflowName::new(value).map_err(|_| wrong("the name of a workflow"))?);
            }
            "unit" => question.unit = Some(UnitId::new(value).map_err(|_| wrong("the name of a unit"))?),
            "effect" => {
                question.effect = Some(match value {
                    "permit" => Effect::Permit,
                    "deny" => Effect::Deny,
                    _ => return Err(wrong("an answer: permit or deny")),
                });
            }
            "emergency" => question.emergency = value == "1",
            "everything" => self.everything = value == "1",
            "from" => {
                question.from = Some(period::beginning(value, zone).map_err(|_| wrong(day))?);
                self.from = Some(value.to_owned());
            }
            "until" => {
                question.until = Some(period::end(value, zone).map_err(|_| wrong(day))?);
                self.until = Some(value.to_owned());
            }
            "before" => question.before = Some(entry()?),
            "after" => question.after = Some(entry()?),
            "search" => {}
            _ => return Ok(()),
        }
        self.asked = true;
        Ok(())
    }

    /// The address of a page that shows it: `/audit`, or `/audit.csv`.
    pub(crate) fn href(&self, path: &str) -> String {
        let question = &self.question;
        let flag = |set: bool| set.then(|| "1".to_owned());
        let text = |value: &Option<String>| value.clone();
        with_query(
            path,
            &[
                ("patient", question.patient.map(|patient| patient.to_string())),
                ("person", question.person.as_ref().map(ToString::to_string)),
                ("workflow", question.workflow.as_ref().map(ToString::to_string)),
                ("unit", question.unit.as_ref().map(ToString::to_string)),
                ("effect", self.effect().map(str::to_owned)),
                ("emergency", flag(question.emergency)),
                ("everything", flag(self.everything)),
                ("from", text(&self.from)),
                ("until", text(&self.until)),
                ("before", question.before.map(|entry| entry.to_string())),
                ("after", question.after.map(|entry| entry.to_string())),
                ("search", Some("1".to_owned())),
            ],
        )
    }

    /// The answer looked for, as addresses and forms write it.
    pub(crate) fn effect(&self) -> Option<&'static str> {
        self.question.effect.map(|effect| match effect {
            Effect::Permit => "permit",
            Effect::Deny => "deny",
        })
    }

    /// The same from another place.
    pub(crate) fn at(&self, before: Option<Seq>, after: Option<Seq>) -> Self {
        Self { question: Question { before, after, ..self.question.clone() }, ..self.clone() }
    }

    /// The same for no patient in particular.
    pub(crate) fn of_anybody(&self) -> Self {
        let mut wanted = self.at(None, None);
        wanted.question.patient = None;
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &[(&str, &str)]) -> Result<Wanted, Trouble> {
        let query: Vec<_> = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Wanted::read(&query, &TimeZone::UTC)
    }

    #[test]
    fn an_address_reads_as_it_was_written() {
        let patient = "pat_abababababababababababababababab";
        let wanted = read(&[
            ("patient", patient),
            ("person", "n-amara & co"),
            ("effect", "deny"),
            ("from", "2026-11-01"),
            ("before", "7"),
        ])
        .unwrap();
        let href = wanted.href("/audit");
        assert_eq!(
            href,
            format!("/audit?patient={patient}&person=n-amara%20%26%20co&effect=deny&from=2026-11-01&before=7&search=1")
        );
        assert!(wanted.asked && !read(&[("utm", "x")]).unwrap().asked);
    }

    #[test]
    fn nonsense_is_refused_with_what_would_be_right() {
        for (name, value) in [
            ("patient", "70011"),
            ("person", "\u{0}"),
            ("effect", "maybe"),
            ("from", "yesterday"),
            ("until", "2026-02-30"),
            ("before", "-1"),
        ] {
            assert!(matches!(read(&[(name, value)]), Err(Trouble::Parameter { .. })), "{name}={value}");
        }
    }
}
