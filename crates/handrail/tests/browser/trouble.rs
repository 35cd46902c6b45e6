//! What goes wrong with keys, cookies and people, and what is read and recorded then.

use crate::hospital::{Hospital, Screen, Store};
use crate::keys::Key;
use thirtyfour::prelude::*;

async fn whatever_goes_wrong_with_a_key_is_said_kindly_and_recorded(store: Store) {
    let hospital = Hospital::open(store).await;
    let screen = Screen::enrolled(&hospital, "ws-1").await;
    let strange = screen.key_of(&hospital, "n-chidi").await;
    let key = Key::usb(&screen.page).await;

    let invitation = hospital.invitation("n-amara");
    screen.opens(&invitation).await;
    key.verifies(false).await;
    screen.presses("Register my key or phone").await;
    screen.reads("Nothing was sent. Touch your key when you are ready.").await;
    assert!(hospital.recorded("register", "given_up", "cancelled").await);
    key.verifies(true).await;
    screen.presses("Register my key or phone").await;
    screen.reads("Your key is registered").await;
    screen.opens(&invitation).await;
    screen.reads("This invitation does not work").await;
    screen.opens(&hospital.invitation("n-amara")).await;
    screen.presses("Register my key or phone").await;
    screen.reads("This key is registered already.").await;

    screen.opens("/bedside").await;
    key.verifies(false).await;
    screen.presses("Sign in with your key").await;
    screen.reads("Nothing was sent. Touch your key when you are ready.").await;
    assert!(hospital.recorded("sign_in", "given_up", "cancelled").await);
    key.verifies(true).await;
    screen.presses("Sign in with your key").await;
    screen.reads("My patients").await;

    // A colleague's key is no proof that it is still her.
    let amara = key.unplugged().await;
    let strange = strange.plugged_into(&screen.page).await;
    screen.opens("/bedside/step-up").await;
    screen.reads("This is a colleague’s key.").await;
    assert!(hospital.recorded("step_up", "refused", "others_authenticator").await);
    strange.pull_out().await;

    let key = amara.plugged_into(&screen.page).await;
    screen.opens("/bedside").await;
    screen.presses("Lock").await;
    screen.reads("Locked for Amara Osei").await;
    key.becomes_a_copy(0).await;
    screen.presses("touch your key to go on").await;
    let copied = screen.reads("There may be a copy of this key").await;
    assert!(copied.contains("You did nothing wrong."), "{copied}");
    assert!(hospital.recorded("reconnect", "refused", "counter_went_back").await);
    assert_eq!(hospital.entries("authenticator.revoked")[0]["cause"], "cloned");
    assert_eq!(hospital.entries("signin.signalled")[0]["sign"], "cloned_authenticator");

    // The session ended with the key it rested on.
    hospital.until_recorded("session.ended").await;
    screen.opens("/bedside").await;
    screen.presses("Sign in with your key").await;
    screen.reads("This key or passkey is not registered here, or not any more.").await;
    assert!(hospital.recorded("sign_in", "refused", "credential_unknown").await);
    screen.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_with_a_key_is_said_kindly_over_a_file() {
    whatever_goes_wrong_with_a_key_is_said_kindly_and_recorded(Store::File).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_with_a_key_is_said_kindly_over_a_server() {
    whatever_goes_wrong_with_a_key_is_said_kindly_and_recorded(Store::Server).await;
}

/// What a thief does who has a cookie and no key: a proof of a key of their own.
const FORGE: &str = r#"
    const [done] = arguments;
    (async () => {
        const proof = { device: "ws-1", nonce: document.body.dataset.nonce, signature: "A".repeat(86) };
        const headers = { "content-type": "application/json" };
        const answer = await fetch("/bedside/renew", { method: "POST", headers, body: JSON.stringify(proof) });
        done(JSON.stringify(await answer.json()));
    })();
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_cookie_is_not_renewed_and_whoever_is_no_more_is_shown_out() {
    let hospital = Hospital::open(Store::File).await;
    let (own, thief) = (Screen::enrolled(&hospital, "ws-1").await, Screen::unknown(&hospital).await);
    let _key = Key::usb(&own.page).await;
    own.registers(&hospital, "n-amara").await;
    own.opens("/bedside").await;
    own.presses("Sign in with your key").await;
    own.reads("My patients").await;

    let cookies = own.page.get_all_cookies().await.unwrap();
    thief.opens("/bedside").await;
    thief.reads("Who is there?").await;
    for cookie in cookies {
        thief.page.add_cookie(Cookie::new(cookie.name, cookie.value)).await.unwrap();
    }
    thief.opens("/bedside/patients").await;
    thief.reads("Amara Osei").await;
    let answer = thief.page.execute_async(FORGE, Vec::new()).await.unwrap().json().to_string();
    assert!(answer.contains("could not prove which one it is") && !answer.contains("renewed"), "{answer}");
    let sign = &hospital.entries("signin.signalled")[0];
    assert_eq!((sign["sign"].as_str(), sign["principal"].as_str()), (Some("copied_cookie"), Some("n-amara")));
    thief.closes().await;

    hospital.ends("n-amara");
    hospital.until_recorded("session.ended").await;
    own.opens("/bedside").await;
    own.reads("Who is there?").await;
    own.presses("Sign in with your key").await;
    own.reads("This account has ended.").await;
    assert!(hospital.recorded("sign_in", "refused", "principal_ended").await);
    own.closes().await;
}
