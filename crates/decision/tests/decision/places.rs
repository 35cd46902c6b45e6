//! Where a question is judged: by what the world knows, whatever a caller says.

use crate::boundaries::{at, known_patient, nora, nothing_known, patient, shift, stay};
use decision::place;
use events::EntityRef;
use events::decision::{Asserted, Question};
use events::device::DeviceKind;
use events::encounter::Presence;
use world::{DeviceFacts, Facts};

const HOUR: i64 = 3_600_000;

fn asking(kind: &str, id: &str) -> Question {
    Question {
        session: None,
        principal: EntityRef { kind: "Person".parse().unwrap(), id: nora() },
        action: "read_chart".parse().unwrap(),
        resource: EntityRef { kind: kind.parse().unwrap(), id: id.parse().unwrap() },
        workflow: None,
        asserted: Asserted::default(),
    }
}

fn device(unit: Option<&str>) -> DeviceFacts {
    DeviceFacts {
        kind: DeviceKind::Workstation,
        unit: unit.map(|unit| unit.parse().unwrap()),
        shared: true,
        managed: true,
        posture: None,
    }
}

fn judged_at(facts: &Facts, hidden: bool, now: i64) -> Option<String> {
    let question = asking("Patient", &patient().to_string());
    place::of(&question, facts, hidden, at(now)).map(|unit| unit.to_string())
}

#[test]
fn the_patients_place_comes_before_the_device_the_device_before_the_shift_and_the_shift_before_the_home_unit() {
    let mut facts = nothing_known();
    assert_eq!(judged_at(&facts, false, 0), None);
    facts.principal.as_mut().unwrap().home_unit = Some("CLINIC".parse().unwrap());
    assert_eq!(judged_at(&facts, false, 0).as_deref(), Some("CLINIC"));
    facts.shifts = vec![shift("ICU", -HOUR, HOUR, true), shift("WARD-3A", -HOUR, HOUR, false)];
    assert_eq!(judged_at(&facts, false, 0).as_deref(), Some("WARD-3A"));
    facts.device = Some(device(Some("THEATRE")));
    assert_eq!(judged_at(&facts, false, 0).as_deref(), Some("THEATRE"));
    facts.patient = Some(known_patient(vec![stay("ED", Presence::Present, -HOUR, None)], None));
    assert_eq!(judged_at(&facts, false, 0).as_deref(), Some("ED"));
    // Whoever has nothing to do with the patient is judged where they are themselves.
    assert_eq!(judged_at(&facts, true, 0).as_deref(), Some("THEATRE"));
    facts.device = Some(device(None));
    assert_eq!(judged_at(&facts, true, 0).as_deref(), Some("WARD-3A"));
}

#[test]
fn a_patient_on_the_way_is_judged_where_they_are_until_they_left_and_then_where_they_are_expected() {
    let mut facts = nothing_known();
    let stays = vec![stay("CLINIC", Presence::Present, -HOUR, Some(HOUR)), stay("ED", Presence::Expected, 0, None)];
    facts.patient = Some(known_patient(stays, None));
    assert_eq!(judged_at(&facts, false, HOUR - 1).as_deref(), Some("CLINIC"));
    assert_eq!(judged_at(&facts, false, HOUR).as_deref(), Some("ED"));
    assert_eq!(place::changes(&facts, false, at(-1)), [at(0), at(HOUR)]);
    assert_eq!(place::changes(&facts, true, at(-1)), []);
    facts.patient = Some(known_patient(vec![stay("CLINIC", Presence::Present, -HOUR, Some(0))], Some(0)));
    assert_eq!(judged_at(&facts, false, HOUR).as_deref(), Some("CLINIC"));
}

#[test]
fn a_question_about_a_unit_is_judged_there() {
    let mut facts = nothing_known();
    facts.device = Some(device(Some("THEATRE")));
    let question = asking("Unit", "ED");
    assert_eq!(place::of(&question, &facts, true, at(0)), Some("ED".parse().unwrap()));
}
