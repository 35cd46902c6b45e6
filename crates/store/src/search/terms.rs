//! What an entry can be found by.

use events::decision::{Effect, Obligation};
use events::{Event, Leaf, PatientPseudonym, Timestamp};

/// The kind under which entries that this build cannot read are kept.
pub(crate) const UNREADABLE: &str = "unreadable";

/// What one entry is found by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// When it was recorded; nothing for an entry this build cannot read.
    pub(crate) at: Option<Timestamp>,
    pub(crate) kind: String,
    pub(crate) effect: Option<Effect>,
    pub(crate) emergency: bool,
    pub(crate) person: Option<String>,
    pub(crate) workflow: Option<String>,
    pub(crate) place: Option<String>,
    pub(crate) actor: Option<String>,
    /// Each once.
    pub(crate) patients: Vec<PatientPseudonym>,
}

impl Terms {
    /// Of an entry's bytes. One that this build cannot read is found by nothing but its kind.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        match Leaf::parse(bytes) {
            Ok(leaf) => Self::of(&leaf),
            Err(_) => Self { kind: UNREADABLE.to_owned(), ..Self::default() },
        }
    }

    pub(crate) fn of(leaf: &Leaf) -> Self {
        let draft = &leaf.draft;
        let event = &draft.event;
        let mut terms = Self {
            at: Some(leaf.recorded_at),
            kind: event.kind().name.to_owned(),
            person: draft.on_behalf_of.as_ref().map(ToString::to_string),
            workflow: draft.workflow.as_ref().map(ToString::to_string),
            place: draft.place.as_ref().map(ToString::to_string),
            actor: Some(draft.actor.to_string()),
            patients: event.patient().into_iter().collect(),
            ..Self::default()
        };
        terms.add(event);
        terms
    }

    /// What only the event's own kind tells.
    fn add(&mut self, event: &Event) {
        match event {
            Event::DecisionMade(made) => {
                self.effect = Some(made.effect);
                self.emergency = made.obligations.contains(&Obligation::MarkEmergency);
                self.person = Some(made.question.principal.id.to_string());
                self.workflow = made.workflow.as_ref().map(ToString::to_string);
                // As asked for: a merge that is undone must not take the entry from the record it was about.
                self.about(made.question.resource.id.as_str().parse().ok());
            }
            Event::PatientMerged(body) => self.about(Some(body.retired)),
            Event::PatientUnmerged(body) => self.about(Some(body.retired)),
            Event::PatientMergeRefused(body) => self.about(Some(body.retired)),
            Event::PrincipalRegistered(body) => self.person = Some(body.principal.to_string()),
            Event::PrincipalEnded(body) => self.person = Some(body.principal.to_string()),
            Event::ShiftAssigned(body) => {
                self.person = Some(body.person.to_string());
                self.place = Some(body.unit.to_string());
            }
            Event::ShiftWithdrawn(body) => self.person = Some(body.person.to_string()),
            Event::TeamJoined(body) => self.person = Some(body.person.to_string()),
            Event::TeamLeft(body) => self.person = Some(body.person.to_string()),
            Event::EncounterOpened(body) => self.place = Some(body.place.unit.to_string()),
            Event::EncounterMoved(body) => self.place = Some(body.place.unit.to_string()),
            Event::DeviceRegistered(body) => self.place = body.unit.as_ref().map(ToString::to_string),
            Event::EmergencyDeclared(body) => {
                self.place = Some(body.unit.to_string());
                self.emergency = true;
            }
            Event::EmergencyEnded(body) => {
                self.place = Some(body.unit.to_string());
                self.emergency = true;
            }
            Event::OperatorLinkIssued(body) => self.person = Some(body.operator.to_string()),
            Event::OperatorSignedIn(body) => self.person = Some(body.operator.to_string()),
            Event::OperatorSignedOut(body) => self.person = Some(body.operator.to_string()),
            Event::OperatorRevoked(body) => self.person = Some(body.operator.to_string()),
            Event::SessionHandedOver(body) => {
                self.person = Some(body.from.to_string());
                body.patients.iter().for_each(|patient| self.about(Some(*patient)));
            }
            Event::WhatIfAsked(body) => self.person = Some(body.person.to_string()),
            Event::LedgerSearched(body) => self.person = body.person.as_ref().map(ToString::to_string),
            _ => {}
        }
    }

    fn about(&mut self, patient: Option<PatientPseudonym>) {
        if let Some(patient) = patient.filter(|patient| !self.patients.contains(patient)) {
            self.patients.push(patient);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::{Actor, Draft, Seq, patient};

    fn leaf(event: impl Into<Event>) -> Leaf {
        Leaf { seq: Seq(3), recorded_at: Timestamp::from_millis(7), draft: Draft::new(Actor::handrail("test"), event) }
    }

    #[test]
    fn a_merge_is_found_under_both_records() {
        let (survivor, retired) = (PatientPseudonym::from_bytes([1; 16]), PatientPseudonym::from_bytes([2; 16]));
        let terms = Terms::of(&leaf(patient::Merged { survivor, retired }));
        assert_eq!(terms.patients, [survivor, retired]);
        assert_eq!((terms.kind.as_str(), terms.actor.as_deref()), ("patient.merged", Some("handrail:test")));
    }

    #[test]
    fn what_this_build_cannot_read_is_kept_as_such_and_not_left_out() {
        for bytes in [b"".as_slice(), b"{}", b"\xff\xfe", b"{\"v\":99}"] {
            assert_eq!(Terms::of_bytes(bytes).kind, UNREADABLE);
        }
    }
}
