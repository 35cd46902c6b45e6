//! What is told: patients opened and closed, the screen locked, signed out, another application that did not follow.

use crate::house::{ALL, Follower, House, SESSION, START, about};
use events::device::Posture;
use events::session::{EndCause, LockCause};
use events::{Event, Timestamp};
use serde_json::{Value, json};

fn code(event: &Value) -> &Value {
    &event["event"]["context"][0]["resource"]["parameter"][0]["valueCoding"]["code"]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_that_is_opened_is_told_by_number_and_without_a_name_and_that_is_on_the_record() {
    let house = House::open().await;
    let mut pharmacy = house.follow(&house.pharmacy, ALL).await;
    let pressed = house.press("read_chart", house.amy).await;
    let event = pharmacy.event("Patient-open").await;
    assert_eq!(about(&event), house.amy.to_string());
    let patient = &event["event"]["context"][0]["resource"];
    assert_eq!(event["event"]["context"][0]["key"], "patient");
    assert_eq!(patient["resourceType"], "Patient");
    assert_eq!(patient["identifier"][0]["value"], "900001");
    assert_eq!(patient["identifier"][0]["type"]["coding"][0]["code"], "MR");
    assert_eq!(patient["identifier"][1]["value"], house.amy.to_string());
    let text = event.to_string();
    assert!(!text.contains("Secret") && !text.contains("1956"), "{text}");
    let at: Timestamp = serde_json::from_value(event["timestamp"].clone()).unwrap();
    assert_eq!(at, START, "when it was opened");

    let told = house.asked_by("pharmacy");
    assert_eq!(told.len(), 1);
    assert!(told[0].seq > pressed);
    let Event::DecisionMade(made) = &told[0].draft.event else { panic!() };
    assert!(made.live, "it ends when it no longer holds");
    assert_eq!(made.question.session.as_ref().unwrap().as_str(), SESSION);

    // The same again is no news; another is, and the first is closed before.
    house.press("write_note", house.amy).await;
    house.press("read_chart", house.ben).await;
    assert_eq!(about(&pharmacy.event("Patient-close").await), house.amy.to_string());
    assert_eq!(about(&pharmacy.event("Patient-open").await), house.ben.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_closes_the_patient_and_hides_and_a_sign_out_ends_it() {
    let house = House::open().await;
    let mut pharmacy = house.follow(&house.pharmacy, ALL).await;
    house.press("read_chart", house.amy).await;
    pharmacy.event("Patient-open").await;
    house.lock(LockCause::Idle).await;
    assert_eq!(about(&pharmacy.event("Patient-close").await), house.amy.to_string());
    assert_eq!(code(&pharmacy.event("UserHibernate").await), "system-timeout");
    house.resume_at("ws-ED").await;
    house.lock(LockCause::Asked).await;
    assert_eq!(code(&pharmacy.event("UserHibernate").await), "user-initiated");
    house.resume_at("ws-ED").await;
    house.press("read_chart", house.amy).await;
    pharmacy.event("Patient-open").await;
    house.end(EndCause::SignedOut).await;
    pharmacy.event("Patient-close").await;
    assert_eq!(code(&pharmacy.event("UserLogout").await), "user-initiated");
    assert_eq!(pharmacy.denied().await, "the session is over");
    assert_eq!(Follower::connect(&pharmacy.endpoint, None).await.err(), Some(404));
    assert_eq!(house.subscribe(&house.pharmacy, ALL, &[]).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_late_is_told_what_is_open_and_whoever_comes_to_a_locked_screen_that_it_is() {
    let house = House::open().await;
    let none = json!({ "context.type": "", "context.versionId": "none", "context": [] });
    let path = format!("/fhircast/{SESSION}");
    assert_eq!(house.send(&house.pharmacy, "GET", &path, "", "").await, (200, none.clone()));
    let pressed = house.press("read_chart", house.amy).await;
    let mut late = house.follow(&house.pharmacy, "Patient-open").await;
    assert_eq!(about(&late.event("Patient-open").await), house.amy.to_string());
    let (status, current) = house.send(&house.pharmacy, "GET", &path, "", "").await;
    assert_eq!((status, &current["context.type"]), (200, &json!("Patient")));
    assert_eq!(current["context.versionId"], pressed.to_string());
    assert_eq!(current["context"][0]["resource"]["identifier"][0]["value"], "900001");
    assert_eq!(house.asked_by("pharmacy").len(), 2, "that it asked is on the record as well");

    house.lock(LockCause::Asked).await;
    assert_eq!(house.send(&house.pharmacy, "GET", &path, "", "").await, (200, none));
    let mut locked = house.follow(&house.pharmacy, ALL).await;
    assert_eq!(code(&locked.event("UserHibernate").await), "user-initiated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_goes_elsewhere_is_not_followed_there() {
    let house = House::open().await;
    let mut pharmacy = house.follow(&house.pharmacy, ALL).await;
    house.press("read_chart", house.amy).await;
    pharmacy.event("Patient-open").await;
    house.resume_at("ws-ED-2").await;
    pharmacy.event("Patient-close").await;
    assert_eq!(code(&pharmacy.event("UserHibernate").await), "system-initiated");
    assert!(pharmacy.denied().await.contains("another workstation"));
    // From the application there, it is.
    house.follow(&house.pharmacy, ALL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_ends_closes_the_patient_and_the_session_goes_on() {
    let house = House::open().await;
    let mut pharmacy = house.follow(&house.pharmacy, ALL).await;
    house.press("read_chart", house.amy).await;
    pharmacy.event("Patient-open").await;
    house.posture(Posture::Failed).await;
    assert_eq!(about(&pharmacy.event("Patient-close").await), house.amy.to_string());
    house.lock(LockCause::Asked).await;
    pharmacy.event("UserHibernate").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_told_that_one_did_not_follow_and_it_is_not_told_itself() {
    let house = House::open().await;
    let imaging = house.token("imaging").await;
    let mut imaging = house.follow_with(&imaging, ALL, &[("subscriber.name", "Image viewer")]).await;
    let mut pharmacy = house.follow(&house.pharmacy, ALL).await;
    house.press("read_chart", house.amy).await;
    pharmacy.event("Patient-open").await;
    let opened = imaging.hear().await.unwrap();
    let event = opened["id"].as_str().unwrap().to_owned();
    imaging.answer(&event, &json!(409)).await;
    let error = pharmacy.event("SyncError").await;
    let issue = &error["event"]["context"][0]["resource"]["issue"][0];
    assert_eq!((&issue["severity"], &issue["code"]), (&json!("warning"), &json!("processing")));
    let codes: Vec<_> = issue["details"]["coding"].as_array().unwrap().iter().map(|coding| &coding["code"]).collect();
    assert_eq!(codes, [&json!(event), &json!("Patient-open"), &json!("Image viewer")]);

    // The same by request, for an application that accepted first.
    let coding = |what: &str, code: &str| json!({ "system": format!("https://fhircast.hl7.org/events/syncerror/{what}"), "code": code });
    let codings = [coding("eventid", "17-a"), coding("eventname", "<Amy Secret>")];
    let told = json!({ "timestamp": "2026-11-22T20:00:00Z", "id": "1", "event": {
        "hub.topic": SESSION, "hub.event": "syncerror",
        "context": [{ "key": "operationoutcome", "resource": { "issue": [{ "details": { "coding": codings } }] } }],
    } });
    let (status, _) =
        house.send(&house.pharmacy, "POST", "/fhircast", "application/fhir+json", &told.to_string()).await;
    assert_eq!(status, 202);
    let error = imaging.event("SyncError").await;
    let codings = &error["event"]["context"][0]["resource"]["issue"][0]["details"]["coding"];
    assert_eq!((&codings[0]["code"], &codings[1]["code"]), (&json!("17-a"), &json!("")), "no words are relayed");
    house.lock(LockCause::Asked).await;
    pharmacy.event("Patient-close").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_never_answers_is_not_followed_by_and_the_others_know() {
    let house = House::open().await;
    let imaging = house.token("imaging").await;
    let mut mute = house.follow(&imaging, ALL).await;
    let mut pharmacy = house.follow(&house.pharmacy, "SyncError").await;
    for round in 0..=fhircast::UNANSWERED_MAX / 2 {
        house.press("read_chart", if round % 2 == 0 { house.amy } else { house.ben }).await;
        if round > 0 {
            mute.hear().await.unwrap();
        }
        mute.hear().await.unwrap();
    }
    pharmacy.event("SyncError").await;
    assert_eq!(mute.denied().await, "events were not answered in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_long_a_message_and_one_that_is_no_answer_end_the_connection() {
    let house = House::open().await;
    let mut long = house.follow(&house.pharmacy, ALL).await;
    long.say(&format!("\"{}\"", "x".repeat(fhircast::MESSAGE_BYTES_MAX))).await;
    assert_eq!(long.next().await, None);
    let mut wrong = house.follow(&house.pharmacy, ALL).await;
    wrong.say("Patient-open").await;
    assert_eq!(wrong.denied().await, "an answer has an id and a status");
    // An answer to what was never asked is nothing.
    let mut other = house.follow(&house.pharmacy, ALL).await;
    other.answer("nothing", &json!("500")).await;
    house.lock(LockCause::Asked).await;
    other.event("UserHibernate").await;
}
