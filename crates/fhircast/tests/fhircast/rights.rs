//! Who may follow whom, and be told which patient was opened; and when that ends.

use crate::house::{ALL, Follower, House, SESSION, with};
use events::Event;
use events::decision::Effect;
use events::session::{EndCause, LockCause};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn only_who_is_let_in_by_the_charter_follows_and_only_a_session_there_is() {
    let house = House::open().await;
    assert_eq!(house.subscribe("", ALL, &[]).await.0, 401);
    let ehr = house.token("ehr").await;
    let (status, why) = house.subscribe(&ehr, ALL, &[]).await;
    assert_eq!((status, why), (403, json!("this caller may not `follow`")));
    assert_eq!(house.send(&ehr, "GET", &format!("/fhircast/{SESSION}"), "", "").await.0, 403);
    for topic in ["se-00000000000000000000000000000000", "n-amara", "", "\u{202e}", "ws-ED"] {
        let fields =
            [("hub.channel.type", "websocket"), ("hub.mode", "subscribe"), ("hub.topic", topic), ("hub.events", ALL)];
        let (status, why) = house.post(&house.pharmacy, &fields).await;
        assert_eq!((status, why), (404, json!("there is no such session for this caller to follow")), "{topic}");
    }
    house.end(EndCause::SignedOut).await;
    assert_eq!(house.subscribe(&house.pharmacy, ALL, &[]).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_of_other_units_finds_no_session() {
    let patient = "[callers.pharmacy.follows]\npatient = \"read_chart\"";
    let elsewhere = House::with(with(patient, &format!("{patient}\nunits = [\"ICU\"]"))).await;
    assert_eq!(elsewhere.subscribe(&elsewhere.pharmacy, ALL, &[]).await.0, 404);
    let here = House::with(with(patient, &format!("{patient}\nunits = [\"ICU\", \"ED\"]"))).await;
    here.follow(&here.pharmacy, ALL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_action_in_the_charter_no_patient_is_told() {
    let house =
        House::with(with("[callers.pharmacy.follows]\npatient = \"read_chart\"", "[callers.pharmacy.follows]")).await;
    let (status, why) = house.subscribe(&house.pharmacy, "Patient-open,Patient-close", &[]).await;
    assert_eq!((status, why), (403, json!("the charter does not let this caller be told of any of these events")));
    let mut pharmacy = house.follow(&house.pharmacy, ALL).await;
    house.press("read_chart", house.amy).await;
    let (_, current) = house.send(&house.pharmacy, "GET", &format!("/fhircast/{SESSION}"), "", "").await;
    assert_eq!(current["context"], json!([]));
    house.lock(LockCause::Asked).await;
    pharmacy.event("UserHibernate").await;
    assert_eq!(house.asked_by("pharmacy").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_person_may_not_do_there_is_not_told() {
    // This sign-in is sure enough for the chart, and not for that.
    let house = House::with(with(
        "[callers.pharmacy.follows]\npatient = \"read_chart\"",
        "[callers.pharmacy.follows]\npatient = \"administer_controlled_drug\"",
    ))
    .await;
    let mut pharmacy = house.follow(&house.pharmacy, ALL).await;
    house.press("read_chart", house.amy).await;
    while house.asked_by("pharmacy").is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    house.lock(LockCause::Asked).await;
    pharmacy.event("UserHibernate").await;
    for leaf in house.asked_by("pharmacy") {
        let Event::DecisionMade(made) = &leaf.draft.event else { panic!() };
        assert_eq!((made.effect, made.question.action.as_str()), (Effect::Deny, "administer_controlled_drug"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_person_opens_a_patient() {
    let house = House::open().await;
    house.follow(&house.pharmacy, ALL).await;
    let body = json!({ "timestamp": "2026-11-22T20:00:00Z", "id": "1",
        "event": { "hub.topic": SESSION, "hub.event": "Patient-open", "context": [] } });
    for kind in ["application/json", "application/fhir+json; charset=utf-8"] {
        let (status, why) = house.send(&house.pharmacy, "POST", "/fhircast", kind, &body.to_string()).await;
        assert_eq!(status, 403);
        assert!(why.as_str().unwrap().starts_with("nobody but the person at the workstation opens"), "{why}");
    }
    let synced = json!({ "event": { "hub.topic": SESSION, "hub.event": "SyncError" } }).to_string();
    let imaging = house.token("imaging").await;
    let (status, _) = house.send(&imaging, "POST", "/fhircast", "application/json", &synced).await;
    assert_eq!(status, 404, "who follows nothing has failed to follow nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_is_ended_is_cut() {
    let house = House::open().await;
    let mut pharmacy = house.follow(&house.pharmacy, ALL).await;
    house.press("read_chart", house.amy).await;
    pharmacy.event("Patient-open").await;
    let (_, unused) = house.subscribe(&house.pharmacy, ALL, &[]).await;
    house.revoke("pharmacy").await;
    // A new token is none for what the old one began.
    let token = house.token("pharmacy").await;
    let mut last = pharmacy.next().await.unwrap();
    if last["event"]["hub.event"] == "Patient-close" {
        last = pharmacy.next().await.unwrap();
    }
    assert_eq!(last["hub.reason"], "this caller may not follow this session any more", "{last}");
    assert_eq!(pharmacy.next().await, None);
    let unused = unused["hub.channel.endpoint"].as_str().unwrap();
    let mut late = Follower::connect(unused, None).await.unwrap();
    assert_eq!(late.denied().await, "this caller may not follow this session any more");
    house.follow(&token, ALL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_a_new_charter_lets_follow_no_more_is_cut_and_another_is_not() {
    let house = House::open().await;
    let mut pharmacy = house.follow(&house.pharmacy, ALL).await;
    let imaging = house.token("imaging").await;
    let mut imaging = house.follow(&imaging, ALL).await;
    let patient = "\n[callers.pharmacy.follows]\npatient = \"read_chart\"";
    // At once, for who follows goes on listening while a charter is tried, which takes a while.
    let changed = async {
        house.put_into_force(with(patient, "\n[callers.pharmacy.follows]")).await;
        house.press("read_chart", house.amy).await;
    };
    let ((), why, _) = tokio::join!(changed, pharmacy.denied(), imaging.event("Patient-open"));
    assert_eq!(why, "this caller may not follow this session any more");
    house.follow(&house.pharmacy, "UserLogout,Patient-open").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_connects_only_from_where_the_charter_says() {
    let house = House::open().await;
    let endpoint = async || {
        let (_, answer) = house.subscribe(&house.pharmacy, ALL, &[]).await;
        answer["hub.channel.endpoint"].as_str().unwrap().to_owned()
    };
    let address = endpoint().await;
    assert!(address.starts_with(&format!("ws://{}/fhircast/socket/", house.address)), "{address}");
    for origin in ["https://evil.example", "null", "https://pharmacy.harbour-general.example.evil.example"] {
        assert_eq!(Follower::connect(&address, Some(origin)).await.err(), Some(403), "{origin}");
    }
    // Nothing was used up by that.
    let named = Some("https://pharmacy.harbour-general.example");
    let mut page = Follower::connect(&address, named).await.unwrap();
    assert_eq!(page.next().await.unwrap()["hub.mode"], "subscribe");
    let imaging = house.token("imaging").await;
    let (_, answer) = house.subscribe(&imaging, ALL, &[]).await;
    let address = answer["hub.channel.endpoint"].as_str().unwrap();
    assert_eq!(Follower::connect(address, named).await.err(), Some(403), "the charter names it for another");
}
