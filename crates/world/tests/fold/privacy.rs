//! Holds and erasures: what is held is known whichever record is asked for, and who was erased gives nobody a claim.

use crate::recipes::{patient, person};
use crate::stories::{Ward, admission};
use events::patient::{Erased, HoldLifted, HoldPlaced, Labelled, Merged, Unmerged};
use events::{Label, OwnerId, PatientPseudonym, Seq, team};
use world::Key;

fn held(ward: &mut Ward, patient: PatientPseudonym, reason: &str) {
    ward.told(0, HoldPlaced { patient, reason: reason.into(), owner: OwnerId::new("privacy").unwrap() });
}

fn reason(ward: &Ward, patient: PatientPseudonym) -> Option<String> {
    ward.world.hold_on(patient).map(|hold| hold.reason.to_string())
}

fn erasure(merged: Vec<PatientPseudonym>) -> Erased {
    Erased { patient: patient(1), merged, reason: "asked".into(), details: 0, numbers: 0, messages: 0 }
}

#[test]
fn a_hold_covers_every_record_of_the_patient_until_it_is_lifted() {
    let mut ward = Ward::default();
    let before = ward.world.digest();
    held(&mut ward, patient(2), "case 7");
    assert_ne!(ward.world.digest(), before);
    assert_eq!((reason(&ward, patient(1)), reason(&ward, patient(2))), (None, Some("case 7".to_owned())));
    ward.told(0, Merged { survivor: patient(1), retired: patient(2) });
    assert_eq!(reason(&ward, patient(1)), Some("case 7".to_owned()));
    held(&mut ward, patient(2), "case 8");
    assert_eq!(reason(&ward, patient(1)), Some("case 8".to_owned()), "said anew");
    assert_eq!(ward.world.holds().count(), 1);
    let held = ward.world.digest();
    ward.told(0, HoldLifted { patient: patient(2), reason: "settled".into() });
    assert_ne!(ward.world.digest(), held);
    assert_eq!(reason(&ward, patient(1)), None);
}

#[test]
fn records_that_are_taken_apart_under_a_hold_are_each_under_it_until_each_is_lifted() {
    let mut ward = Ward::default();
    ward.told(0, Unmerged { survivor: patient(1), retired: patient(2) });
    held(&mut ward, patient(3), "case 7");
    ward.told(0, Merged { survivor: patient(1), retired: patient(2) });
    ward.told(0, Merged { survivor: patient(2), retired: patient(3) });
    ward.told(0, Merged { survivor: patient(3), retired: patient(1) });
    ward.told(0, Unmerged { survivor: patient(1), retired: patient(2) });
    assert_eq!(ward.world.holds().count(), 1, "still one patient, by way of the third record");
    ward.told(0, Unmerged { survivor: patient(3), retired: patient(1) });
    let case = Some("case 7".to_owned());
    assert_eq!([1, 2, 3].map(|number| reason(&ward, patient(number))), [case.clone(), case.clone(), case.clone()]);
    let entries: Vec<Seq> = ward.world.holds().map(|hold| hold.entry).collect();
    assert_eq!(entries, [Seq(1), Seq(1)], "the one hold, on the record that left and on the one it was placed on");
    ward.told(0, HoldLifted { patient: patient(3), reason: "settled".into() });
    assert_eq!([1, 2, 3].map(|number| reason(&ward, patient(number))), [case, None, None]);
    // Records that were not one patient have nothing in common.
    ward.told(0, Unmerged { survivor: patient(1), retired: patient(2) });
    assert_eq!(reason(&ward, patient(2)), None);
}

#[test]
fn who_was_erased_is_nowhere_and_nobodys_patient() {
    let mut ward = Ward::default();
    ward.told(0, admission(1));
    ward.told(0, Labelled { patient: patient(1), labels: vec![Label::new("vip").unwrap()] });
    ward.told(0, team::Joined { patient: patient(1), person: person(0), until: None });
    ward.told(0, Merged { survivor: patient(1), retired: patient(2) });
    assert_eq!(ward.world.records_of(patient(2)), [patient(2), patient(1)]);
    let touched = ward.told(0, erasure(vec![patient(2)]));
    assert!(touched.keys.contains(&Key::Patient(patient(1))) && touched.keys.contains(&Key::Patient(patient(2))));
    let by = Some(Seq(ward.world.next_seq().0 - 1));
    assert_eq!([1, 2, 3].map(|number| ward.world.erased_by(patient(number))), [by, by, None]);
    let facts = ward.facts(&person(0), patient(1)).patient.unwrap();
    assert!(facts.encounters.is_empty() && facts.labels.is_empty() && facts.team.is_empty(), "{facts:?}");
}

#[test]
fn an_erasure_shows_in_the_digest_even_where_there_was_nothing_to_forget() {
    let (mut erased, mut silent) = (Ward::default(), Ward::default());
    erased.told(0, erasure(Vec::new()));
    silent.told(0, events::ledger::Read { how: "show".into(), from: Seq(0), to: Seq(1), patient: None });
    assert_ne!(erased.world.digest(), silent.world.digest());
}
