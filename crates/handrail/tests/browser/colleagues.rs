//! What people do for each other when a key does not: vouch, take over at the end of a shift, bring somebody back, let somebody in by name.

use crate::hospital::{Hospital, Screen, Store};
use crate::keys::Key;

async fn a_colleague_vouches_and_later_takes_over(store: Store) {
    let hospital = Hospital::open(store).await;
    let (one, two) = (Screen::enrolled(&hospital, "ws-1").await, Screen::enrolled(&hospital, "ws-2").await);
    let bea = two.key_of(&hospital, "n-bea").await;
    let amara = one.key_of(&hospital, "n-amara").await;
    let patient = hospital.admits("ED", &["n-amara"]);
    let bea = bea.plugged_into(&two.page).await;
    two.signs_in("Bea Lind").await;

    // Amara's key is at home.
    one.opens("/bedside").await;
    one.counted();
    one.presses("My key does not work").await;
    one.presses("The key, phone or PIN").await;
    one.presses("A colleague vouches for me").await;
    one.presses("Key or phone left at home").await;
    one.types("badge", "badge-n-amara").await;
    let bea = bea.unplugged().await.plugged_into(&one.page).await;
    one.presses("A colleague touches their key").await;
    one.reads("Bea Lind vouches for them").await;
    one.reads("Amara Osei").await;
    assert_eq!(one.counted(), 6, "to be vouched for, from not knowing what to do");
    let word = &hospital.entries("session.vouched")[0];
    assert_eq!((word["principal"].as_str(), word["voucher"].as_str()), (Some("n-amara"), Some("n-bea")));
    hospital.attempt("vouch", "done").await;

    // It is brought to her: a touch of it takes the place of the word.
    let bea = bea.unplugged().await;
    let amara = amara.plugged_into(&one.page).await;
    one.opens("/bedside").await;
    one.presses("Lock").await;
    one.presses("Touch your key to go on").await;
    one.reads("My patients").await;
    let own = one.reads("Amara Osei").await;
    assert!(!own.contains("vouches for them"), "{own}");

    // The end of her shift.
    one.counted();
    one.presses("Hand over").await;
    one.ticks("input[name=to][value=n-bea]").await;
    one.presses("Hand over").await;
    one.reads("Amara Osei hands over to Bea Lind").await;
    amara.pull_out().await;
    let _bea = bea.plugged_into(&one.page).await;
    one.presses("Bea Lind: touch your key to take over").await;
    one.reads("My patients").await;
    one.reads("Bea Lind").await;
    assert_eq!(one.counted(), 4, "to hand over");
    let over = &hospital.entries("session.handed_over")[0];
    assert_eq!((over["from"].as_str(), over["to"].as_str()), (Some("n-amara"), Some("n-bea")));
    assert_eq!(over["patients"], serde_json::json!([patient]));
    hospital.attempt("hand_over", "done").await;
    one.closes().await;
    two.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_vouches_and_later_takes_over_with_a_file() {
    a_colleague_vouches_and_later_takes_over(Store::File).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_vouches_and_later_takes_over_with_a_server() {
    a_colleague_vouches_and_later_takes_over(Store::Server).await;
}

async fn three_people_bring_somebody_back(store: Store) {
    let hospital = Hospital::open(store).await;
    let (one, two) = (Screen::enrolled(&hospital, "ws-1").await, Screen::enrolled(&hospital, "ws-2").await);
    let bea = one.key_of(&hospital, "n-bea").await;
    let lost = one.key_of(&hospital, "n-amara").await;
    let dora = two.key_of(&hospital, "n-dora").await;

    let bea = bea.plugged_into(&one.page).await;
    one.opens("/bedside").await;
    one.counted();
    one.presses("My key does not work").await;
    one.presses("The key, phone or PIN").await;
    one.presses("Ask the help desk for a way back in").await;
    one.types("badge", "badge-n-amara").await;
    one.ticks("select[name=path] option[value=colleague]").await;
    one.ticks("select[name=lost] option[value=yes]").await;
    one.presses("Colleague: touch your key to stand for them").await;
    one.reads("within 2 minutes, as promised").await;
    bea.pull_out().await;

    let _dora = dora.plugged_into(&two.page).await;
    two.signs_in("Dora Falk").await;
    two.counted();
    two.presses("1 colleague waits for a way back in").await;
    two.reads("Bea Lind stands for them").await;
    two.presses("Approve: I know that it is them").await;
    let pass = two.reads("and to nobody else").await;
    assert_eq!(two.counted(), 2, "to approve");
    let is_code = |line: &&str| line.len() == 19 && line.matches('-').count() == 3;
    let pass = pass.lines().find(is_code).unwrap_or_else(|| panic!("no pass on: {pass}")).to_owned();

    one.presses("I have the pass").await;
    one.types("code", &pass.to_lowercase().replace('-', " ")).await;
    one.presses("Use my pass").await;
    one.reads("You are back").await;
    assert_eq!(one.counted(), 10, "for two to ask for a pass and use it");
    let _new = Key::usb(&one.page).await;
    one.presses("Register my new key or phone").await;
    one.reads("Your key is registered").await;

    // The pass is used up, the lost key opens nothing, the new one does.
    two.opens("/bedside/recovery/pass").await;
    two.types("code", &pass).await;
    two.presses("Use my pass").await;
    let again = two.reads("pass").await;
    assert!(!again.contains("You are back"), "{again}");
    one.presses("To my patients").await;
    one.presses("Sign out").await;
    one.signs_in("Amara Osei").await;
    assert_eq!(hospital.entries("authenticator.revoked")[0]["cause"], "recovered");
    let _lost = lost.plugged_into(&two.page).await;
    hospital.attempt("recover", "done").await;
    one.closes().await;
    two.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_people_bring_somebody_back_with_a_file() {
    three_people_bring_somebody_back(Store::File).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_people_bring_somebody_back_with_a_server() {
    three_people_bring_somebody_back(Store::Server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_let_in_by_name_in_an_emergency_and_nowhere_else() {
    let hospital = Hospital::open(Store::File).await;
    let screen = Screen::enrolled(&hospital, "ws-1").await;
    hospital.declares_an_emergency("ED");
    screen.opens("/bedside").await;
    screen.counted();
    screen.presses("My key does not work").await;
    screen.presses("The key, phone or PIN").await;
    screen.presses("Emergency: let me in by name").await;
    screen.types("badge", "badge-of-nobody").await;
    screen.presses("Let me in by name").await;
    screen.reads("Nobody is let in by this badge number.").await;
    screen.types("badge", "badge-n-chidi").await;
    screen.presses("Let me in by name").await;
    screen.reads("My patients").await;
    screen.reads("Chidi Eze").await;
    assert_eq!(screen.counted(), 7, "to be let in by name, one slip included");
    let started = hospital.entries("session.started");
    assert_eq!(started[0]["proof"]["method"], "provisional");
    let listed = hospital.handrail(&["sign-in", "provisional"]);
    assert!(listed.contains("Chidi Eze") || listed.contains("n-chidi"), "{listed}");
    screen.closes().await;
}
