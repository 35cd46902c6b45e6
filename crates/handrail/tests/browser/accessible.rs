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

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_for_everybody() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/axe-core/node_modules/axe-core/axe.min.js");
    let axe = std::fs::read_to_string(file).expect("axe-core, which `cargo xtask test` installs");
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
