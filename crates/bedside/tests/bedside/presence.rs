//! Badges, touches without a PIN, the badge that was taken away, and the warning before a session ends.

use crate::house::{Browser, House, SECOND, id};
use authenticator::SecurityKey;
use axum::http::{Request, StatusCode};
use serde_json::json;
use world::SessionFacts;

const LOCKED: StatusCode = StatusCode::UNAUTHORIZED;

fn session_of(house: &House, who: &str) -> SessionFacts {
    house.plane.world(|world| world.sessions_of(&id(who)).next().cloned()).unwrap()
}

async fn lock(browser: &mut Browser<'_>) -> String {
    let page = browser.get("/bedside/patients").await.text;
    browser.form(&page, "/bedside/lock", &[]).await.text
}

/// A key whose owner leaves the PIN out, in a browser that lets them.
fn without_pin(key: &SecurityKey) -> SecurityKey {
    let mut other = key.clone();
    (other.verifies, other.claims) = (false, Some("localhost".to_owned()));
    other
}

#[tokio::test(flavor = "multi_thread")]
async fn badge_and_touch_bring_back_without_a_pin_and_make_nobody_surer() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    let begun = session_of(&house, "n-amara");
    assert_eq!(begun.level, 3);
    let locked = lock(&mut one).await;
    assert!(locked.contains("/bedside/reconnect/options") && locked.contains("name=\"badge\""), "{locked}");
    assert!(
        locked.find("/bedside/reconnect/options") < locked.find("/bedside/sign-in/options"),
        "the touch comes first"
    );

    house.wait(SECOND * 20);
    amara.verifies = false;
    let got = one.ceremony_with("reconnect", &mut amara, json!({ "badge": "badge-n-amara" })).await;
    assert_eq!(got.json()["go"], "/bedside/patients", "{}", got.text);
    assert_eq!(one.get("/bedside/patients").await.status, StatusCode::OK);
    let back = session_of(&house, "n-amara");
    assert_eq!((back.level, back.proved_at, back.session), (2, begun.proved_at, begun.session));

    // Stepping up always takes the PIN.
    let refused = one.ceremony("step-up", &mut without_pin(&amara)).await;
    assert!(!refused.said().is_empty(), "{}", refused.text);
    assert_eq!(session_of(&house, "n-amara").level, 2);
    (amara.verifies, amara.counter) = (true, amara.counter.map(|counter| counter + 5));
    assert_eq!(one.ceremony("step-up", &mut amara).await.json()["resume"], true);
    let sure = session_of(&house, "n-amara");
    assert_eq!(sure.level, 3);
    assert!(sure.proved_at > begun.proved_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_touch_alone_is_its_owners_at_the_locked_screen_and_within_the_time() {
    let house = House::open().await;
    let (mut amara, mut ruiz) = (house.key_of("n-amara").await, house.key_of("d-ruiz").await);
    let (mut one, mut two) = (house.workstation("ws-1").await, house.workstation("ws-2").await);
    let nothing = one.script("/bedside/reconnect/options", json!({})).await;
    assert_eq!(nothing.json(), json!({ "go": "/bedside" }), "nobody is locked here");
    one.touch(&mut amara).await;
    let open = one.script("/bedside/reconnect/options", json!({})).await;
    assert_eq!(open.json(), json!({ "go": "/bedside" }), "nobody has to come back");
    lock(&mut one).await;

    // A colleague's key, whatever their browser makes of the list of keys that may answer.
    let mut options = one.script("/bedside/reconnect/options", json!({})).await.json();
    options["publicKey"]["allowCredentials"] = json!([]);
    let others = one.answer("reconnect", &mut ruiz, &options, json!({})).await;
    assert!(others.said().contains("you go on as yourself, and their work stays theirs"), "{}", others.text);
    assert_eq!(others.json()["start"], "sign-in", "their own touch is asked for at once");
    // The owner's key, without PIN, where a PIN is asked for.
    let cheated = one.ceremony("sign-in", &mut without_pin(&amara)).await;
    assert!(!cheated.said().is_empty() && cheated.json()["go"].is_null(), "{}", cheated.text);
    amara.counter = Some(20);
    // An answer for one screen is none for another.
    let options = one.script("/bedside/reconnect/options", json!({})).await.json();
    let elsewhere = two.answer("reconnect", &mut amara, &options, json!({})).await;
    assert_eq!(elsewhere.json(), json!({ "go": "/bedside" }));
    assert_eq!(one.get("/bedside/patients").await.status, LOCKED);

    let options = one.script("/bedside/reconnect/options", json!({})).await.json();
    house.wait(SECOND * 3_600 * 12);
    one.renew().await;
    let late = one.answer("reconnect", &mut amara, &options, json!({})).await;
    assert_eq!(late.json(), json!({ "go": "/bedside" }), "its time is over");
    assert!(one.get("/bedside").await.text.contains("Who is there?"));
    assert_eq!(house.entries("session.started").len(), 1);
    assert!(house.entries("session.resumed").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_page_says_which_button_is_whose_and_a_wrong_press_strands_nobody() {
    let house = House::open().await;
    let (mut amara, mut ruiz) = (house.key_of("n-amara").await, house.key_of("d-ruiz").await);
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    let page = one.get("/bedside/patients").await.text;
    assert!(page.contains("Registered nurse, ED · ED, ws-1"), "the role as the charter calls it: {page}");
    let locked = lock(&mut one).await;
    assert!(locked.contains("<span>Locked</span>") && !locked.contains("Nobody is signed in"), "{locked}");
    for part in [
        "I am Nurse amara: touch your key to go on",
        "Without PIN, for Nurse amara’s key alone.",
        "I am somebody else: touch your own key",
        "data-words=\"reconnect-cancelled\">Nothing was sent. That button is for Nurse amara’s key alone.",
        "data-words=\"cancelled\"",
    ] {
        assert!(locked.contains(part), "{part}: {locked}");
    }
    // A colleague at the owner's button, whether or not their browser lets the key answer.
    let options = one.script("/bedside/reconnect/options", json!({})).await.json();
    let mut loose = options.clone();
    loose["publicKey"]["allowCredentials"] = json!([]);
    let wrong = one.answer("reconnect", &mut ruiz, &loose, json!({})).await;
    assert_eq!(wrong.json()["start"], "sign-in", "{}", wrong.text);
    assert_eq!(one.get("/bedside/patients").await.status, LOCKED);
    // The way on is the ceremony that was named.
    let on = one.ceremony("sign-in", &mut ruiz).await;
    assert_eq!(on.json(), json!({ "go": "/bedside/patients", "resume": true, "step": "take_over" }));
    // The owner's key with somebody else's badge is no wrong button.
    one.touch(&mut amara).await;
    lock(&mut one).await;
    let badge = one.ceremony_with("reconnect", &mut amara, json!({ "badge": "badge-d-ruiz" })).await;
    assert!(badge.said().contains("badge you scanned") && badge.json()["start"].is_null(), "{}", badge.text);
    // Whoever looks for help at a locked screen is not told that nobody is signed in either.
    assert!(one.get("/bedside/help").await.text.contains("<span>Locked</span>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_screen_names_a_colleague_and_no_patient() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    let registered = events::principal::Registered {
        principal: id("n-amara"),
        class: events::principal::IdentityClass::Patient,
        roles: Vec::new(),
        name: Some("Nurse amara".into()),
        home_unit: None,
        aliases: Vec::new(),
        labels: Vec::new(),
    };
    house.record(registered).await;
    let locked = lock(&mut one).await;
    assert!(locked.contains("Locked for its owner") && !locked.contains("amara"), "{locked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_badge_identifies_and_nobody_learns_whose_a_number_is() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let mut one = house.workstation("ws-1").await;
    let mut words = Vec::new();
    for badge in ["badge-d-ruiz", "badge-of-nobody", "d-ruiz"] {
        let options = one.script("/bedside/sign-in/options", json!({ "badge": badge })).await.json();
        assert_eq!(options["publicKey"]["allowCredentials"], json!([]), "{badge}");
        let got = one.answer("sign-in", &mut amara, &options, json!({ "badge": badge })).await;
        assert!(!got.gave_a_cookie(), "{badge}");
        words.push(got.text);
    }
    words.dedup();
    assert!(words.len() == 1 && words[0].contains("a colleague’s key"), "{words:?}");
    let own = one.ceremony_with("sign-in", &mut amara, json!({ "badge": " badge-n-amara " })).await;
    assert_eq!(own.json()["go"], "/bedside/patients", "{}", own.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn hammering_a_badge_number_keeps_its_owner_from_nothing() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let badge = json!({ "badge": "badge-n-amara" });
    let mut attacker = house.browser();
    let mut looked_at = 0;
    for _ in 0..50 {
        let got = attacker.script("/bedside/sign-in/options", badge.clone()).await.json();
        looked_at += usize::from(got.get("publicKey").is_some());
    }
    assert_eq!(looked_at, 10, "as the charter's [throttle] says");
    let mut one = house.workstation("ws-1").await;
    let got = one.ceremony_with("sign-in", &mut amara, badge.clone()).await;
    assert_eq!(got.json()["go"], "/bedside/patients", "{}", got.text);
    // On her phone, behind the same address as the attacker, her key alone does it.
    let mut phone = house.browser();
    let refused = phone.ceremony_with("sign-in", &mut amara, badge).await;
    assert!(refused.said().contains("Leave the field empty"), "{}", refused.text);
    assert_eq!(phone.touch(&mut amara).await.json()["go"], "/bedside/patients");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_screen_locks_when_the_badge_is_gone() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let mut one = house.workstation("ws-1").await;
    assert_eq!(one.script("/bedside/badge-away", json!({})).await.json()["lock"], "/bedside", "nobody is there");
    one.touch(&mut amara).await;
    let foreign = Request::post("/bedside/badge-away").header("origin", "https://elsewhere.example");
    assert_eq!(one.send(foreign, axum::body::Body::empty()).await.status, StatusCode::FORBIDDEN);
    assert_eq!(one.get("/bedside/patients").await.status, StatusCode::OK);
    assert_eq!(one.script("/bedside/badge-away", json!({})).await.json()["lock"], "/bedside");
    let locked = one.get("/bedside/patients").await;
    assert!(locked.status == LOCKED && locked.text.contains("The badge was taken away."), "{}", locked.text);
    // A phone has no badge reader, and nothing to lock by one.
    let mut phone = house.browser();
    phone.touch(&mut amara).await;
    assert_eq!(phone.script("/bedside/badge-away", json!({})).await.json(), json!({}));
    assert_eq!(phone.get("/bedside/patients").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_when_its_session_ends_soon() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    assert!(!one.get("/bedside/patients").await.text.contains("This session ends"));
    house.wait(SECOND * (720 * 60 - 100));
    one.renew().await;
    let back = one.ceremony("reconnect", &mut amara).await;
    assert_eq!(back.json()["go"], "/bedside/patients", "{}", back.text);
    let page = one.get("/bedside/patients").await.text;
    assert!(page.contains("This session ends in 2 minutes."), "{page}");
    house.wait(SECOND * 50);
    one.renew().await;
    assert!(one.get("/bedside/patients").await.text.contains("This session ends within a minute."));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_for_a_quarter_of_an_hour_is_at_work() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    for _ in 0..30 {
        house.wait(SECOND * 40);
        assert_eq!(one.renew_as("ws-1", 3).await.json()["renewed"], true);
        house.point.keep_sessions_true().await;
    }
    assert_eq!(one.get("/bedside/patients").await.status, StatusCode::OK);
    // And who does not touch the screen is not.
    house.wait(SECOND * 40);
    assert_eq!(one.renew_as("ws-1", 900).await.json()["lock"], "/bedside");
}
