//! A patient's page: what I may do, every press decided and recorded, one touch more where that is all it takes, and what else helps.

use crate::house::{Browser, House, SECOND, field, id};
use crate::patients::decisions;
use authenticator::SecurityKey;
use axum::http::StatusCode;
use events::PatientPseudonym;
use events::decision::Effect;
use events::device::{Posture, PostureReported};

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

/// A workstation that was checked.
async fn checked(house: &House) -> Browser<'_> {
    let one = house.workstation("ws-1").await;
    let posture = Posture::Healthy;
    house
        .record(PostureReported {
            device: id("ws-1"),
            posture,
            good_until: house.plane.now() + MINUTE * 600,
            reason: None,
        })
        .await;
    one
}

/// Somebody at work: the screen is used every few minutes.
async fn work(house: &House, browser: &mut Browser<'_>, minutes: u32) {
    for _ in 0..minutes / 5 {
        house.wait(MINUTE * 5);
        browser.renew().await;
        assert_eq!(browser.get("/bedside/patients").await.status, StatusCode::OK);
    }
}

fn path(patient: PatientPseudonym) -> String {
    format!("/bedside/patient/{patient}")
}

async fn press(browser: &mut Browser<'_>, patient: PatientPseudonym, ask: &str) -> crate::house::Got {
    let page = browser.get(&path(patient)).await.text;
    browser.form(&page, &path(patient), &[("ask", ask), ("why", "asked for by the daughter")]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_i_may_do_is_a_button_and_every_press_is_recorded() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let patient = house.admit("70011", "ED").await;
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    let page = one.get(&path(patient)).await.text;
    assert!(page.contains("value=\"read_chart\">Read the chart"), "{page}");
    assert!(!page.contains("value=\"prescribe\""), "a nurse's page has no prescribing: {page}");
    assert!(decisions(&house).is_empty(), "looking at what could be asked asks nothing");

    let got = press(&mut one, patient, "read_chart").await;
    assert!(got.text.contains("Permitted") && got.text.contains("You may read the chart."), "{}", got.text);
    assert!(got.text.contains("Good until"), "{}", got.text);
    let made = decisions(&house);
    assert_eq!((made.len(), made[0].effect), (1, Effect::Permit));
    assert!(made[0].question.session.is_some() && made[0].patient == Some(patient));
    let entries = format!("{:?}", house.entries("decision.made"));
    assert!(!entries.contains("daughter"), "what people say is kept beside the entry and never in it");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_touch_more_and_what_was_pressed_goes_on() {
    let house = House::open().await;
    let mut ruiz = house.key_of("d-ruiz").await;
    let patient = house.admit("70011", "ED").await;
    let mut one = checked(&house).await;
    one.touch(&mut ruiz).await;

    // Fresh and sure enough: nobody is asked again.
    let got = press(&mut one, patient, "prescribe_controlled_drug").await;
    assert!(got.text.contains("Permitted"), "{}", got.text);

    work(&house, &mut one, 20).await;
    house.admit("70012", "ED").await;
    let got = press(&mut one, patient, "prescribe_controlled_drug").await;
    assert!(got.text.contains("One touch more") && !got.text.contains("daughter"), "{}", got.text);
    let sealed = field(&got.text, "resume");
    assert_eq!(one.ceremony("step-up", &mut ruiz).await.json()["resume"], true);
    let back = one.form(&got.text, "/bedside/resume", &[("resume", &sealed)]).await.text;
    assert!(back.contains(&format!("action=\"{}\"", path(patient))) && back.contains("daughter"), "{back}");
    let fields = [("ask", "prescribe_controlled_drug"), ("why", "asked for by the daughter")];
    let got = one.form(&back, &path(patient), &fields).await;
    assert!(got.text.contains("Permitted"), "{}", got.text);
    let effects: Vec<_> = decisions(&house).iter().map(|made| made.effect).collect();
    assert_eq!(effects, [Effect::Permit, Effect::Deny, Effect::Permit]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_touch_that_cannot_be_sure_enough_is_not_asked_for() {
    let house = House::open().await;
    let (mut phone, invitation) = (SecurityKey::synced_passkey(), house.invitation("d-ruiz").await);
    house.browser().register(&mut phone, &invitation).await;
    let patient = house.admit("70011", "ED").await;
    let mut one = checked(&house).await;
    one.touch(&mut phone).await;
    let got = press(&mut one, patient, "prescribe_controlled_drug").await;
    assert!(got.text.contains("Not permitted") && got.text.contains("none of yours is one"), "{}", got.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_person_can_say_is_a_button_too() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let patient = house.admit("70011", "ED").await;
    let mut one = checked(&house).await;
    one.touch(&mut amara).await;
    let page = one.get(&path(patient)).await.text;
    assert!(page.contains("value=\"administer_controlled_drug:witnessed\""), "{page}");
    let got = press(&mut one, patient, "administer_controlled_drug").await;
    assert!(got.text.contains("Not permitted") && got.text.contains("It is witnessed"), "{}", got.text);
    let got = press(&mut one, patient, "administer_controlled_drug:witnessed").await;
    assert!(got.text.contains("Permitted"), "{}", got.text);
    // Nothing else can be said, and nothing else be asked.
    let before = decisions(&house).len();
    for wrong in ["administer_controlled_drug:scanned", "prescribe", "change_configuration", "read_chart:witnessed", ""]
    {
        let got = press(&mut one, patient, wrong).await;
        assert!(got.status == StatusCode::OK && got.text.contains("You may now"), "{wrong}: {}", got.text);
    }
    assert_eq!(decisions(&house).len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_says_why_and_whom_to_call() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let patient = house.admit("70099", "ICU").await;
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    let page = one.get(&path(patient)).await.text;
    assert!(page.contains("Nothing on record connects you with this patient"), "{page}");
    assert!(page.contains("break the glass") && page.contains("It takes a call"), "{page}");
    assert!(!page.contains("Intensive care"), "{page}");
    let got = press(&mut one, patient, "read_chart").await;
    assert!(got.text.contains("Not permitted") && got.text.contains("Entry "), "{}", got.text);
    assert!(got.text.contains("Who answers for this: "), "{}", got.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_half_written_survives_the_lock() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let patient = house.admit("70011", "ED").await;
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    let page = one.get(&path(patient)).await.text;
    assert!(page.contains("data-keep"), "{page}");
    let kept = [("kept_action", path(patient)), ("why", "her daughter says".to_owned())];
    let kept: Vec<_> = kept.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let locked = one.form(&page, "/bedside/lock", &kept).await.text;
    assert!(!locked.contains("daughter"));
    one.touch(&mut amara).await;
    let back = one.form(&locked, "/bedside/resume", &[("resume", &field(&locked, "resume"))]).await.text;
    let page = one.form(&back, &path(patient), &[("why", "her daughter says")]).await.text;
    assert!(page.contains("her daughter says</textarea>") && page.contains("You may now"), "{page}");
    assert!(decisions(&house).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_patient_and_what_is_no_form_of_ours_does_nothing() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let patient = house.admit("70011", "ED").await;
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    assert_eq!(one.get("/bedside/patient/70011").await.status, StatusCode::NOT_FOUND);
    let foreign = one.form_with("guessed", &path(patient), &[("ask", "read_chart")]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    house.wait(SECOND * 61);
    let page = one.get(&path(patient)).await;
    assert!(page.status == StatusCode::UNAUTHORIZED && !page.text.contains("You may now"), "{}", page.text);
    assert!(decisions(&house).is_empty());
}
