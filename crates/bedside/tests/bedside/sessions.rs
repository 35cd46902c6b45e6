//! Signing in, locking, coming back, going on elsewhere, stepping up, and the cookie that lives a minute.

use crate::house::{Browser, House, SECOND, field, id};
use authenticator::SecurityKey;
use axum::http::StatusCode;
use events::Event;
use events::session::LockCause;
use events::signin::{Sign, Step};
use serde_json::{Value, json};

fn lock_causes(house: &House) -> Vec<LockCause> {
    let locked = house.entries("session.locked").into_iter();
    locked
        .filter_map(|leaf| match leaf.draft.event {
            Event::SessionLocked(locked) => Some(locked.cause),
            _ => None,
        })
        .collect()
}

fn signs(house: &House) -> Vec<Sign> {
    let signs = house.entries("signin.signalled").into_iter();
    signs
        .filter_map(|leaf| match leaf.draft.event {
            Event::SigninSignalled(signalled) => Some(signalled.sign),
            _ => None,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_touch_signs_in_comes_back_follows_and_takes_over() {
    let house = House::open().await;
    let (mut amara, mut ruiz) = (house.key_of("n-amara").await, house.key_of("d-ruiz").await);
    let (mut one, mut two) = (house.workstation("ws-1").await, house.workstation("ws-2").await);

    assert_eq!(one.touch(&mut amara).await.json()["go"], "/bedside/patients");
    let page = one.get("/bedside/patients").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("Nurse amara") && page.text.contains("ED, ws-1"), "{}", page.text);

    // Locked, and back with one touch: the same session.
    let locked = one.form(&page.text, "/bedside/lock", &[]).await;
    assert!(locked.text.contains("Locked for Nurse amara"), "{}", locked.text);
    assert_eq!(one.get("/bedside/patients").await.status, StatusCode::UNAUTHORIZED);
    one.touch(&mut amara).await;
    assert_eq!(one.get("/bedside/patients").await.status, StatusCode::OK);
    assert_eq!(house.entries("session.started").len(), 1);
    assert_eq!(house.entries("session.resumed").len(), 1);

    // Elsewhere: it follows, and the old screen says so.
    two.touch(&mut amara).await;
    assert_eq!(two.get("/bedside/patients").await.status, StatusCode::OK);
    let left = one.get("/bedside/patients").await;
    assert!(
        left.status == StatusCode::UNAUTHORIZED && left.text.contains("went on at another workstation"),
        "{}",
        left.text
    );
    assert_eq!(house.entries("session.started").len(), 1);

    // Somebody else takes over a screen; whoever was there is locked and loses nothing.
    two.touch(&mut ruiz).await;
    assert!(two.get("/bedside/patients").await.text.contains("Doctor ruiz"));
    assert_eq!(lock_causes(&house), [LockCause::Asked, LockCause::TakenOver]);
    one.touch(&mut amara).await;
    assert!(one.get("/bedside/patients").await.text.contains("Nurse amara"));
    assert_eq!(house.entries("session.started").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_counts_for_a_minute_and_only_the_workstations_key_gives_the_next() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let mut own = house.workstation("ws-1").await;
    own.touch(&mut amara).await;
    let mut thief = house.browser();
    thief.cookie.clone_from(&own.cookie);
    thief.device = Some("ws-1".to_owned());
    assert_eq!(thief.get("/bedside/patients").await.status, StatusCode::OK, "for what is left of its minute");

    house.wait(SECOND * 61);
    assert!(own.get("/bedside/patients").await.text.contains("proving which one it is"));
    let renewed = own.renew().await;
    assert_eq!(renewed.json()["renewed"], true, "{}", renewed.text);
    assert_eq!(own.get("/bedside/patients").await.status, StatusCode::OK);

    assert_eq!(thief.get("/bedside/patients").await.status, StatusCode::UNAUTHORIZED);
    let refused = thief.renew().await;
    assert!(!refused.gave_a_cookie() && refused.said().contains("could not prove"), "{}", refused.text);
    assert_eq!(thief.get("/bedside/patients").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(signs(&house), [Sign::CopiedCookie]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_not_excused_by_its_owners_proof_and_the_owner_is_not_suspected() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let mut own = house.workstation("ws-1").await;
    own.touch(&mut amara).await;
    let mut thief = house.browser();
    thief.cookie.clone_from(&own.cookie);
    house.wait(SECOND * 40);
    own.renew().await;
    house.wait(SECOND * 65);
    // Both show a cookie past its minute, each its own, and only the owner proves it.
    assert!(own.get("/bedside/patients").await.text.contains("proving which one it is"));
    assert!(thief.get("/bedside/patients").await.text.contains("proving which one it is"));
    own.renew().await;
    house.point.keep_sessions_true().await;
    assert!(signs(&house).is_empty(), "there is time to prove it");
    house.wait(SECOND * 31);
    own.renew().await;
    house.point.keep_sessions_true().await;
    assert_eq!(signs(&house), [Sign::CopiedCookie]);
    for _ in 0..3 {
        thief.get("/bedside/patients").await;
        house.wait(SECOND * 35);
        house.point.keep_sessions_true().await;
    }
    assert_eq!(signs(&house).len(), 1, "told once, however often it is shown");

    // The owner's screen was asleep for an hour, and proves itself within seconds.
    let mut slept = house.workstation("ws-2").await;
    slept.touch(&mut amara).await;
    house.wait(SECOND * 3_600);
    slept.get("/bedside").await;
    house.wait(SECOND * 3);
    assert_eq!(slept.renew().await.json()["renewed"], true);
    house.wait(SECOND * 60);
    house.point.keep_sessions_true().await;
    assert_eq!(signs(&house).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_of_a_session_that_is_over_is_no_sign_of_anything() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let mut phone = house.browser();
    phone.touch(&mut amara).await;
    house.wait(SECOND * 3_600 * 20);
    house.point.keep_sessions_true().await;
    assert!(phone.get("/bedside/patients").await.text.contains("Who is there?"), "nothing is left to prove");
    assert_eq!(phone.renew().await.json()["lock"], "/bedside");
    house.wait(SECOND * 60);
    house.point.keep_sessions_true().await;
    assert!(signs(&house).is_empty());
    assert_eq!(phone.touch(&mut amara).await.json()["go"], "/bedside/patients");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_in_progress_waits_for_its_owner_when_the_session_is_over() {
    let house = House::open().await;
    let (mut amara, mut ruiz) = (house.key_of("n-amara").await, house.key_of("d-ruiz").await);
    let mut one = house.workstation("ws-1").await;
    let kept = [("kept_action", "/bedside/sign-out"), ("note", "allergic to penicillin")];
    for (swept, asleep) in [(false, false), (true, false), (true, true)] {
        one.touch(&mut amara).await;
        let page = one.get("/bedside/patients").await.text;
        let until = house.plane.world(|world| world.sessions_of(&id("n-amara")).next().unwrap().good_until);
        house.wait(until.since(house.plane.now()) + SECOND);
        if swept {
            house.point.keep_sessions_true().await;
        }
        let mut over = if asleep {
            // Its cookie is past its minute as well: the browser proves itself first, and then the form goes on waiting.
            let proving = one.form(&page, "/bedside", &kept).await.text;
            assert!(proving.contains("proving which one it is"), "{proving}");
            one.renew().await;
            one.form_with("", "/bedside/resume", &[("resume", &field(&proving, "resume"))]).await.text
        } else {
            assert_eq!(one.renew().await.json()["lock"], "/bedside", "swept: {swept}");
            // What the script does with a form that is half filled.
            one.form(&page, "/bedside", &kept).await.text
        };
        assert!(over.contains("Who is there?") && over.contains("is kept for a quarter of an hour"), "{over}");
        assert!(!over.contains("penicillin"), "nothing readable stays");
        let sealed = field(&over, "resume");
        one.touch(&mut ruiz).await;
        let others = one.form_with("", "/bedside/resume", &[("resume", &sealed)]).await;
        assert_eq!(others.to.as_deref(), Some("/bedside/patients"), "{}", others.text);
        assert_eq!(one.touch(&mut amara).await.json()["resume"], true);
        over = one.form_with("", "/bedside/resume", &[("resume", &sealed)]).await.text;
        assert!(over.contains("action=\"/bedside/sign-out\"") && over.contains("allergic to penicillin"), "{over}");
        house.wait(SECOND * 60 * 16);
        one.renew().await;
        one.touch(&mut amara).await;
        let late = one.form_with("", "/bedside/resume", &[("resume", &sealed)]).await;
        assert_eq!(late.to.as_deref(), Some("/bedside/patients"), "{}", late.text);
        let page = one.get("/bedside/patients").await.text;
        one.form(&page, "/bedside/sign-out", &[]).await;
        house.point.keep_sessions_true().await;
    }
}

/// A touch, and the page it leads to, measured as the script does it.
async fn arrives(browser: &mut Browser<'_>, key: &mut SecurityKey) -> Value {
    let step = browser.touch(key).await.json()["step"].clone();
    browser.script("/bedside/usable", json!({ "elapsed_ms": 900, "interactions": 1, "step": step })).await;
    step
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_to_a_usable_page_is_recorded_for_what_really_happened() {
    let house = House::open().await;
    let (mut amara, mut ruiz) = (house.key_of("n-amara").await, house.key_of("d-ruiz").await);
    let (mut one, mut two) = (house.workstation("ws-1").await, house.workstation("ws-2").await);
    let first = arrives(&mut one, &mut amara).await;
    let page = one.get("/bedside/patients").await.text;
    assert!(page.contains("data-usable=\"/bedside/usable\""), "{page}");
    one.form(&page, "/bedside/lock", &[]).await;
    let back = arrives(&mut one, &mut amara).await;
    let along = arrives(&mut two, &mut amara).await;
    let arrived = [first, back, along, arrives(&mut two, &mut ruiz).await];
    assert_eq!(arrived, ["sign_in", "reconnect", "roam", "take_over"]);
    // What a ceremony is called where its answer says no more; and a page that was only opened again.
    for step in [json!("step-up"), json!("vouch"), json!("hand-over"), Value::Null] {
        two.script("/bedside/usable", json!({ "elapsed_ms": 900, "interactions": 1, "step": step })).await;
    }
    let steps: Vec<Step> = house
        .entries("signin.attempted")
        .into_iter()
        .filter_map(|leaf| match leaf.draft.event {
            Event::SigninAttempted(one) if one.detail.as_deref() == Some("usable") => Some(one.step),
            _ => None,
        })
        .collect();
    let expected =
        [Step::SignIn, Step::Reconnect, Step::Roam, Step::TakeOver, Step::StepUp, Step::Vouch, Step::HandOver];
    assert_eq!(steps, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_waits_for_the_touch_and_for_its_owner() {
    let house = House::open().await;
    let (mut amara, mut ruiz) = (house.key_of("n-amara").await, house.key_of("d-ruiz").await);
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    let page = one.get("/bedside/patients").await.text;
    let kept = [("kept_action", "/bedside/sign-out"), ("note", "allergic to penicillin")];
    let locked = one.form(&page, "/bedside/lock", &kept).await.text;
    assert!(!locked.contains("penicillin"), "nothing readable stays on a locked screen");
    let sealed = field(&locked, "resume");

    one.touch(&mut ruiz).await;
    let others = one.form_with("", "/bedside/resume", &[("resume", &sealed)]).await;
    assert_eq!(others.to.as_deref(), Some("/bedside/patients"), "{}", others.text);
    one.touch(&mut amara).await;
    let own = one.form_with("", "/bedside/resume", &[("resume", &sealed)]).await.text;
    assert!(own.contains("action=\"/bedside/sign-out\"") && own.contains("allergic to penicillin"), "{own}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unused_screen_locks_and_a_session_is_over_at_its_time() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    assert_eq!(one.renew_as("ws-1", 30).await.json()["lock"], Value::Null);
    assert_eq!(
        one.renew_as("ws-1", 15 * 60).await.json()["lock"],
        "/bedside",
        "the screen says that nobody touched it"
    );
    assert_eq!(lock_causes(&house), [LockCause::Idle]);
    one.touch(&mut amara).await;
    house.wait(SECOND * 3_600 * 12);
    one.renew().await;
    assert!(one.get("/bedside/patients").await.text.contains("Who is there?"));
    house.point.keep_sessions_true().await;
    assert_eq!(house.entries("session.ended").len(), 1);
    one.touch(&mut amara).await;
    assert_eq!(house.entries("session.started").len(), 2, "a new one begins");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_of_ones_own_keeps_a_key_of_its_own() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let mut phone = house.browser();
    assert_eq!(phone.touch(&mut amara).await.json()["go"], "/bedside/patients");
    assert_eq!(phone.get("/bedside/patients").await.status, StatusCode::OK);
    house.wait(SECOND * 61);
    assert_eq!(phone.renew().await.json()["renewed"], true);
    assert_eq!(phone.get("/bedside/patients").await.status, StatusCode::OK);
    // Locked or not, a touch in the browser that carries it goes on with it.
    phone.touch(&mut amara).await;
    assert_eq!((house.entries("session.started").len(), house.entries("session.resumed").len()), (1, 1));
    let mut thief = house.browser();
    thief.cookie.clone_from(&phone.cookie);
    house.wait(SECOND * 61);
    assert!(thief.renew().await.said().contains("could not prove"));
    // A browser that lost its key is not stuck with what it cannot prove.
    let stuck = phone.get("/bedside").await;
    assert!(stuck.text.contains("Sign in anew"), "{}", stuck.text);
    phone.form(&stuck.text, "/bedside/anew", &[]).await;
    assert!(phone.get("/bedside").await.text.contains("Who is there?"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_come_from_our_pages_changes_nothing() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    let foreign = one.form_with("guessed", "/bedside/sign-out", &[]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert_eq!(one.get("/bedside/patients").await.status, StatusCode::OK);
    assert!(house.entries("session.ended").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_act_any_more_is_told_so_kindly_and_what_they_had_ends() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    house.record(events::principal::Ended { principal: id("n-amara") }).await;
    house.point.keep_sessions_true().await;
    assert!(one.get("/bedside/patients").await.text.contains("Who is there?"));
    assert!(one.touch(&mut amara).await.said().contains("This account has ended"));
    assert_eq!(house.entries("session.ended").len(), 1);
}
