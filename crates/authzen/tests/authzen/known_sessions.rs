//! Questions that name a session of Handrail's own: how somebody signed in is then known, and no caller's word counts.

use crate::house::{HOUR, House, PATIENT, START, id, question, with};
use axum::http::StatusCode;
use events::DeviceId;
use events::device::{self, DeviceKind};
use events::session::{EndCause, Ended, LockCause, Locked, Proof, Started, SteppedUp};
use events::workstation::{DeviceKey, Enrolled, Keeper};
use serde_json::{Value, json};
use std::time::Duration;

const SESSION: &str = "se-0123456789abcdef0123456789abcdef";

fn proof(level: u8) -> Proof {
    let (authenticator, counter, proved_at) = (None, None, None);
    Proof { method: "passkey".into(), level, verified: true, authenticator, counter, proved_at }
}

async fn signed_in(who: &str, level: u8) -> House {
    session_of(who, proof(level), None).await
}

/// A session at a workstation of the emergency department; `review_due` where who they are is only claimed.
async fn session_of(who: &str, proof: Proof, review_due: Option<events::Timestamp>) -> House {
    let house = House::open().await;
    let (device, kind) = (id::<DeviceId>("ws-known"), DeviceKind::Workstation);
    let unit = Some(id("ED"));
    house.tell(device::Registered { device: device.clone(), kind, unit, shared: true, managed: true }).await;
    let key = DeviceKey { x: "eA".into(), y: "eQ".into() };
    house.tell(Enrolled { device: device.clone(), keeper: Keeper::Browser, key, slip: "s".into() }).await;
    let started = Started {
        session: id(SESSION),
        principal: id(who),
        workstation: Some(device),
        key: None,
        proof,
        good_until: START + HOUR * 10,
        vouched_by: None,
        review_due,
        provider_session: None,
    };
    house.tell(Box::new(started)).await;
    house
}

fn named(action: &str) -> Value {
    with(
        question("n-amara", action, PATIENT),
        "/context/session",
        json!({ "id": SESSION, "level": 3, "age_minutes": 0 }),
    )
}

#[tokio::test]
async fn a_named_session_counts_as_handrail_knows_it_and_not_as_a_caller_says() {
    let house = signed_in("n-amara", 1).await;
    let denied = house.evaluate(&named("read_chart")).await.json();
    assert_eq!(denied["decision"], false, "a caller says level 3, the entries say 1: {denied}");
    assert_eq!(denied["context"]["remedies"][0]["kind"], "step_up");
    house.tell(SteppedUp { session: id(SESSION), proof: proof(2) }).await;
    let permitted = house.evaluate(&named("read_chart")).await.json();
    assert_eq!(permitted["decision"], true, "{permitted}");
    let leaf = house.leaf(&permitted["context"]["entry"]);
    assert_eq!(leaf.draft.device, Some(id("ws-known")), "the session says where it is");
}

#[tokio::test]
async fn what_a_session_no_longer_bears_is_denied_at_once() {
    let house = signed_in("n-amara", 2).await;
    assert!(house.evaluate(&named("write_note")).await.decision());
    house.tell(Locked { session: id(SESSION), cause: LockCause::Asked }).await;
    let locked = house.evaluate(&named("write_note")).await.json();
    assert_eq!(locked["decision"], false, "{locked}");
    house.tell(Ended { session: id(SESSION), cause: EndCause::SignedOut }).await;
    assert!(!house.evaluate(&named("read_chart")).await.decision(), "over is as never signed in");
}

#[tokio::test]
async fn a_live_permit_ends_when_the_screen_locks() {
    let mut house = signed_in("n-amara", 2).await;
    house.keep();
    let got = house.post("/handrail/v1/permits", &named("write_note")).await;
    let entry = got.json()["context"]["entry"].clone();
    assert!(got.decision(), "{}", got.json());
    let path = format!("/handrail/v1/permits/{entry}");
    assert_eq!(house.get(&house.ehr, &path).await.json()["standing"], "holds");
    house.tell(Locked { session: id(SESSION), cause: LockCause::Idle }).await;
    let mut looks = 0;
    while house.get(&house.ehr, &path).await.json()["standing"] == "holds" {
        looks += 1;
        assert!(looks < 1_000, "it goes on although the screen is locked");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn somebody_elses_session_is_nobodys_and_a_text_that_is_none_is_refused() {
    let house = signed_in("n-far", 3).await;
    let denied = house.evaluate(&named("read_chart")).await.json();
    assert_eq!(denied["decision"], false, "{denied}");
    for wrong in [json!("Mrs Smith 1950"), json!("se-XYZ"), json!(7), json!({}), json!(format!("{SESSION}0"))] {
        let asked = with(named("read_chart"), "/context/session", json!({ "id": wrong }));
        assert_eq!(house.evaluate(&asked).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn whoever_is_let_in_by_name_does_what_the_charter_lists_while_there_is_an_emergency_and_nothing_else() {
    let claim = Proof { method: "provisional".into(), verified: false, ..proof(1) };
    let house = session_of("n-amara", claim, Some(START + HOUR * 24)).await;
    let may = async |action: &str| house.evaluate(&named(action)).await.json()["decision"] == true;
    assert!(!may("read_chart").await, "the ward is quiet");
    house.tell(events::emergency::Declared { unit: id("ED"), until: START + HOUR }).await;
    assert!(may("read_chart").await);
    assert!(may("write_note").await, "it is among what the charter calls emergency treatment");
    assert!(!may("sign_note").await, "the charter does not list it");
    house.tell(events::emergency::Ended { unit: id("ED") }).await;
    assert!(!may("read_chart").await, "it is over");
    house.tell(events::emergency::Declared { unit: id("ICU"), until: START + HOUR }).await;
    assert!(!may("read_chart").await, "an emergency elsewhere opens nothing here");
    let proved = signed_in("n-amara", 2).await;
    assert_eq!(
        proved.evaluate(&named("sign_note")).await.json()["decision"],
        true,
        "with a sign-in of her own she may"
    );
}
