//! A colleague stands up for somebody whose key fails: at the screen of whoever is stuck, and from their own.

use crate::house::{Browser, Got, House, SECOND, id};
use axum::http::StatusCode;
use events::Event;
use events::session::{EndCause, Started, Vouched};
use serde_json::{Value, json};

fn wanted(badge: &str) -> Value {
    json!({ "badge": badge, "reason": "broken" })
}

fn vouches(house: &House) -> Vec<Vouched> {
    let found = house.entries("session.vouched").into_iter().filter_map(|leaf| match leaf.draft.event {
        Event::SessionVouched(vouched) => Some(vouched),
        _ => None,
    });
    found.collect()
}

fn last_started(house: &House) -> Started {
    let found = house.entries("session.started").into_iter().filter_map(|leaf| match leaf.draft.event {
        Event::SessionStarted(started) => Some(*started),
        _ => None,
    });
    found.last().unwrap()
}

async fn page(browser: &mut Browser<'_>) -> Got {
    browser.get("/bedside/patients").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_touches_at_the_screen_and_both_are_named() {
    let house = House::open().await;
    let mut bea = house.key_of("n-bea").await;
    let (mut stuck, mut beas) = (house.workstation("ws-1").await, house.workstation("ws-2").await);
    beas.touch(&mut bea).await;
    let why = stuck.get("/bedside/vouch").await.text;
    assert!(why.contains("/bedside/vouch?reason=broken") && why.contains("Key or phone does not work"), "{why}");
    let whose = stuck.get("/bedside/vouch?reason=broken").await.text;
    assert!(whose.contains("value=\"broken\"") && whose.contains("name=\"badge\""), "{whose}");

    let got = stuck.ceremony_with("vouch", &mut bea, wanted("badge-n-amara")).await;
    assert_eq!(got.json()["go"], "/bedside/patients", "{}", got.text);
    let shown = page(&mut stuck).await;
    assert_eq!(shown.status, StatusCode::OK);
    assert!(shown.text.contains("Nurse amara") && shown.text.contains("Nurse bea vouches for them"), "{}", shown.text);
    let word = vouches(&house).pop().unwrap();
    assert_eq!((word.principal, word.voucher), (id("n-amara"), id("n-bea")));
    assert_eq!((word.workstation, word.unit, word.reason.as_str()), (id("ws-1"), Some(id("ED")), "broken"));
    let started = last_started(&house);
    assert_eq!((started.proof.method.as_str(), started.proof.level, started.proof.verified), ("vouched", 1, false));
    assert_eq!((started.vouched_by, started.good_until), (Some(id("n-bea")), word.until));
    let (word, begun) = (house.entries("session.vouched")[0].recorded_at, house.entries("session.started"));
    assert_eq!(begun.last().unwrap().recorded_at, word, "one commit");
    assert_eq!(page(&mut beas).await.status, StatusCode::OK, "whoever vouches goes on with their own work");

    // Nobody comes back to it by a touch, and it is over in minutes.
    for _ in 0..5 {
        house.wait(SECOND * 440);
        stuck.renew().await;
        stuck.get("/bedside/patients").await;
    }
    assert!(page(&mut stuck).await.text.contains("Who is there?"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_is_worth_what_the_rules_say_and_never_carries_on() {
    let house = House::open().await;
    let (mut bea, mut far) = (house.key_of("n-bea").await, house.key_of("n-far").await);
    let mut amara = house.key_of("n-amara").await;
    let (mut stuck, mut beas, mut icu) =
        (house.workstation("ws-1").await, house.workstation("ws-2").await, house.workstation("ws-icu").await);
    // Not signed in; elsewhere on shift; for themselves; without a reason.
    let said = stuck.ceremony_with("vouch", &mut bea, wanted("badge-d-ruiz")).await.said();
    assert!(said.contains("signed in at a workstation"), "{said}");
    icu.touch(&mut far).await;
    let said = stuck.ceremony_with("vouch", &mut far, wanted("badge-d-ruiz")).await.said();
    assert!(said.contains("on shift in this unit"), "{said}");
    beas.touch(&mut bea).await;
    let said = stuck.ceremony_with("vouch", &mut bea, wanted("badge-n-bea")).await.said();
    assert!(said.contains("Nobody can vouch for themselves"), "{said}");
    let no_reason = json!({ "badge": "badge-d-ruiz", "reason": "because" });
    assert!(stuck.ceremony_with("vouch", &mut bea, no_reason).await.said().contains("one of the reasons"));
    let no_badge = stuck.ceremony_with("vouch", &mut bea, json!({ "reason": "broken" })).await.said();
    assert!(no_badge.contains("Scan or type the badge"), "{no_badge}");
    // Nobody learns whose a number is.
    let unknown = stuck.ceremony_with("vouch", &mut bea, wanted("badge-of-nobody")).await.text;
    assert_eq!(unknown, stuck.ceremony_with("vouch", &mut bea, wanted("badge-n-far")).await.text);
    // A touch without PIN.
    bea.verifies = false;
    bea.claims = Some("localhost".to_owned());
    let said = stuck.ceremony_with("vouch", &mut bea, wanted("badge-d-ruiz")).await.said();
    assert!(!said.is_empty() && vouches(&house).is_empty(), "{said}");
    (bea.verifies, bea.claims) = (true, None);

    // Who is stood up for stands up for nobody, even with a key that works again.
    let got = stuck.ceremony_with("vouch", &mut bea, wanted("badge-n-amara")).await;
    assert_eq!(got.json()["go"], "/bedside/patients", "{}", got.text);
    let mut third = house.workstation("ws-own").await;
    let said = third.ceremony_with("vouch", &mut amara, wanted("badge-d-ruiz")).await.said();
    assert!(said.contains("not by a colleague’s word"), "{said}");
    // Three times a shift, and no more; each takes the place of the one before.
    for _ in 0..2 {
        for _ in 0..46 {
            house.wait(SECOND * 40);
            stuck.renew().await;
            beas.renew_as("ws-2", 3).await;
        }
        beas.touch(&mut bea).await;
        let got = stuck.ceremony_with("vouch", &mut bea, wanted("badge-n-amara")).await;
        assert!(got.said().is_empty(), "{}", got.text);
    }
    for _ in 0..46 {
        house.wait(SECOND * 40);
        stuck.renew().await;
        beas.renew_as("ws-2", 3).await;
    }
    beas.touch(&mut bea).await;
    let replaced =
        |leaf: &events::Leaf| matches!(&leaf.draft.event, Event::SessionEnded(one) if one.cause == EndCause::Replaced);
    assert_eq!(house.entries("session.ended").iter().filter(|leaf| replaced(leaf)).count(), 2);
    let said = stuck.ceremony_with("vouch", &mut bea, wanted("badge-n-amara")).await.said();
    assert_eq!(vouches(&house).len(), 3);
    assert!(said.contains("as often as one shift allows"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_touch_takes_the_place_of_a_word() {
    let house = House::open().await;
    let (mut amara, mut bea) = (house.key_of("n-amara").await, house.key_of("n-bea").await);
    let (mut stuck, mut beas) = (house.workstation("ws-1").await, house.workstation("ws-2").await);
    beas.touch(&mut bea).await;
    stuck.ceremony_with("vouch", &mut bea, wanted("badge-n-amara")).await;
    // Found in the pocket, and touched at another workstation: what was lent ends where it is.
    beas.touch(&mut amara).await;
    assert_eq!(page(&mut stuck).await.status, StatusCode::UNAUTHORIZED);
    let started = last_started(&house);
    assert_eq!((started.vouched_by, started.proof.level), (None, 3));
    let sessions = house.plane.world(|world| world.sessions_of(&id("n-amara")).count());
    assert_eq!(sessions, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_ends_for_decisions_too_when_its_person_signs_in_for_real_at_the_same_screen() {
    let house = House::open().await;
    let (mut amara, mut bea) = (house.key_of("n-amara").await, house.key_of("n-bea").await);
    let (mut stuck, mut beas) = (house.workstation("ws-1").await, house.workstation("ws-2").await);
    let counts = |house: &House| {
        let subject =
            world::Subject { principal: id("n-amara"), patient: None, device: Some(id("ws-1")), session: None };
        let now = house.plane.now();
        house.plane.world(|world| world.facts(&subject, now)).vouched_until.is_some_and(|until| now < until)
    };
    beas.touch(&mut bea).await;
    stuck.ceremony_with("vouch", &mut bea, wanted("badge-n-amara")).await;
    assert!(counts(&house));
    assert_eq!(stuck.touch(&mut amara).await.json()["go"], "/bedside/patients");
    assert!(!counts(&house), "her own key is what counts now");
    assert_eq!(last_started(&house).vouched_by, None);
    let words = house.plane.world(|world| world.vouches(&id("n-amara")).to_vec());
    assert_eq!(words.len(), 1, "it is counted as one of the shift's all the same");
    // A later word is a word again.
    let shown = page(&mut stuck).await.text;
    stuck.form(&shown, "/bedside/sign-out", &[]).await;
    stuck.ceremony_with("vouch", &mut bea, wanted("badge-n-amara")).await;
    assert!(counts(&house));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_vouches_from_their_own_screen_and_locks_nobody_out() {
    let house = House::open().await;
    let (mut bea, mut ruiz) = (house.key_of("n-bea").await, house.key_of("d-ruiz").await);
    let (mut stuck, mut beas) = (house.workstation("ws-1").await, house.workstation("ws-2").await);
    beas.touch(&mut bea).await;
    let own = beas.get("/bedside/vouch?reason=broken").await.text;
    assert!(own.contains("Vouch for a colleague") && own.contains("<option value=\"ws-1\""), "{own}");
    let nobody = stuck.form_with("", "/bedside/vouch/go", &[("badge", "badge-n-amara")]).await;
    assert_eq!(nobody.status, StatusCode::CONFLICT, "nobody vouched yet");

    let mut there = wanted("badge-n-amara");
    there["workstation"] = "ws-1".into();
    let others = beas.ceremony_with("vouch", &mut ruiz, there.clone()).await.said();
    assert!(others.contains("colleague’s key"), "{others}");
    let got = beas.ceremony_with("vouch", &mut bea, there.clone()).await;
    assert!(got.said().starts_with("Done. At ws-1"), "{}", got.text);
    assert!(page(&mut beas).await.text.contains("Nurse bea"), "their own session goes on");
    for other in ["badge-d-ruiz", "badge-of-nobody", ""] {
        let refused = stuck.form_with("", "/bedside/vouch/go", &[("badge", other)]).await;
        assert_eq!((refused.status, refused.text.contains("Not yet")), (StatusCode::CONFLICT, true), "{other}");
    }
    let gone = stuck.form_with("", "/bedside/vouch/go", &[("badge", "badge-n-amara")]).await;
    assert_eq!(gone.to.as_deref(), Some("/bedside/patients"), "{}", gone.text);
    assert!(page(&mut stuck).await.text.contains("Nurse bea vouches for them"));

    // Where somebody works, nobody is put in their place from afar; nor in another unit.
    stuck.touch(&mut ruiz).await;
    let said = beas.ceremony_with("vouch", &mut bea, there.clone()).await.said();
    assert!(said.contains("Somebody is working at that workstation"), "{said}");
    there["workstation"] = "ws-icu".into();
    assert!(!beas.ceremony_with("vouch", &mut bea, there).await.said().is_empty());
    assert_eq!(vouches(&house).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_that_locked_goes_on_by_the_same_colleague_and_costs_no_other_word() {
    let house = House::open().await;
    let mut bea = house.key_of("n-bea").await;
    let (mut stuck, mut beas) = (house.workstation("ws-1").await, house.workstation("ws-2").await);
    beas.touch(&mut bea).await;
    stuck.ceremony_with("vouch", &mut bea, wanted("badge-n-amara")).await;
    let first = vouches(&house).pop().unwrap();
    for _ in 0..4 {
        house.wait(SECOND * 60);
        stuck.renew().await;
        beas.renew().await;
        let open = page(&mut stuck).await.text;
        let locked = stuck.form(&open, "/bedside/lock", &[]).await.text;
        assert!(locked.contains("A colleague vouches again") && locked.contains("/bedside/vouch"), "{locked}");
        let got = stuck.ceremony_with("vouch", &mut bea, wanted("badge-n-amara")).await;
        assert_eq!(got.json()["go"], "/bedside/patients", "{}", got.text);
        assert_eq!(vouches(&house).pop().unwrap().until, first.until, "and it is no longer for that");
        assert_eq!(last_started(&house).good_until, first.until);
    }
}
