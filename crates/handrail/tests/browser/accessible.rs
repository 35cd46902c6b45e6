//! Every page at the bedside looked at by axe, light and dark, with targets that a gloved thumb hits: by people who see little, by keyboards, by readers.

use crate::hospital::{Hospital, Screen, Store};
use crate::keys::Key;
use serde_json::{Value, json};
use std::path::Path;

/// What each violation is, and where, one a line; and every target that is too small for the bedside.
const LOOK: &str = r#"
    const [least, done] = arguments;
    axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => {
        const found = violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} (${node.failureSummary})`));
        for (const target of document.querySelectorAll("button, a.button, input:not([type=hidden]):not([type=checkbox]):not([type=radio]), select, summary")) {
            const { height } = target.getBoundingClientRect();
            if (height && height < least) found.push(`${height} px high: ${target.outerHTML}`);
        }
        done(found);
    });
"#;
/// The least height of what people press, in CSS pixels.
const TARGET_PX: u32 = 56;

/// Looks at the page that is open.
async fn is_accessible(screen: &Screen, axe: &str, what: &str) {
    for scheme in ["light", "dark"] {
        let feature = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        screen.page.cdp().send_raw("Emulation.setEmulatedMedia", feature).await.unwrap();
        screen.page.execute(axe, Vec::new()).await.unwrap();
        let found = screen.page.execute_async(LOOK, vec![json!(TARGET_PX)]).await.unwrap().json().clone();
        let found: Vec<&str> = found.as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(found.is_empty(), "{what}, {scheme}: {found:#?}");
    }
}

/// What looks at pages.
fn axe() -> String {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/axe-core/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(file).expect("axe-core, which `cargo xtask test` installs")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_on_the_way_in_is_for_everybody() {
    let axe = axe();
    let hospital = Hospital::open(Store::File).await;
    let screen = Screen::unknown(&hospital).await;
    let looked_at = async |words: &str| {
        screen.reads(words).await;
        is_accessible(&screen, &axe, words).await;
    };

    screen.opens("/bedside").await;
    looked_at("Who is there?").await;
    screen.opens("/workstation/nothing").await;
    looked_at("This code does not work").await;
    screen.opens(&hospital.code("ws-1")).await;
    looked_at("Enrol this workstation").await;
    screen.presses("Make this browser the workstation").await;
    looked_at("Who is there?").await;

    let key = Key::usb(&screen.page).await;
    screen.opens("/enrol/nothing").await;
    looked_at("This invitation does not work").await;
    screen.opens(&hospital.invitation("n-amara")).await;
    looked_at("This invitation is for").await;
    screen.presses("Register my key or phone").await;
    looked_at("Your key is registered").await;

    screen.opens("/bedside").await;
    key.verifies(false).await;
    screen.presses("Sign in with your key").await;
    looked_at("Nothing was sent.").await;
    screen.opens("/bedside/help").await;
    looked_at("key").await;
    key.verifies(true).await;
    screen.opens("/bedside").await;
    screen.presses("Sign in with your key").await;
    looked_at("My patients").await;
    key.verifies(false).await;
    screen.opens("/bedside/step-up").await;
    looked_at("One touch more").await;
    screen.opens("/bedside").await;
    screen.presses("Lock").await;
    looked_at("Locked for Amara Osei").await;
    screen.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_people_at_work_is_for_everybody() {
    let axe = axe();
    let hospital = Hospital::open(Store::File).await;
    let screen = Screen::enrolled(&hospital, "ws-1").await;
    let (patient, other) = (hospital.admits("ED", &["n-amara"]), hospital.admits("ICU", &[]));
    let _key = Key::usb(&screen.page).await;
    screen.registers(&hospital, "n-amara").await;
    screen.signs_in("Amara Osei").await;
    let looked_at = async |words: &str| {
        screen.reads(words).await;
        is_accessible(&screen, &axe, words).await;
    };
    let patients = [format!("/bedside/patient/{patient}"), format!("/bedside/patient/{other}")];
    for (path, words) in [
        ("/bedside/patients", "Handrail keeps no names"),
        (&patients[0], "You may now"),
        (&patients[1], "Not now, and what helps"),
        ("/bedside/me", "Where I am signed in"),
        ("/bedside/theatre", "nothing to do in theatre"),
        ("/bedside/vouch", "Vouch for a colleague"),
        ("/bedside/vouch?reason=broken", "Touch your key to vouch"),
        ("/bedside/recovery", "Nobody waits"),
        ("/bedside/nowhere", "There is no such page"),
    ] {
        screen.opens(path).await;
        looked_at(words).await;
    }
    screen.opens(&patients[0]).await;
    screen.presses("Read the chart").await;
    looked_at("Permitted").await;
    screen.opens(&patients[0]).await;
    screen.presses("It is witnessed").await;
    looked_at("ermitted").await;
    screen.opens("/bedside/me").await;
    screen.presses("Register another").await;
    looked_at("Another key").await;
    screen.opens("/bedside/me").await;
    screen.asks("document.querySelector('main details').open = true").await;
    looked_at("I use another now").await;
    screen.presses("I lost it").await;
    looked_at("This is your only key").await;
    screen.opens("/bedside/hand-over").await;
    looked_at("Who takes over").await;
    screen.presses("Hand over").await;
    looked_at("Who takes over").await;
    screen.ticks("input[name=to][value=n-bea]").await;
    screen.presses("Hand over").await;
    looked_at("touch your key to take over").await;

    screen.opens("/bedside/patients").await;
    screen.presses("Sign out").await;
    looked_at("You are signed out.").await;
    screen.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_for_people_without_a_key_is_for_everybody() {
    let axe = axe();
    let hospital = Hospital::open(Store::File).await;
    let screen = Screen::enrolled(&hospital, "ws-1").await;
    let dora = screen.key_of(&hospital, "n-dora").await;
    let key = Key::usb(&screen.page).await;
    screen.registers(&hospital, "n-amara").await;
    let looked_at = async |words: &str| {
        screen.reads(words).await;
        is_accessible(&screen, &axe, words).await;
    };
    for (path, words) in [
        ("/bedside/vouch", "Why does your key not do?"),
        ("/bedside/vouch?reason=broken", "Scan or type your badge"),
        ("/bedside/help", "What does not work?"),
        ("/bedside/help?cause=authenticator", "What helps now"),
        ("/bedside/recovery/ask", "A way back in"),
        ("/bedside/recovery/pass", "Use a pass"),
        ("/bedside/provisional", "Emergency: by name alone"),
    ] {
        screen.opens(path).await;
        looked_at(words).await;
    }

    // Somebody waits for a way back in, another approves.
    screen.opens("/bedside/recovery/ask").await;
    screen.types("badge", "badge-n-bea").await;
    screen.ticks("select[name=path] option[value=colleague]").await;
    screen.presses("Colleague: touch your key to stand for them").await;
    looked_at("Asked").await;
    key.pull_out().await;
    let _dora = dora.plugged_into(&screen.page).await;
    screen.signs_in("Dora Falk").await;
    screen.opens("/bedside/recovery").await;
    looked_at("Amara Osei stands for them").await;
    screen.presses("Approve: I know that it is them").await;
    looked_at("and to nobody else").await;
    let pass = screen.asks("return document.querySelector('strong.code').textContent").await;
    screen.opens("/bedside/patients").await;
    screen.presses("Sign out").await;
    screen.opens("/bedside/recovery/pass").await;
    screen.types("code", "not a pass").await;
    screen.presses("Use my pass").await;
    looked_at("Your pass").await;
    screen.types("code", pass.as_str().unwrap()).await;
    screen.presses("Use my pass").await;
    looked_at("You are back").await;
    screen.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_view_in_theatre_is_for_everybody() {
    let axe = axe();
    let hospital = Hospital::open(Store::File).await;
    let screen = Screen::enrolled(&hospital, "ws-or").await;
    let _key = Key::usb(&screen.page).await;
    screen.registers(&hospital, "n-theo").await;
    hospital.admits("THEATRE", &["n-theo"]);
    screen.signs_in("Theo Brandt").await;
    screen.opens("/bedside/theatre").await;
    screen.reads("Operating theatres").await;
    is_accessible(&screen, &axe, "theatre").await;

    // Who is brought in appears by itself, and what is being typed stays.
    screen.types("badge", "badge-n-").await;
    let next = hospital.admits("THEATRE", &["n-theo"]);
    screen.reads(&format!("Patient {}", &next["pat_".len().."pat_".len() + 6])).await;
    screen.ticks("#badge").await;
    assert_eq!(screen.asks("return document.querySelector('#badge').value").await, "badge-n-");
    screen.asks("document.querySelector('#badge').value = ''").await;
    screen.types("badge", "badge-n-amara\n").await;
    screen.reads("Nobody on shift here").await;
    is_accessible(&screen, &axe, "the door of a theatre").await;
    screen.closes().await;
}
