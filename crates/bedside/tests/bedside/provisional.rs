//! By name alone, in an emergency.

use crate::house::{House, SECOND, id};
use axum::http::StatusCode;
use events::emergency::Declared;
use events::session::EndCause;
use events::signin::Finding;
use events::signin::{Outcome, Step};
use events::{Actor, Event};
use signin::review::{ReviewError, review};

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_let_in_by_name_for_minutes_marked_and_to_be_reviewed() {
    let house = House::open().await;
    let mut bea = house.key_of("n-bea").await;
    let mut one = house.workstation("ws-1").await;
    house.record(Declared { unit: id("ED"), until: house.plane.now() + SECOND * 7_200 }).await;
    let page = one.get("/bedside/provisional").await;
    assert!(page.text.contains("for 30 minutes") && page.text.contains("within 24 hours"), "{}", page.text);
    let nobody = one.form(&page.text, "/bedside/provisional", &[("badge", "badge-of-nobody")]).await;
    assert_eq!(nobody.status, StatusCode::FORBIDDEN);
    let entered = one.form(&page.text, "/bedside/provisional", &[("badge", "badge-n-bea")]).await;
    assert_eq!(entered.to.as_deref(), Some("/bedside"), "{}", entered.text);
    let session = house.plane.world(|world| world.sessions_of(&id("n-bea")).next().cloned()).unwrap();
    assert_eq!((session.method.as_str(), session.level), ("provisional", 1));
    assert_eq!(session.review_due, Some(house.plane.now() + SECOND * 24 * 3_600));
    assert_eq!(session.good_until, house.plane.now() + SECOND * 1_800);
    let tried = house.entries("signin.attempted").into_iter().rev().find_map(|leaf| match leaf.draft.event {
        Event::SigninAttempted(tried) => Some(tried),
        _ => None,
    });
    let tried = tried.unwrap();
    assert_eq!((tried.step, tried.outcome, tried.principal), (Step::Provisional, Outcome::Done, None));
    assert_eq!(tried.claimed, Some(id("n-bea")), "claimed, not proved");

    // Such a session approves nobody, and ends where a key's begins.
    assert!(one.get("/bedside/recovery").await.text.contains("Nobody waits"));
    one.touch(&mut bea).await;
    let ended = house.entries("session.ended").into_iter().find_map(|leaf| match leaf.draft.event {
        Event::SessionEnded(ended) if ended.session == session.session => Some(ended.cause),
        _ => None,
    });
    assert_eq!(ended, Some(EndCause::Replaced));

    // It is reviewed once, by whom the charter names.
    let leaf = house.entries("session.started").into_iter().find(|leaf| match &leaf.draft.event {
        Event::SessionStarted(started) => started.session == session.session,
        _ => false,
    });
    let leaf = leaf.unwrap();
    let by = || Actor::local("uid 0").unwrap();
    let justified = (Finding::Justified, "on the ward that night");
    for (who, said) in [("n-bea", "one of those it is about"), ("n-amara", "Privacy office")] {
        let no = review(&house.plane, &leaf, id(who), justified, by()).await.unwrap_err().to_string();
        assert!(no.contains(said), "{no}");
    }
    let silent = review(&house.plane, &leaf, id("liesbeth-amari"), (Finding::Unclear, " "), by()).await;
    assert!(matches!(silent, Err(ReviewError::Words)));
    assert!(house.entries("provisional.reviewed").is_empty());
    let (first, second) = tokio::join!(
        review(&house.plane, &leaf, id("liesbeth-amari"), justified, by()),
        review(&house.plane, &leaf, id("liesbeth-amari"), (Finding::Unjustified, "no"), by()),
    );
    assert!(first.is_ok() != second.is_ok(), "of two at once, one counts: {first:?}, {second:?}");
    let again = review(&house.plane, &leaf, id("liesbeth-amari"), justified, by()).await;
    assert!(matches!(again, Err(ReviewError::Reviewed)));
    assert_eq!(house.entries("provisional.reviewed").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_by_name_in_a_browser_that_is_no_workstation() {
    let house = House::open().await;
    let mut phone = house.browser();
    let page = phone.get("/bedside/provisional").await;
    assert!(page.status == StatusCode::FORBIDDEN && page.text.contains("for emergencies"), "{}", page.text);
    let token = crate::house::field(&phone.get("/bedside").await.text, "form_token");
    let sent = phone.form_with(&token, "/bedside/provisional", &[("badge", "badge-n-bea")]).await;
    assert_eq!(sent.status, StatusCode::FORBIDDEN);
    assert_eq!(house.plane.world(|world| world.sessions().count()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_badge_number_ends_nobodys_work_elsewhere() {
    let house = House::open().await;
    let mut ruiz = house.key_of("d-ruiz").await;
    let (mut one, mut two, mut icu) =
        (house.workstation("ws-1").await, house.workstation("ws-2").await, house.workstation("ws-icu").await);
    two.touch(&mut ruiz).await;
    let wanted = serde_json::json!({ "badge": "badge-n-bea", "reason": "broken" });
    let mut amara = house.key_of("n-amara").await;
    icu.get("/bedside").await;
    let mut third = house.workstation("ws-own").await;
    third.touch(&mut amara).await;
    one.ceremony_with("vouch", &mut amara, wanted).await;
    assert!(one.get("/bedside/patients").await.text.contains("Nurse bea"));
    let page = icu.get("/bedside/provisional").await.text;
    icu.form(&page, "/bedside/provisional", &[("badge", "badge-n-bea")]).await;
    assert!(icu.get("/bedside/patients").await.text.contains("Nurse bea"), "they are let in");
    assert!(one.get("/bedside/patients").await.text.contains("Nurse bea"), "and whoever worked goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_quiet_ward_nobody_is_let_in_by_name() {
    let house = House::open().await;
    for (device, status) in [("ws-1", StatusCode::OK), ("ws-3a", StatusCode::FORBIDDEN)] {
        let mut screen = house.workstation(device).await;
        let page = screen.get("/bedside/provisional").await;
        assert_eq!(page.status, status, "{device}: {}", page.text);
    }
    let mut ward = house.workstation("ws-3a").await;
    let token = crate::house::field(&ward.get("/bedside").await.text, "form_token");
    let sent = ward.form_with(&token, "/bedside/provisional", &[("badge", "badge-n-bea")]).await;
    assert_eq!(sent.status, StatusCode::FORBIDDEN);
    house.record(Declared { unit: id("WARD-3A"), until: house.plane.now() + SECOND * 7_200 }).await;
    assert_eq!(ward.get("/bedside/provisional").await.status, StatusCode::OK);
}
