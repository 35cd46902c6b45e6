//! What goes wrong every day: sent twice, two tabs, the back button, a challenge too old, clocks that differ, a key revoked mid-session; and the
//! signs that are recorded of what should not be.

use crate::house::{House, SECOND, field, id};
use authenticator::SecurityKey;
use axum::http::StatusCode;
use events::Event;
use events::authenticator::{RevokeCause, Revoked};
use events::signin::{Sign, Signalled};
use serde_json::json;

fn signs(house: &House) -> Vec<Signalled> {
    let found = house.entries("signin.signalled").into_iter().filter_map(|leaf| match leaf.draft.event {
        Event::SigninSignalled(signalled) => Some(signalled),
        _ => None,
    });
    found.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_twice_counts_once_and_says_so_kindly() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let mut one = house.workstation("ws-1").await;
    let options = one.script("/bedside/sign-in/options", json!({})).await.json();
    let credential = amara.get(crate::house::BASE, &options).unwrap();
    let sent = json!({ "credential": credential });
    assert_eq!(one.script("/bedside/sign-in/result", sent.clone()).await.json()["go"], "/bedside/patients");
    let again = one.script("/bedside/sign-in/result", sent).await;
    assert!(!again.said().is_empty() && !again.gave_a_cookie(), "{}", again.text);
    assert_eq!(one.get("/bedside/patients").await.status, StatusCode::OK, "nothing is lost by it");
    assert_eq!(house.entries("session.started").len(), 1);

    let page = one.get("/bedside/patients").await.text;
    one.form(&page, "/bedside/lock", &[]).await;
    let locked_again = one.form(&page, "/bedside/lock", &[]).await;
    assert!(locked_again.text.contains("Locked for Nurse amara"), "{}", locked_again.text);
    assert_eq!(house.entries("session.locked").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tab_and_the_back_button_show_nothing_that_is_over() {
    let house = House::open().await;
    let (mut amara, mut ruiz) = (house.key_of("n-amara").await, house.key_of("d-ruiz").await);
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    let other_tab = one.get("/bedside/patients").await.text;
    one.form(&other_tab, "/bedside/lock", &[]).await;
    // The other tab's form waits for its owner, sealed.
    let waiting = one.form(&other_tab, "/bedside/sign-out", &[("note", "penicillin")]).await;
    assert!(
        waiting.text.contains("Locked for Nurse amara") && !waiting.text.contains("penicillin"),
        "{}",
        waiting.text
    );
    assert!(!field(&waiting.text, "resume").is_empty());
    // A colleague takes over: the tab's form is nobody's here any more.
    one.touch(&mut ruiz).await;
    let stale = one.form(&other_tab, "/bedside/sign-out", &[]).await;
    assert_eq!(stale.status, StatusCode::FORBIDDEN);
    assert!(stale.text.contains("cannot be used any more") && stale.text.contains("/bedside"), "{}", stale.text);
    assert!(one.get("/bedside/patients").await.text.contains("Doctor ruiz"));
    // Signed out, and back: the page is asked for anew, and there is nobody.
    let page = one.get("/bedside/patients").await.text;
    one.form(&page, "/bedside/sign-out", &[]).await;
    assert!(one.get("/bedside/patients").await.text.contains("Who is there?"));
    assert_eq!(one.form(&page, "/bedside/sign-out", &[]).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_that_is_too_old_and_clocks_that_differ() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let mut one = house.workstation("ws-1").await;
    let options = one.script("/bedside/sign-in/options", json!({})).await.json();
    house.wait(SECOND * 301);
    one.renew().await;
    let late = one.answer("sign-in", &mut amara, &options, json!({})).await;
    assert!(!late.said().is_empty() && late.json()["go"].is_null(), "{}", late.text);
    assert_eq!(one.touch(&mut amara).await.json()["go"], "/bedside/patients", "the next try works");

    // Another node behind the balancer is half a minute behind, then one is far ahead.
    house.clock.set(house.plane.now() - SECOND * 30);
    assert_eq!(one.get("/bedside/patients").await.status, StatusCode::OK);
    assert_eq!(one.renew().await.json()["renewed"], true);
    house.wait(SECOND * 90);
    assert!(one.get("/bedside/patients").await.text.contains("proving which one it is"));
    assert_eq!(one.renew().await.json()["renewed"], true);
    assert_eq!(one.get("/bedside/patients").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_ends_what_rests_on_it_at_once() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    let page = one.get("/bedside/patients").await.text;
    let key = house.plane.world(|world| world.authenticators_of(&id("n-amara"))[0].authenticator.clone());
    house.record(Revoked { authenticator: key, cause: RevokeCause::Lost }).await;
    // Nobody has looked yet: the page is closed all the same, and so is the form that was open.
    assert!(one.get("/bedside/patients").await.text.contains("Who is there?"));
    assert_eq!(one.form(&page, "/bedside/lock", &[]).await.status, StatusCode::UNAUTHORIZED);
    let touched = one.touch(&mut amara).await;
    assert!(!touched.said().is_empty() && !touched.gave_a_cookie(), "{}", touched.text);
    house.point.keep_sessions_true().await;
    assert_eq!(house.entries("session.ended").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_in_two_units_within_a_minute_is_a_sign_and_a_walk_is_none() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let (mut one, mut two, mut icu) =
        (house.workstation("ws-1").await, house.workstation("ws-2").await, house.workstation("ws-icu").await);
    one.touch(&mut amara).await;
    two.touch(&mut amara).await;
    assert!(signs(&house).is_empty(), "the next bed");
    house.wait(SECOND * 30);
    icu.touch(&mut amara).await;
    let seen = signs(&house);
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].sign, seen[0].other.clone()), (Sign::TwoPlaces, Some(id("ws-2"))));
    house.wait(SECOND * 61);
    one.renew().await;
    one.touch(&mut amara).await;
    assert_eq!(signs(&house).len(), 1, "there was time to walk");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_signed_out_first_was_there_all_the_same() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let (mut one, mut icu) = (house.workstation("ws-1").await, house.workstation("ws-icu").await);
    one.touch(&mut amara).await;
    house.wait(SECOND * 50);
    let page = one.get("/bedside/patients").await.text;
    one.form(&page, "/bedside/sign-out", &[]).await;
    house.wait(SECOND * 30);
    icu.renew().await;
    icu.touch(&mut amara).await;
    let seen = signs(&house);
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].sign, seen[0].other.clone()), (Sign::TwoPlaces, Some(id("ws-1"))));
    let page = icu.get("/bedside/patients").await.text;
    icu.form(&page, "/bedside/sign-out", &[]).await;
    house.wait(SECOND * 61);
    one.renew().await;
    one.touch(&mut amara).await;
    assert_eq!(signs(&house).len(), 1, "there was time to walk");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_overlap_are_a_sign_where_both_are_open_at_workstations() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let (mut own, mut one, mut phone) =
        (house.workstation("ws-own").await, house.workstation("ws-1").await, house.browser());
    own.touch(&mut amara).await;
    phone.touch(&mut amara).await;
    assert!(signs(&house).is_empty(), "a phone goes along");
    one.touch(&mut amara).await;
    let seen = signs(&house);
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].sign, seen[0].other.clone()), (Sign::Overlapping, Some(id("ws-own"))));
    one.touch(&mut amara).await;
    assert_eq!(signs(&house).len(), 1, "told once");
    // A locked screen overlaps with nothing.
    let page = one.get("/bedside/patients").await.text;
    one.form(&page, "/bedside/sign-out", &[]).await;
    let page = own.get("/bedside/patients").await.text;
    own.form(&page, "/bedside/lock", &[]).await;
    one.touch(&mut amara).await;
    assert_eq!(signs(&house).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_fail_at_one_workstation_are_a_sign_and_one_who_tries_again_is_none() {
    let (house, elsewhere) = (House::open().await, House::open().await);
    let mut strangers: Vec<SecurityKey> = Vec::new();
    for _ in 0..5 {
        strangers.push(elsewhere.key_of("n-amara").await);
    }
    let mut one = house.workstation("ws-1").await;
    for _ in 0..8 {
        assert!(!one.touch(&mut strangers[0]).await.said().is_empty());
    }
    assert!(signs(&house).is_empty());
    for stranger in &mut strangers[1..] {
        one.touch(stranger).await;
    }
    let seen = signs(&house);
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].sign, seen[0].times), (Sign::ManyFailures, Some(5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_the_device_key_makes_a_cookie_younger() {
    let house = House::open().await;
    let (mut amara, mut ruiz, mut bea) =
        (house.key_of("n-amara").await, house.key_of("d-ruiz").await, house.key_of("n-bea").await);
    let (mut one, mut two) = (house.workstation("ws-1").await, house.workstation("ws-2").await);
    two.touch(&mut bea).await;
    one.touch(&mut amara).await;
    let copy = |browser: &crate::house::Browser<'_>| {
        let mut thief = house.browser();
        (thief.cookie, thief.device) = (browser.cookie.clone(), browser.device.clone());
        thief
    };
    house.wait(SECOND * 50);
    // Everything that answers with a cookie, tried with a copy that has ten seconds left.
    let (mut locks, mut leaves, mut insider) = (copy(&one), copy(&one), copy(&one));
    locks.script("/bedside/badge-away", json!({})).await;
    one.touch(&mut amara).await;
    insider.touch(&mut ruiz).await;
    let mut lent = copy(&one);
    lent.form_with("", "/bedside/vouch/go", &[("badge", "badge-n-amara")]).await;
    let page = leaves.get("/bedside/patients").await.text;
    leaves.form(&page, "/bedside/sign-out", &[]).await;
    house.wait(SECOND * 11);
    for mut thief in [locks, leaves, insider, lent] {
        let got = thief.get("/bedside/patients").await;
        assert!(got.status == StatusCode::UNAUTHORIZED && got.text.contains("One moment"), "{}", got.text);
    }
    // Her own browser proves itself, and goes on.
    assert_eq!(one.renew().await.json()["renewed"], true);
}
