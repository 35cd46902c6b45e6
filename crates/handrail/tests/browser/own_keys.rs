//! What people do with keys of their own: come back by badge and touch, step up, have two, have none.

use crate::hospital::{Hospital, Screen, Store};
use crate::keys::Key;
use serde_json::json;

async fn one_touch_more_and_it_goes_on(store: Store) {
    let hospital = Hospital::open(store).await;
    let screen = Screen::enrolled(&hospital, "ws-1").await;
    let key = Key::usb(&screen.page).await;
    screen.registers(&hospital, "d-ruiz").await;
    let patient = hospital.admits("ED", &["d-ruiz"]);
    screen.signs_in("Elena Ruiz").await;

    // Sure enough and fresh: nobody is asked for anything.
    screen.opens(&format!("/bedside/patient/{patient}")).await;
    screen.presses("Prescribe a controlled drug").await;
    screen.reads("Permitted").await;
    assert!(hospital.entries("session.stepped_up").is_empty());

    // Back by badge and a touch without PIN, as a scanner types it: worth less.
    screen.presses("Lock").await;
    screen.reads("Locked for Elena Ruiz").await;
    key.verifies(false).await;
    screen.counted();
    screen.types("badge", "badge-d-ruiz\n").await;
    screen.reads("My patients").await;
    assert_eq!(screen.counted(), 1, "to come back by badge");
    let back = &hospital.entries("session.resumed")[0];
    assert_eq!(
        (back["proof"]["level"].as_u64(), back["proof"]["verified"].as_bool()),
        (Some(2), Some(false)),
        "{back}"
    );

    // Riskier than that: one touch, and what was pressed goes on, with what was typed.
    key.verifies(true).await;
    screen.opens(&format!("/bedside/patient/{patient}")).await;
    screen.types("why", "asked for by the daughter").await;
    screen.counted();
    screen.presses("Touch your key and prescribe a controlled drug").await;
    screen.reads("Permitted").await;
    assert_eq!(screen.counted(), 1, "to step up, the deed included");
    assert_eq!(hospital.entries("session.stepped_up").len(), 1);
    let touch = hospital.attempt("step_up", "done").await;
    assert_eq!(touch["interactions"], 1, "{touch}");
    screen.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_touch_more_and_it_goes_on_with_a_file() {
    one_touch_more_and_it_goes_on(Store::File).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_touch_more_and_it_goes_on_with_a_server() {
    one_touch_more_and_it_goes_on(Store::Server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_key_is_registered_named_and_the_first_removed() {
    let hospital = Hospital::open(Store::File).await;
    let screen = Screen::enrolled(&hospital, "ws-1").await;
    let first = screen.key_of(&hospital, "n-amara").await;
    let first = first.plugged_into(&screen.page).await;
    screen.signs_in("Amara Osei").await;

    screen.opens("/bedside/me").await;
    screen.presses("Register another").await;
    screen.reads("Another key").await;
    let first = first.unplugged().await;
    let second = Key::usb(&screen.page).await;
    screen.types("name", "Red key").await;
    screen.presses("Register this key or phone").await;
    screen.reads("Red key").await;
    let keys = hospital.handrail(&["person", "keys", "n-amara"]);
    assert!(keys.contains("Red key"), "{keys}");

    screen.asks("document.querySelector('main details').open = true").await;
    screen.presses("I lost it").await;
    screen.reads("Who is there?").await;
    let first = first.plugged_into(&screen.page).await;
    let second = second.unplugged().await;
    screen.presses("Sign in with your key").await;
    screen.reads("This key or passkey is not registered here, or not any more.").await;
    first.pull_out().await;
    let _second = second.plugged_into(&screen.page).await;
    screen.signs_in("Amara Osei").await;

    // She calls: that one is gone too, and she cannot end it herself.
    let keys = hospital.handrail(&["person", "keys", "n-amara"]);
    let id = keys.split_whitespace().find(|word| word.starts_with("au-")).unwrap_or_else(|| panic!("no id in {keys}"));
    assert!(hospital.handrail(&["person", "revoke", "n-amara", id]).contains("has no key now"));
    screen.opens("/bedside/patients").await;
    screen.reads("Who is there?").await;
    screen.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_any_key_reads_what_helps() {
    let hospital = Hospital::open(Store::File).await;
    let screen = Screen::enrolled(&hospital, "ws-1").await;
    // A browser that could ask, with nothing plugged in.
    screen.page.cdp().send_raw("WebAuthn.enable", json!({})).await.unwrap();
    screen.opens("/bedside").await;
    screen.presses("Sign in with your key").await;
    screen.presses("My key does not work").await;
    screen.presses("The key, phone or PIN").await;
    let told = hospital.attempt("sign_in", "failed").await;
    assert_eq!((told["cause"].as_str(), told["detail"].as_str()), (Some("authenticator"), Some("said_so")), "{told}");
    let helps = screen.reads("What helps now, quickest first.").await;
    assert!(helps.contains("A colleague vouches for me") && helps.contains("extension"), "{helps}");
    screen.closes().await;
}
