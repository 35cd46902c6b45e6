//! Ward stories: what a feed says, and where everybody is then.

use crate::recipes::{minute, patient, person, unit};
use events::encounter::{Class, Closed, Moved, Movement, MovementCancelled, Opened, Place, Presence, Updated};
use events::{
    Actor, Draft, EncounterPseudonym, Event, Leaf, PatientPseudonym, PrincipalId, Seq, Timestamp, patient as records,
    principal, team,
};
use world::{EncounterFacts, Facts, Key, Subject, Touched, World};

/// A world to be told things.
#[derive(Default)]
pub(crate) struct Ward {
    pub(crate) world: World,
}

impl Ward {
    /// Folds an event that occurred at a minute.
    pub(crate) fn told(&mut self, at: i64, event: impl Into<Event>) -> Touched {
        let mut draft = Draft::new(Actor::handrail("test"), event);
        draft.occurred_at = Some(minute(at));
        self.world.apply(&Leaf { seq: self.world.next_seq(), recorded_at: minute(10_000), draft })
    }

    pub(crate) fn facts(&self, who: &PrincipalId, about: PatientPseudonym) -> Facts {
        let subject = Subject { principal: who.clone(), patient: Some(about), device: None, session: None };
        self.world.facts(&subject, minute(0))
    }

    fn encounters(&self) -> Vec<EncounterFacts> {
        self.facts(&person(0), patient(1)).patient.map_or_else(Vec::new, |patient| patient.encounters)
    }

    /// The stays of the only encounter, as text: `ward-1 0..10`, `(ward-2) 5..` where expected.
    fn stays(&self) -> String {
        let [encounter] = self.encounters().try_into().expect("one encounter");
        let time = |time: Timestamp| (time.as_millis() - minute(0).as_millis()) / 60_000;
        let text = encounter.stays.iter().map(|stay| {
            let until = stay.until.map_or_else(String::new, |until| time(until).to_string());
            match stay.presence {
                Presence::Present => format!("{} {}..{until}", stay.unit, time(stay.from)),
                Presence::Expected => format!("({}) {}..{until}", stay.unit, time(stay.from)),
            }
        });
        text.collect::<Vec<_>>().join(", ")
    }
}

pub(crate) fn stay(number: u8) -> EncounterPseudonym {
    EncounterPseudonym::from_bytes([number; 16])
}

pub(crate) fn place(number: u8) -> Place {
    Place { unit: unit(number), room: None, bed: None }
}

pub(crate) fn admission(to: u8) -> Opened {
    Opened {
        encounter: stay(1),
        patient: patient(1),
        class: Class::Inpatient,
        presence: Presence::Present,
        place: place(to),
        attending: vec![],
        participants: vec![],
    }
}

pub(crate) fn transfer(to: u8) -> Moved {
    Moved { encounter: stay(1), patient: patient(1), presence: Presence::Present, place: place(to) }
}

pub(crate) fn discharge() -> Closed {
    Closed { encounter: stay(1), patient: patient(1) }
}

fn undo(movement: Movement, happened_at: Option<i64>) -> MovementCancelled {
    MovementCancelled { encounter: stay(1), patient: patient(1), movement, happened_at: happened_at.map(minute) }
}

fn registered(who: &PrincipalId, aliases: &[&str]) -> principal::Registered {
    principal::Registered {
        principal: who.clone(),
        class: principal::IdentityClass::Staff,
        roles: vec![],
        name: None,
        home_unit: None,
        aliases: aliases.iter().map(|alias| PrincipalId::new(alias).unwrap()).collect(),
        labels: vec![],
    }
}

#[test]
fn a_transfer_ends_one_stay_and_begins_another_until_the_discharge() {
    let mut ward = Ward::default();
    ward.told(0, admission(1));
    ward.told(10, transfer(2));
    assert_eq!(ward.stays(), "ward-1 0..10, ward-2 10..");
    ward.told(20, discharge());
    assert_eq!(ward.stays(), "ward-1 0..10, ward-2 10..20");
    assert_eq!(ward.encounters()[0].closed_at, Some(minute(20)));
}

#[test]
fn a_cancelled_transfer_leaves_the_patient_where_they_were() {
    let mut ward = Ward::default();
    ward.told(0, admission(1));
    ward.told(10, transfer(2));
    ward.told(12, undo(Movement::Transfer, None));
    assert_eq!(ward.stays(), "ward-1 0..");
    ward.told(20, transfer(3));
    ward.told(30, transfer(4));
    ward.told(31, undo(Movement::Transfer, Some(20)));
    assert_eq!(ward.stays(), "ward-1 0..30, ward-4 30..");
}

#[test]
fn a_cancellation_told_again_takes_nothing_more_back() {
    let mut ward = Ward::default();
    ward.told(0, admission(1));
    ward.told(10, transfer(2));
    ward.told(20, transfer(3));
    ward.told(21, undo(Movement::Transfer, Some(20)));
    ward.told(22, undo(Movement::Transfer, Some(20)));
    assert_eq!(ward.told(21, undo(Movement::Transfer, Some(20))), Touched::default());
    assert_eq!(ward.stays(), "ward-1 0..10, ward-2 10..");
}

#[test]
fn a_cancellation_with_an_imprecise_time_means_the_last_of_its_sort() {
    let mut ward = Ward::default();
    ward.told(0, admission(1));
    ward.told(10, transfer(2));
    ward.told(20, transfer(3));
    ward.told(30, undo(Movement::Transfer, Some(19)));
    assert_eq!(ward.stays(), "ward-1 0..10, ward-2 10..");
}

#[test]
fn a_transfer_done_again_at_the_same_time_to_another_ward_stands() {
    let mut ward = Ward::default();
    ward.told(0, admission(1));
    ward.told(10, transfer(2));
    ward.told(12, undo(Movement::Transfer, Some(10)));
    ward.told(10, transfer(3));
    assert_eq!(ward.stays(), "ward-1 0..10, ward-3 10..");
}

#[test]
fn a_cancelled_discharge_means_the_patient_never_left() {
    let mut ward = Ward::default();
    ward.told(0, admission(1));
    ward.told(10, discharge());
    ward.told(11, discharge());
    ward.told(15, undo(Movement::Discharge, None));
    assert_eq!(ward.stays(), "ward-1 0..");
    assert_eq!(ward.encounters()[0].closed_at, None);
    ward.told(20, discharge());
    assert_eq!(ward.stays(), "ward-1 0..20");
}

#[test]
fn a_cancelled_admission_never_was() {
    let mut ward = Ward::default();
    ward.told(0, admission(1));
    ward.told(10, transfer(2));
    ward.told(15, undo(Movement::Admission, None));
    assert_eq!(ward.encounters(), []);
    ward.told(20, admission(3));
    assert_eq!(ward.stays(), "ward-3 20..");
}

#[test]
fn a_cancelled_ward_admission_leaves_the_patient_in_the_emergency_department() {
    let mut ward = Ward::default();
    ward.told(0, admission(0));
    ward.told(30, admission(1));
    ward.told(31, admission(1));
    ward.told(40, undo(Movement::Admission, None));
    assert_eq!(ward.stays(), "ward-0 0..");
}

#[test]
fn a_cancelled_admission_of_an_announced_patient_leaves_them_announced() {
    let mut ward = Ward::default();
    ward.told(0, Opened { presence: Presence::Expected, ..admission(1) });
    ward.told(10, admission(1));
    assert_eq!(ward.stays(), "(ward-1) 0..10, ward-1 10..");
    ward.told(20, undo(Movement::Admission, None));
    assert_eq!(ward.stays(), "(ward-1) 0..");
    ward.told(21, undo(Movement::Admission, None));
    assert_eq!(ward.encounters(), []);
}

#[test]
fn a_pending_transfer_lets_the_other_ward_prepare() {
    let mut ward = Ward::default();
    ward.told(0, admission(1));
    ward.told(10, Moved { presence: Presence::Expected, ..transfer(2) });
    assert_eq!(ward.stays(), "ward-1 0.., (ward-2) 10..");
    ward.told(15, Moved { presence: Presence::Expected, ..transfer(3) });
    ward.told(20, transfer(3));
    assert_eq!(ward.stays(), "ward-1 0..20, (ward-2) 10..15, (ward-3) 15..20, ward-3 20..");
}

#[test]
fn messages_out_of_order_fall_into_place() {
    let mut ward = Ward::default();
    ward.told(12, undo(Movement::Transfer, Some(10)));
    ward.told(30, discharge());
    ward.told(10, transfer(2));
    ward.told(20, transfer(3));
    ward.told(0, admission(1));
    assert_eq!(ward.stays(), "ward-1 0..20, ward-3 20..30");
}

#[test]
fn movements_to_come_are_in_the_facts_with_their_times() {
    let mut ward = Ward::default();
    ward.told(-5000, admission(1));
    ward.told(60_000, transfer(2));
    assert_eq!(ward.stays(), "ward-1 -5000..60000, ward-2 60000..");
}

#[test]
fn after_a_discharge_only_an_admission_brings_the_patient_back() {
    let mut ward = Ward::default();
    ward.told(0, admission(1));
    ward.told(10, discharge());
    ward.told(20, transfer(2));
    assert_eq!(ward.stays(), "ward-1 0..10");
    ward.told(30, admission(3));
    assert_eq!(ward.stays(), "ward-1 0..10, ward-3 30..");
    assert_eq!(ward.encounters()[0].closed_at, None);
    assert_eq!(ward.encounters()[0].opened_at, minute(0));
}

#[test]
fn an_update_of_an_unknown_stay_opens_nothing() {
    let mut ward = Ward::default();
    let attending = Some(vec![person(0)]);
    ward.told(0, Updated { encounter: stay(1), patient: patient(1), attending, participants: None, class: None });
    assert_eq!(ward.encounters(), []);
    ward.told(1, transfer(2));
    assert_eq!(ward.stays(), "ward-2 1..");
    assert_eq!(ward.encounters()[0].attending, [person(0)]);
}

#[test]
fn an_older_message_does_not_bring_the_former_attending_back() {
    let mut ward = Ward::default();
    ward.told(10, Opened { attending: vec![person(2)], ..admission(1) });
    ward.told(0, Opened { attending: vec![person(1)], class: Class::Emergency, ..admission(0) });
    ward.told(20, admission(1));
    assert_eq!(ward.encounters()[0].attending, [person(2)]);
    assert_eq!(ward.encounters()[0].class, Class::Inpatient);
}

#[test]
fn an_attending_code_is_the_asker_by_their_alias() {
    let mut ward = Ward::default();
    let doctor = PrincipalId::new("dr.smith").unwrap();
    let code = |code: &str| PrincipalId::new(code).unwrap();
    ward.told(0, Opened { attending: vec![code("C002"), code("C006")], ..admission(1) });
    let attending = |ward: &Ward| ward.facts(&doctor, patient(1)).patient.unwrap().encounters[0].attending.clone();
    assert_eq!(attending(&ward), [code("C002"), code("C006")]);
    let touched = ward.told(1, registered(&doctor, &["C006", "1234"]));
    assert_eq!(touched.keys.as_slice(), [Key::Principal(doctor.clone())]);
    assert_eq!(attending(&ward), [code("C002"), doctor.clone()]);
    ward.told(2, team::Joined { patient: patient(1), person: code("1234"), until: None });
    assert_eq!(ward.facts(&doctor, patient(1)).patient.unwrap().team[0].person, doctor);
    ward.told(3, registered(&doctor, &[]));
    assert_eq!(attending(&ward), [code("C002"), code("C006")]);
}

#[test]
fn a_code_that_two_people_go_by_means_neither() {
    let mut ward = Ward::default();
    let [doctor, evil] = ["dr.smith", "evil.user"].map(|id| PrincipalId::new(id).unwrap());
    let code = |code: &str| PrincipalId::new(code).unwrap();
    let key = |who: &PrincipalId| Key::Principal(who.clone());
    ward.told(0, Opened { attending: vec![code("C006"), code("dr.smith")], ..admission(1) });
    ward.told(1, registered(&doctor, &["C006"]));
    let attending = |ward: &Ward, who: &PrincipalId| {
        ward.facts(who, patient(1)).patient.unwrap().encounters[0].attending.contains(who)
    };
    let goes_by = |ward: &Ward, of: &str| ward.world.who_goes_by(&code(of));
    assert!(attending(&ward, &doctor));
    assert_eq!(goes_by(&ward, "C006"), std::slice::from_ref(&doctor));

    // Somebody takes code and name: neither of the two is who is meant, and whoever rests on it is asked again.
    let touched = ward.told(2, registered(&evil, &["C006", "dr.smith"]));
    assert_eq!(touched.keys.as_slice(), [key(&evil), key(&doctor)]);
    assert!(!attending(&ward, &doctor) && !attending(&ward, &evil));
    assert_eq!(goes_by(&ward, "C006"), [doctor.clone(), evil.clone()]);
    assert_eq!(goes_by(&ward, "dr.smith"), [doctor.clone(), evil.clone()]);
    assert_eq!(ward.facts(&evil, patient(1)).principal.unwrap().aliases, []);
    assert_eq!(ward.told(3, principal::Ended { principal: evil.clone() }).keys.as_slice(), [key(&evil), key(&doctor)]);
    assert!(attending(&ward, &doctor));

    // The code as somebody's id.
    let touched = ward.told(4, registered(&code("C006"), &[]));
    assert_eq!(touched.keys.as_slice(), [key(&code("C006")), key(&doctor)]);
    assert!(!attending(&ward, &code("C006")));
    ward.told(5, registered(&doctor, &[]));
    assert!(attending(&ward, &code("C006")) && attending(&ward, &doctor), "each by their own id");
    // A leaver's code may be given to somebody else.
    ward.told(6, principal::Ended { principal: code("C006") });
    ward.told(7, registered(&doctor, &["C006"]));
    assert!(attending(&ward, &doctor));
    assert_eq!(goes_by(&ward, "nobody"), [] as [PrincipalId; 0]);
}

#[test]
fn a_chain_of_merges_ends_at_the_same_record_in_any_order() {
    let merge = |survivor: u8, retired: u8| records::Merged { survivor: patient(survivor), retired: patient(retired) };
    for order in [[(2, 1), (3, 2)], [(3, 2), (2, 1)]] {
        let mut ward = Ward::default();
        ward.told(0, admission(1));
        for (survivor, retired) in order {
            ward.told(1, merge(survivor, retired));
        }
        for record in 1..=3 {
            assert_eq!(ward.world.canonical(patient(record)), patient(3), "{order:?}");
            let facts = ward.facts(&person(0), patient(record)).patient.unwrap();
            assert_eq!((facts.records.len(), facts.encounters.len()), (3, 1), "{order:?}");
        }
    }
}

#[test]
fn a_merge_back_turns_around_and_a_circle_is_one_patient() {
    let mut ward = Ward::default();
    let merged = |survivor, retired| records::Merged { survivor: patient(survivor), retired: patient(retired) };
    ward.told(0, merged(1, 2));
    ward.told(0, merged(2, 1));
    assert_eq!(ward.world.canonical(patient(1)), patient(2));
    ward.told(0, merged(3, 2));
    ward.told(0, merged(1, 3));
    assert_eq!(ward.world.canonical(patient(2)), patient(1));
    assert_eq!(ward.facts(&person(0), patient(2)).patient.unwrap().records.len(), 3);
    let touched = ward.told(0, merged(1, 1));
    assert_eq!(ward.facts(&person(0), patient(1)).patient.unwrap().records.len(), 3, "{touched:?}");
    assert!(!ward.world.can_merge(patient(1), patient(1)));
}

#[test]
fn an_unmerge_separates_two_records_whichever_had_gone_on() {
    let mut ward = Ward::default();
    ward.told(0, admission(1));
    ward.told(0, records::Merged { survivor: patient(2), retired: patient(1) });
    ward.told(0, records::Merged { survivor: patient(3), retired: patient(2) });
    let touched = ward.told(0, records::Unmerged { survivor: patient(1), retired: patient(2) });
    assert_eq!(touched.keys.len(), 3, "every record of the former patient");
    assert_eq!(ward.world.canonical(patient(1)), patient(1));
    assert_eq!(ward.world.canonical(patient(2)), patient(3));
    assert_eq!(ward.facts(&person(0), patient(3)).patient.unwrap().encounters, []);
    assert_eq!(ward.encounters().len(), 1);
}

#[test]
fn what_is_told_of_either_record_after_a_merge_is_of_one_stay() {
    let mut ward = Ward::default();
    ward.told(0, admission(1));
    ward.told(5, records::Merged { survivor: patient(2), retired: patient(1) });
    let touched = ward.told(10, Moved { patient: patient(2), ..transfer(2) });
    assert_eq!(touched.keys.as_slice(), [Key::Patient(patient(2))]);
    let old = ward.facts(&person(0), patient(1));
    assert!(old.keys.contains(&Key::Patient(patient(1))) && old.keys.contains(&Key::Patient(patient(2))));
    assert_eq!(ward.stays(), "ward-1 0..10, ward-2 10..");
    ward.told(12, MovementCancelled { patient: patient(2), ..undo(Movement::Transfer, None) });
    assert_eq!(ward.stays(), "ward-1 0..");
}

#[test]
fn whoever_leaves_the_team_leaves_it_for_every_record_of_the_patient() {
    let mut ward = Ward::default();
    ward.told(0, team::Joined { patient: patient(1), person: person(0), until: None });
    ward.told(0, records::Merged { survivor: patient(2), retired: patient(1) });
    assert_eq!(ward.facts(&person(0), patient(2)).patient.unwrap().team.len(), 1);
    ward.told(0, team::Left { patient: patient(2), person: person(0) });
    assert_eq!(ward.facts(&person(0), patient(1)).patient.unwrap().team, []);
}

#[test]
fn a_patient_becoming_known_changes_what_rested_on_their_absence() {
    let mut ward = Ward::default();
    let absent = ward.facts(&person(0), patient(1));
    assert_eq!(absent.patient, None);
    ward.told(0, Opened { patient: patient(2), ..admission(1) });
    assert!(!ward.world.changed_since(&absent.keys, absent.world_seq));
    ward.told(0, admission(1));
    assert!(ward.world.changed_since(&absent.keys, absent.world_seq));
    assert_eq!(absent.world_seq, Seq(0));
}

#[test]
fn an_admission_cancelled_twice_before_it_came_takes_no_later_one_along() {
    let mut ward = Ward::default();
    ward.told(5, undo(Movement::Admission, Some(0)));
    ward.told(20, undo(Movement::Admission, Some(0)));
    ward.told(0, admission(1));
    ward.told(10, admission(2));
    assert_eq!(ward.stays(), "ward-2 10..");
}

#[test]
fn the_same_attending_said_later_of_one_record_overrules_another_record() {
    let mut ward = Ward::default();
    let update = |record, who| Updated {
        encounter: stay(1),
        patient: patient(record),
        attending: Some(vec![person(who)]),
        participants: None,
        class: None,
    };
    ward.told(0, admission(1));
    ward.told(0, records::Merged { survivor: patient(2), retired: patient(1) });
    ward.told(5, update(1, 3));
    ward.told(6, update(2, 4));
    let before = ward.facts(&person(0), patient(1));
    assert_eq!(ward.encounters()[0].attending, [person(4)]);
    ward.told(7, update(1, 3));
    assert_eq!(ward.encounters()[0].attending, [person(3)]);
    assert!(ward.world.changed_since(&before.keys, before.world_seq));
}

#[test]
fn joining_again_under_another_record_of_the_patient_replaces_the_time() {
    let mut ward = Ward::default();
    let joined = |record, until| team::Joined { patient: patient(record), person: person(0), until };
    ward.told(0, joined(1, None));
    ward.told(0, records::Merged { survivor: patient(2), retired: patient(1) });
    ward.told(0, joined(2, Some(minute(9))));
    let until = |ward: &Ward| ward.facts(&person(0), patient(1)).patient.unwrap().team[0].until;
    assert_eq!(until(&ward), Some(minute(9)));
}
