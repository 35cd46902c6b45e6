//! One key opens every workstation: registered once, one touch to sign in, to come back, to go on elsewhere and to take over.

use crate::hospital::{Hospital, Screen, Store};
use crate::keys::Key;
use serde_json::Value;
use thirtyfour::prelude::*;

fn names(entries: &[Value], field: &str) -> Vec<String> {
    entries.iter().map(|entry| entry[field].as_str().unwrap_or_default().to_owned()).collect()
}

async fn one_key_opens_every_workstation(store: Store) {
    let hospital = Hospital::open(store).await;
    let (one, two) = (Screen::enrolled(&hospital, "ws-1").await, Screen::enrolled(&hospital, "ws-2").await);
    let ruiz = two.key_of(&hospital, "d-ruiz").await;

    let invitation = hospital.invitation("n-amara");
    let key = Key::usb(&one.page).await;
    one.opens(&invitation).await;
    one.reads("This invitation is for Amara Osei.").await;
    one.page.find(By::Name("name")).await.unwrap().send_keys("Blue key").await.unwrap();
    one.presses("Register my key or phone").await;
    one.reads("Your key is registered").await;
    assert!(hospital.handrail(&["person", "keys", "n-amara"]).contains("Blue key"));

    one.presses("To the start").await;
    one.reads("Who is there?").await;
    one.counted();
    one.presses("Sign in with your key").await;
    one.reads("My patients").await;
    one.reads("Amara Osei").await;
    assert_eq!(one.counted(), 1, "to sign in");

    one.presses("Lock").await;
    one.reads("Locked for Amara Osei").await;
    one.counted();
    one.presses("touch your key to go on").await;
    one.reads("My patients").await;
    assert_eq!(one.counted(), 1, "to come back");
    assert_eq!(hospital.entries("session.started").len(), 1, "she came back to the session she had");

    let key = key.unplugged().await.plugged_into(&two.page).await;
    two.opens("/bedside").await;
    two.counted();
    two.presses("Sign in with your key").await;
    two.reads("My patients").await;
    assert_eq!(two.counted(), 1, "to go on elsewhere");
    one.opens("/bedside/patients").await;
    one.reads("Amara Osei went on at another workstation in ED.").await;

    let amara = key.unplugged().await;
    let _ruiz = ruiz.plugged_into(&two.page).await;
    two.opens("/bedside").await;
    two.presses("Lock").await;
    two.reads("Locked for Amara Osei").await;
    // The owner's button is no use to her key, and says which she presses instead.
    two.presses("touch your key to go on").await;
    two.reads("That button is for Amara Osei’s key alone.").await;
    two.opens("/bedside").await;
    two.counted();
    two.presses("I am somebody else").await;
    two.reads("Elena Ruiz").await;
    assert_eq!(two.counted(), 1, "to take over");

    let _amara = amara.plugged_into(&one.page).await;
    one.presses("Touch your key to work here").await;
    one.reads("Amara Osei").await;
    two.opens("/bedside/patients").await;
    two.reads("Elena Ruiz").await;

    assert_eq!(names(&hospital.entries("session.started"), "principal"), ["n-amara", "d-ruiz"]);
    let attempts = hospital.entries("signin.attempted");
    let touches: Vec<_> = attempts.iter().filter(|one| one["outcome"] == "done" && one["detail"].is_null()).collect();
    for step in ["reconnect", "roam"] {
        let touch = touches.iter().find(|touch| touch["step"] == step).unwrap_or_else(|| panic!("no {step}"));
        assert_eq!(touch["interactions"], 1, "{touch}");
    }
    one.closes().await;
    two.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_opens_every_workstation_over_a_file() {
    one_key_opens_every_workstation(Store::File).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_opens_every_workstation_over_a_server() {
    one_key_opens_every_workstation(Store::Server).await;
}

async fn two_tabs_the_back_button_and_two_presses_do_no_harm(store: Store) {
    let hospital = Hospital::open(store).await;
    let screen = Screen::enrolled(&hospital, "ws-1").await;
    let _key = Key::usb(&screen.page).await;
    screen.registers(&hospital, "n-amara").await;

    screen.opens("/bedside").await;
    screen.reads("Who is there?").await;
    screen.asks("const button = document.querySelector('main form button'); button.click(); button.click();").await;
    screen.reads("My patients").await;
    assert_eq!(hospital.entries("session.started").len(), 1);

    let first = screen.page.window().await.unwrap();
    let second = screen.page.new_tab().await.unwrap();
    screen.page.switch_to_window(second).await.unwrap();
    screen.opens("/bedside/patients").await;
    screen.reads("My patients").await;
    screen.presses("Sign out").await;
    screen.reads("You are signed out.").await;
    screen.page.back().await.unwrap();
    let back = screen.reads("Who is there?").await;
    assert!(!back.contains("Amara Osei") && !back.contains("My patients"), "{back}");

    screen.page.switch_to_window(first).await.unwrap();
    screen.presses("Lock").await;
    screen.reads("This form cannot be used any more").await;
    screen.presses("Back to the start").await;
    screen.presses("Sign in with your key").await;
    screen.reads("Amara Osei").await;
    assert_eq!(hospital.entries("session.started").len(), 2);
    screen.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_the_back_button_and_two_presses_do_no_harm_over_a_file() {
    two_tabs_the_back_button_and_two_presses_do_no_harm(Store::File).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_the_back_button_and_two_presses_do_no_harm_over_a_server() {
    two_tabs_the_back_button_and_two_presses_do_no_harm(Store::Server).await;
}

/// The first of January 1970, and never later.
const STOPPED: &str = "Date = class extends Date { constructor(...time) { super(...(time.length ? time : [0])); } static now() { return 0; } };";

#[tokio::test(flavor = "multi_thread")]
async fn a_workstation_whose_clock_is_wrong_signs_people_in_all_the_same() {
    let hospital = Hospital::open(Store::File).await;
    let screen = Screen::enrolled(&hospital, "ws-1").await;
    let _key = Key::usb(&screen.page).await;
    screen.registers(&hospital, "n-amara").await;
    let script = serde_json::json!({ "source": STOPPED });
    screen.page.cdp().send_raw("Page.addScriptToEvaluateOnNewDocument", script).await.unwrap();
    screen.signs_in("Amara Osei").await;
    assert_eq!(screen.asks("return Date.now() + new Date().getTime()").await, 0);
    screen.presses("Lock").await;
    screen.presses("touch your key to go on").await;
    screen.reads("My patients").await;
    screen.closes().await;
}
