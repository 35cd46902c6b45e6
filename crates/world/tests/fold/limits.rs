//! What is bounded stays bounded, and the right things are forgotten; rota, feeds and emergencies in small stories.

use crate::recipes::{minute, patient, person, unit};
use crate::stories::{Ward, admission, discharge, place, stay, transfer};
use events::encounter::{Closed, Movement, MovementCancelled, Opened};
use events::principal::{self, IdentityClass};
use events::{
    Actor, CharterDigest, Draft, FeedName, Leaf, PatientPseudonym, PrincipalId, ShiftId, Source, UnitId, charter,
    emergency, feed, patient as records, rota, team,
};
use std::time::Duration;
use world::{
    ENCOUNTERS_MAX, KEYS_MAX, Key, MERGED_RECORDS_MAX, SHIFTS_MAX, STATEMENTS_MAX, Subject, TEAM_MAX, Touched, World,
};

fn shift(id: &str, from: i64, until: i64) -> rota::ShiftAssigned {
    rota::ShiftAssigned {
        shift: ShiftId::new(id).unwrap(),
        person: person(0),
        unit: unit(1),
        from: minute(from),
        until: minute(until),
        on_call: false,
    }
}

fn shifts(ward: &Ward, who: &PrincipalId, now: i64) -> Vec<(String, i64)> {
    let subject = Subject { principal: who.clone(), patient: None, device: None, session: None };
    let minutes = |shift: &world::ShiftFacts| (shift.until.as_millis() - minute(0).as_millis()) / 60_000;
    let shifts = ward.world.facts(&subject, minute(now)).shifts;
    shifts.iter().map(|shift| (shift.shift.to_string(), minutes(shift))).collect()
}

#[test]
fn a_shift_withdrawn_before_it_begins_is_gone_and_after_it_began_ends() {
    let mut ward = Ward::default();
    let withdrawn = |id: &str| rota::ShiftWithdrawn { shift: ShiftId::new(id).unwrap(), person: person(0) };
    ward.told(0, shift("early", 100, 580));
    ward.told(0, shift("late", 600, 1000));
    ward.told(300, withdrawn("early"));
    ward.told(300, withdrawn("late"));
    assert_eq!(shifts(&ward, &person(0), 0), [("early".to_owned(), 300)]);
    assert!(ward.told(400, withdrawn("early")).is_empty(), "it is over");
    assert!(ward.told(400, withdrawn("late")).is_empty(), "there is none");
}

#[test]
fn a_shift_given_to_another_person_is_theirs_alone() {
    let mut ward = Ward::default();
    ward.told(0, shift("s", 0, 480));
    let touched = ward.told(0, rota::ShiftAssigned { person: person(1), ..shift("s", 0, 480) });
    assert_eq!(touched.keys.as_slice(), [Key::Rota(person(1)), Key::Rota(person(0))]);
    assert_eq!(shifts(&ward, &person(0), 0), []);
    let late = rota::ShiftWithdrawn { shift: ShiftId::new("s").unwrap(), person: person(0) };
    assert!(ward.told(0, late).is_empty(), "it is not theirs any more");
    assert_eq!(shifts(&ward, &person(1), 0).len(), 1);
    let again = rota::ShiftAssigned { person: person(1), ..shift("s", 0, 480) };
    assert!(ward.told(0, again).is_empty(), "nothing new");
}

#[test]
fn shifts_that_ended_long_ago_are_left_out() {
    let mut ward = Ward::default();
    ward.told(0, shift("s", 0, 480));
    assert_eq!(shifts(&ward, &person(0), 480 + 72 * 60 - 1).len(), 1);
    assert_eq!(shifts(&ward, &person(0), 480 + 72 * 60).len(), 0);
}

#[test]
fn of_too_many_shifts_the_one_that_ended_first_is_forgotten_and_of_plans_the_last() {
    let count = i64::try_from(SHIFTS_MAX).unwrap();
    let mut ward = Ward::default();
    // Entries are recorded at minute 10,000: these are plans.
    for number in 0..count {
        ward.told(0, shift(&format!("plan-{number}"), 20_000 + number, 20_010 + number));
    }
    ward.told(0, shift("sooner", 19_000, 19_010));
    ward.told(0, shift("later", 90_000, 90_010));
    let known = shifts(&ward, &person(0), 0);
    assert_eq!((known.len(), known[0].0.as_str()), (SHIFTS_MAX, "sooner"));
    assert_eq!(known[SHIFTS_MAX - 1].0, format!("plan-{}", count - 2));
    ward.told(0, shift("over", 100, 110));
    assert_eq!(shifts(&ward, &person(0), 0), known, "what is over gives way to plans");
    assert_eq!(ward.world.counts().shifts, SHIFTS_MAX);
}

#[test]
fn an_encounter_of_endless_moves_keeps_its_opening_and_the_latest() {
    let mut ward = Ward::default();
    ward.told(0, admission(9));
    for number in 1..1000 {
        ward.told(number, transfer(u8::try_from(number % 2).unwrap()));
    }
    let [encounter] = ward.facts(&person(0), patient(1)).patient.unwrap().encounters.try_into().unwrap();
    assert_eq!(encounter.opened_at, minute(0));
    assert_eq!(encounter.stays.len(), STATEMENTS_MAX);
    assert_eq!(encounter.stays[STATEMENTS_MAX - 1].from, minute(999));
    // What was forgotten can be undone without anything else being undone in its place.
    let undo = |happened_at| MovementCancelled {
        encounter: stay(1),
        patient: patient(1),
        movement: Movement::Transfer,
        happened_at: Some(minute(happened_at)),
    };
    ward.told(1000, undo(3));
    let [after] = ward.facts(&person(0), patient(1)).patient.unwrap().encounters.try_into().unwrap();
    assert_eq!(after.stays[STATEMENTS_MAX - 2].from, minute(999));
    ward.told(1001, undo(999));
    let [after] = ward.facts(&person(0), patient(1)).patient.unwrap().encounters.try_into().unwrap();
    assert_eq!(after.stays.last().unwrap().from, minute(998));
}

#[test]
fn of_too_many_encounters_the_one_closed_first_is_forgotten() {
    let mut ward = Ward::default();
    let visit = |number: u8| Opened { encounter: stay(number), ..admission(1) };
    ward.told(0, visit(200));
    for number in 0..u8::try_from(ENCOUNTERS_MAX).unwrap() + 8 {
        ward.told(i64::from(number) * 10 + 10, visit(number));
        ward.told(i64::from(number) * 10 + 15, Closed { encounter: stay(number), ..discharge() });
    }
    let encounters = ward.facts(&person(0), patient(1)).patient.unwrap().encounters;
    assert_eq!(encounters.len(), ENCOUNTERS_MAX);
    assert_eq!(encounters[0].encounter, stay(200), "still open");
    assert_eq!(encounters[1].encounter, stay(9));
}

#[test]
fn of_too_large_a_team_the_one_whose_time_ends_first_leaves() {
    let mut ward = Ward::default();
    let joins = |number: usize, until| team::Joined {
        patient: patient(1),
        person: PrincipalId::new(&format!("n{number:03}")).unwrap(),
        until,
    };
    for number in 0..TEAM_MAX {
        ward.told(0, joins(number, (number == 7).then(|| minute(5))));
    }
    ward.told(0, joins(TEAM_MAX, None));
    ward.told(0, joins(TEAM_MAX + 1, None));
    let team = ward.facts(&person(0), patient(1)).patient.unwrap().team;
    assert_eq!(team.len(), TEAM_MAX);
    assert!(["n000", "n007"].iter().all(|gone| team.iter().all(|member| member.person.as_str() != *gone)));
}

#[test]
fn a_feed_gone_mad_cannot_merge_everybody() {
    let mut ward = Ward::default();
    let record = |number: usize| PatientPseudonym::from_bytes((number as u128).to_be_bytes());
    for number in 1..=MERGED_RECORDS_MAX * 2 {
        ward.told(0, records::Merged { survivor: record(number), retired: record(number - 1) });
    }
    let absent = ward.facts(&person(0), record(100_001));
    ward.told(0, records::Merged { survivor: record(0), retired: record(100_001) });
    assert!(ward.world.changed_since(&absent.keys, absent.world_seq), "not merged, but known now");
    let facts = |number| ward.facts(&person(0), record(number)).patient.unwrap().records.len();
    assert_eq!((facts(0), facts(MERGED_RECORDS_MAX - 1)), (MERGED_RECORDS_MAX, MERGED_RECORDS_MAX));
    assert_eq!(facts(MERGED_RECORDS_MAX), MERGED_RECORDS_MAX);
    assert!(!ward.world.can_merge(record(0), record(MERGED_RECORDS_MAX)));
    assert!(!ward.world.can_merge(record(0), record(100_000)));
    assert!(ward.world.can_merge(record(0), record(MERGED_RECORDS_MAX - 1)));
    assert!(ward.world.can_merge(record(100_000), record(100_002)));
}

#[test]
fn emergencies_are_of_the_units_involved_while_they_last() {
    let mut ward = Ward::default();
    ward.told(0, admission(1));
    ward.told(0, emergency::Declared { unit: unit(1), until: minute(5) });
    ward.told(0, emergency::Declared { unit: unit(2), until: minute(5) });
    let subject = Subject { principal: person(0), patient: Some(patient(1)), device: None, session: None };
    assert_eq!(ward.world.facts(&subject, minute(4)).emergencies, [(unit(1), minute(5))]);
    assert_eq!(ward.world.facts(&subject, minute(5)).emergencies, []);
    ward.told(0, emergency::Declared { unit: unit(1), until: minute(72 * 60 + 99) });
    ward.told(10, transfer(3));
    assert_eq!(ward.world.facts(&subject, minute(72 * 60 + 9)).emergencies.len(), 1);
    assert_eq!(ward.world.facts(&subject, minute(72 * 60 + 10)).emergencies, [], "they left the unit too long ago");
    let touched = ward.told(0, emergency::Ended { unit: unit(1) });
    assert_eq!(touched.keys.as_slice(), [Key::Unit(unit(1)), Key::AnyUnit]);
    assert_eq!(ward.world.facts(&subject, minute(4)).emergencies, []);
}

#[test]
fn one_key_stands_for_more_units_than_there_is_room_for() {
    let mut ward = Ward::default();
    let wing = |number: i64| UnitId::new(&format!("wing-{number}")).unwrap();
    for number in 0..14 {
        let unit = wing(number);
        ward.told(0, rota::ShiftAssigned { unit, ..shift(&format!("s{number}"), number, number + 10) });
    }
    let subject = Subject { principal: person(0), patient: Some(patient(1)), device: None, session: None };
    let facts = ward.world.facts(&subject, minute(0));
    assert!(facts.keys.contains(&Key::AnyUnit) && facts.keys.len() <= KEYS_MAX);
    ward.told(0, emergency::Declared { unit: wing(11), until: minute(5) });
    assert!(ward.world.changed_since(&facts.keys, facts.world_seq));
    assert_eq!(ward.world.facts(&subject, minute(0)).emergencies, [(wing(11), minute(5))]);
}

#[test]
fn a_feed_is_heard_by_what_it_says_and_not_by_what_cannot_be_used() {
    let mut world = World::new();
    let feed = |name: &str| FeedName::new(name).unwrap();
    let mut told = |at, mut draft: Draft, source: Option<&str>| {
        draft.source = source.map(|name| Source { feed: feed(name), message: "1".into() });
        world.apply(&Leaf { seq: world.next_seq(), recorded_at: minute(at), draft });
        let subject = Subject { principal: person(0), patient: None, device: None, session: None };
        let heard = world.facts(&subject, minute(0)).feeds;
        (heard.adt.map(|at| at.since(minute(0))), heard.rota.map(|at| at.since(minute(0))))
    };
    let draft = |event: events::Event| Draft::new(Actor::handrail("test"), event);
    let minutes = |count: u64| Some(Duration::from_secs(count * 60));
    let rejected = feed::MessageRejected { feed: feed("adt"), sha256: "00".into(), bytes: 1, reason: "no MSH".into() };
    let heard = |name: &str| feed::Heard { feed: feed(name), message_type: "ORU^R01".into(), sha256: "00".into() };
    assert_eq!(told(1, draft(rejected.into()), Some("adt")), (None, None));
    assert_eq!(told(2, draft(admission(1).into()), None), (None, None));
    assert_eq!(told(3, draft(admission(1).into()), Some("adt")), (minutes(3), None));
    assert_eq!(told(4, draft(heard("lab").into()), None), (minutes(4), None));
    assert_eq!(told(5, draft(shift("s", 0, 9).into()), Some("csv")), (minutes(4), minutes(5)));
    assert_eq!(told(6, draft(heard("rota").into()), None), (minutes(4), minutes(6)));
    let by_name: Vec<_> = world.feeds().map(|(feed, at)| (feed.to_string(), at)).collect();
    let expected = [("adt", 3), ("csv", 5), ("lab", 4), ("rota", 6)];
    assert_eq!(by_name, expected.map(|(name, at)| (name.to_owned(), minute(at))));
}

#[test]
fn an_ended_principal_may_act_again_only_when_registered_anew() {
    let mut ward = Ward::default();
    let registered = principal::Registered {
        principal: person(0),
        class: IdentityClass::Staff,
        roles: vec![],
        name: None,
        home_unit: Some(place(1).unit),
        aliases: vec![],
        labels: vec![],
    };
    let active = |ward: &Ward| ward.facts(&person(0), patient(1)).principal.map(|principal| principal.active);
    assert_eq!(ward.told(0, principal::Ended { principal: person(0) }), Touched::default());
    assert_eq!(active(&ward), None);
    ward.told(0, registered.clone());
    assert_eq!(active(&ward), Some(true));
    ward.told(0, principal::Ended { principal: person(0) });
    assert_eq!(active(&ward), Some(false));
    assert_eq!(ward.told(0, principal::Ended { principal: person(0) }), Touched::default());
    ward.told(0, registered);
    assert_eq!(active(&ward), Some(true));
}

#[test]
fn another_charter_touches_everything_and_no_key() {
    let mut ward = Ward::default();
    let digest = CharterDigest([7; 32]);
    let touched = ward.told(0, charter::Applied { digest, hospital: "H".into(), signed_by: vec![] });
    assert!(touched.charter && touched.keys.is_empty() && !touched.is_empty());
    assert_eq!(ward.world.charter(), Some(digest));
}
