//! Who a message says the patients are, for detail beside the entries that open or update something of theirs.

use crate::hl7::{AdtMessage, Identifier, Patient};
use events::{Draft, Event, PatientPseudonym};
use plane::Identity;
use smol_str::SmolStr;
use store::Detail;

/// What goes with which draft: for each patient the message names, one detail beside the first entry that opens or updates something of
/// theirs, or says that the message was heard. `named` are the numbers that the directory was asked for, and whom they stand for.
pub(super) fn details(
    message: &AdtMessage,
    named: &[(SmolStr, PatientPseudonym)],
    drafts: &[Draft],
) -> Vec<(usize, Detail)> {
    let mut details: Vec<(usize, Detail)> = Vec::new();
    for patient in &message.patients {
        let known = named.iter().find(|(number, _)| patient.record.iter().any(|record| record.number == *number));
        let Some((number, pseudonym)) = known else { continue };
        let free = |draft: usize| !details.iter().any(|(taken, _)| *taken == draft);
        let place = drafts.iter().enumerate().position(|(place, draft)| free(place) && tells(&draft.event, *pseudonym));
        details.extend(place.zip(identity(patient, number).detail(*pseudonym)));
    }
    details
}

/// Whether an entry opens or updates something of the patient's.
fn tells(event: &Event, patient: PatientPseudonym) -> bool {
    match event {
        Event::EncounterOpened(_) | Event::EncounterUpdated(_) | Event::PatientLabelled(_) => {
            event.patient() == Some(patient)
        }
        Event::FeedHeard(_) => true,
        _ => false,
    }
}

fn identity(patient: &Patient, record: &SmolStr) -> Identity {
    let others = patient.record.iter().filter(|one| one.number != *record && one.is_readable());
    let text = |text: &SmolStr| (!text.is_empty()).then(|| text.to_string());
    Identity {
        numbers: std::iter::once(record)
            .chain(others.map(|one: &Identifier| &one.number))
            .map(ToString::to_string)
            .collect(),
        name: text(&patient.name),
        birth_date: text(&patient.birth_date),
    }
}
