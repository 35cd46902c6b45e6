//! The end of a shift: both confirm, patients pass on, and what the one who goes was entitled to ends with the grace.

use crate::house::{House, SECOND, field, id};
use axum::http::StatusCode;
use events::decision::{Asserted, EndCause as PermitEnd, Question};
use events::session::{EndCause, HandedOver};
use events::team::Joined;
use events::{Actor, EntityRef, Event, PatientPseudonym, PrincipalId, Timestamp};
use plane::{Answer, Ask, Standing};
use serde_json::json;
use std::time::Duration;

/// What only those who care for a patient now may do.
const OBSERVES: &str = "record_observations";
const GRACE: Duration = Duration::from_secs(15 * 60);

fn patient(number: u8) -> PatientPseudonym {
    PatientPseudonym::from_bytes([number; 16])
}

async fn treats(house: &House, who: &str, number: u8) {
    house.record(Joined { patient: patient(number), person: id(who), until: None }).await;
}

/// Whether somebody may do something for a patient, by a question that stays live.
async fn may(house: &House, who: &str, action: &str, number: u8) -> Answer {
    let session = json!({ "level": 2, "age_minutes": 1, "method": "passkey" });
    let question = Question {
        session: None,
        principal: EntityRef { kind: id("Person"), id: id(who) },
        action: id(action),
        resource: EntityRef { kind: id("Patient"), id: id(&patient(number).to_string()) },
        workflow: None,
        asserted: Asserted { context: [("session".to_owned(), session)].into(), ..Asserted::default() },
    };
    house.plane.decide(Ask { question, actor: Actor::handrail("test"), request: None, live: true }).await.unwrap()
}

fn places(house: &House, who: &str) -> Vec<(PatientPseudonym, Option<Timestamp>)> {
    let (who, now) = (id::<PrincipalId>(who), house.plane.now());
    let held = house.plane.world(|world| world.memberships_of(&who, now));
    held.into_iter().map(|one| (one.patient, one.until)).collect()
}

fn handed_over(house: &House) -> Vec<HandedOver> {
    let found = house.entries("session.handed_over").into_iter().filter_map(|leaf| match leaf.draft.event {
        Event::SessionHandedOver(over) => Some(over),
        _ => None,
    });
    found.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_confirm_and_patients_and_permits_pass_on() {
    let house = House::open().await;
    let plane = house.plane.clone();
    tokio::spawn(async move { plane.keep_permits_true(Default::default()).await });
    let (mut amara, mut bea) = (house.key_of("n-amara").await, house.key_of("n-bea").await);
    for number in 1..=3 {
        treats(&house, "n-amara", number).await;
    }
    // One of them the feed knows by the badge too.
    treats(&house, "badge-n-amara", 1).await;
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    let permit = may(&house, "n-amara", OBSERVES, 1).await;
    assert!(permit.permits(), "{:?}", permit.made());
    let mut watched = house.plane.live().watch(permit.entry()).unwrap();

    let page = one.get("/bedside/hand-over").await.text;
    assert_eq!(page.matches("type=\"checkbox\"").count(), 3, "{page}");
    assert!(page.contains("value=\"n-bea\"") && page.contains("value=\"d-ruiz\"") && !page.contains("value=\"n-far\""));
    let (first, second) = (patient(1).to_string(), patient(2).to_string());
    let chosen = [("badge", "badge-n-bea"), ("patient", first.as_str()), ("patient", second.as_str())];
    let confirm = one.form(&page, "/bedside/hand-over", &chosen).await.text;
    assert!(confirm.contains("Nurse bea: touch your key") && confirm.contains("has 15 minutes left"), "{confirm}");
    assert!(handed_over(&house).is_empty(), "one of two confirmed");
    let fields = json!({ "to": field(&confirm, "to"), "patients": field(&confirm, "patients") });
    let begun = house.plane.now();
    let got = one.ceremony_with("hand-over", &mut bea, fields).await;
    assert_eq!(got.json()["go"], "/bedside/patients", "{}", got.text);

    assert!(one.get("/bedside/patients").await.text.contains("Nurse bea"), "the screen is hers");
    let over = handed_over(&house).pop().unwrap();
    assert_eq!((over.from, over.to, over.patients), (id("n-amara"), id("n-bea"), vec![patient(1), patient(2)]));
    assert_eq!(over.ends_at, begun + GRACE);
    assert_eq!(places(&house, "n-bea"), [(patient(1), None), (patient(2), None)]);
    let ends = Some(over.ends_at);
    assert_eq!(
        places(&house, "n-amara"),
        [(patient(1), ends), (patient(1), ends), (patient(2), ends), (patient(3), None)]
    );
    let left = house.plane.world(|world| world.session(&over.from_session).cloned()).unwrap();
    assert!(left.locked.is_some() && left.good_until == over.ends_at && left.handed_over);

    // Within the grace they may finish; then what rested on the team ends, and the session with it.
    house.wait(GRACE - SECOND * 60);
    assert!(may(&house, "n-amara", OBSERVES, 1).await.permits());
    assert_eq!(*watched.borrow(), Standing::Holds);
    house.wait(SECOND * 61);
    house.point.keep_sessions_true().await;
    let causes = house.entries("session.ended").into_iter().filter_map(|leaf| match leaf.draft.event {
        Event::SessionEnded(ended) => Some(ended.cause),
        _ => None,
    });
    assert_eq!(causes.collect::<Vec<_>>(), [EndCause::HandedOver]);

    // What rested on the team alone falls, decided again; notes may still be finished for as long as the charter says.
    treats(&house, "d-ruiz", 1).await;
    let decided = may(&house, "n-amara", OBSERVES, 1).await;
    assert!(!decided.permits(), "{:?}", decided.made());
    let standing = tokio::time::timeout(SECOND * 30, watched.wait_for(|standing| *standing != Standing::Holds)).await;
    let standing = *standing.expect("the permit ends").unwrap();
    assert!(matches!(standing, Standing::Ended { cause: PermitEnd::FactsChanged, .. }), "{standing:?}");
    assert!(may(&house, "n-amara", OBSERVES, 3).await.permits(), "what was kept is kept");
    assert!(may(&house, "n-amara", "write_note", 1).await.permits(), "for a day");
    assert!(may(&house, "n-bea", OBSERVES, 1).await.permits());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_over_who_was_not_chosen_or_does_not_work_here() {
    let house = House::open().await;
    let (mut amara, mut bea, mut ruiz) =
        (house.key_of("n-amara").await, house.key_of("n-bea").await, house.key_of("d-ruiz").await);
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    assert!(one.get("/bedside/hand-over").await.text.contains("nothing to hand over"));
    treats(&house, "n-amara", 1).await;
    treats(&house, "d-ruiz", 2).await;
    let page = one.get("/bedside/hand-over").await.text;
    let (own, others) = (patient(1).to_string(), patient(2).to_string());
    let mut answers = Vec::new();
    for badge in ["badge-of-nobody", "badge-n-far"] {
        let got = one.form(&page, "/bedside/hand-over", &[("badge", badge), ("patient", &own)]).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(got.text.contains("This badge cannot take over here"), "{}", got.text);
        answers.push(got.text.split("<main").nth(1).unwrap().to_owned());
    }
    // The nonce of the frame is another every time; what is said is not.
    assert_eq!(
        answers[0].split("<footer").next(),
        answers[1].split("<footer").next(),
        "nobody learns whose a number is"
    );
    for (fields, words) in [
        ([("to", "n-amara"), ("patient", own.as_str())], "You cannot hand over to yourself"),
        ([("to", "n-bea"), ("patient", others.as_str())], "Choose at least one patient"),
    ] {
        let got = one.form(&page, "/bedside/hand-over", &fields).await;
        assert!(got.text.contains(words), "{}", got.text);
    }

    // Somebody else's touch, and one without PIN.
    let fields = json!({ "to": "n-bea", "patients": own });
    let said = one.ceremony_with("hand-over", &mut ruiz, fields.clone()).await.said();
    assert!(said.contains("not the key of the colleague you chose"), "{said}");
    let mut lazy = bea.clone();
    (lazy.verifies, lazy.claims) = (false, Some("localhost".to_owned()));
    assert!(!one.ceremony_with("hand-over", &mut lazy, fields.clone()).await.said().is_empty());
    bea.counter = Some(9);
    // What was asked for one colleague is no answer for another.
    let options = one.script("/bedside/hand-over/options", json!({ "to": "d-ruiz", "patients": own })).await.json();
    let said = one.answer("hand-over", &mut bea, &options, fields.clone()).await.said();
    assert!(!said.is_empty() && handed_over(&house).is_empty(), "{said}");

    // What was read on the screen, and not more: the touch is for these patients.
    treats(&house, "n-amara", 3).await;
    let options = one.script("/bedside/hand-over/options", fields.clone()).await.json();
    let more = json!({ "to": "n-bea", "patients": format!("{own} {}", patient(3)) });
    let said = one.answer("hand-over", &mut bea, &options, more).await.said();
    assert!(!said.is_empty() && handed_over(&house).is_empty(), "{said}");
    house.record(events::team::Left { patient: patient(3), person: id("n-amara") }).await;

    // Locked meanwhile: nothing passes on; then it does, and a second time there is nothing left to pass on.
    let options = one.script("/bedside/hand-over/options", fields.clone()).await.json();
    one.form(&page, "/bedside/lock", &[]).await;
    let locked = one.answer("hand-over", &mut bea, &options, fields.clone()).await;
    assert_eq!(locked.json()["lock"], "/bedside");
    one.touch(&mut amara).await;
    assert_eq!(one.ceremony_with("hand-over", &mut bea, fields).await.json()["go"], "/bedside/patients");
    assert_eq!(handed_over(&house).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_is_handed_over_in_ones_own_unit_from_wherever_one_stands() {
    let house = House::open().await;
    let mut far = house.key_of("n-far").await;
    house
        .record(events::rota::ShiftAssigned {
            shift: id("s-bea-icu"),
            person: id("n-bea"),
            unit: id("ICU"),
            from: house.plane.now(),
            until: house.plane.now() + SECOND * 3_600,
            on_call: false,
        })
        .await;
    treats(&house, "n-far", 1).await;
    let mut ed = house.workstation("ws-1").await;
    ed.touch(&mut far).await;
    let page = ed.get("/bedside/hand-over").await.text;
    assert!(page.contains("value=\"n-bea\"") && page.contains("value=\"n-amara\""), "{page}");
    let own = patient(1).to_string();
    let got = ed.form(&page, "/bedside/hand-over", &[("to", "n-bea"), ("patient", &own)]).await;
    assert!(got.text.contains("touch your key to take over"), "{}", got.text);
}
