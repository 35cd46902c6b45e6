//! The desktop around the browser: what a workstation's helper is told, and what is recorded of it.

use crate::house::{Browser, House, SECOND, id};
use authenticator::WorkstationKey;
use events::session::{Proof, Started};
use events::signin::{Attempted, Cause, Outcome, Step};
use events::workstation::Withdrawn;
use events::{Actor, DeviceId, Event, Leaf};
use serde_json::{Value, json};
use signin::workstation::issue_code;

const BASE: &str = crate::house::BASE;

/// A workstation's helper.
struct Helper<'a> {
    line: Browser<'a>,
    device: &'static str,
    key: WorkstationKey,
}

async fn code(house: &House, device: &str) -> String {
    issue_code(&house.plane, &id::<DeviceId>(device), Actor::handrail("test")).await.unwrap().text().to_string()
}

impl<'a> Helper<'a> {
    async fn of(house: &'a House, device: &'static str) -> Self {
        let mut helper = Self { line: house.browser(), device, key: WorkstationKey::default() };
        let (x, y) = helper.key.coordinates();
        let sent = json!({ "code": code(house, device).await, "x": x, "y": y });
        let told = helper.line.script("/workstation/helper", sent.clone()).await;
        assert_eq!(told.json(), json!({ "device": device, "url": BASE }));
        assert!(!told.gave_a_cookie());
        assert!(helper.line.script("/workstation/helper", sent).await.said().contains("does not work"), "once");
        helper
    }

    async fn nonce(&mut self) -> String {
        let told = self.line.script("/workstation/helper/nonce", json!({})).await.json();
        told["nonce"].as_str().unwrap().to_owned()
    }

    async fn sent(&mut self, user: &str, service: &str, question: &str) -> Value {
        let nonce = self.nonce().await;
        let signature = self.key.ask(self.device, BASE, &nonce, [user, service, question]);
        json!({ "device": self.device, "nonce": nonce, "signature": signature,
            "user": user, "service": service, "question": question })
    }

    async fn post(&mut self, sent: Value) -> Value {
        let told = self.line.script("/workstation/helper/ask", sent).await;
        assert!(!told.gave_a_cookie());
        told.json()
    }

    async fn ask(&mut self, user: &str, service: &str) -> Value {
        let sent = self.sent(user, service, "").await;
        self.post(sent).await
    }

    async fn look(&mut self, user: &str, service: &str, question: &Value, last: bool) -> Value {
        let mut sent = self.sent(user, service, question.as_str().unwrap()).await;
        sent["last"] = last.into();
        self.post(sent).await
    }
}

impl Helper<'_> {
    /// Says that the badge is gone.
    async fn badge_away(&mut self, service: &str) -> Value {
        let sent = self.sent("", service, "").await;
        let told = self.line.script("/workstation/helper/badge-away", sent).await;
        assert!(!told.gave_a_cookie());
        told.json()
    }
}

fn is_shut(told: &Value, words: &str) {
    assert!(told["answer"] == "no" && told["say"].as_str().unwrap().contains(words), "{told}");
}

/// What was recorded of desktops, oldest first, with the entry it is in.
fn recorded(house: &House) -> Vec<(Leaf, Attempted)> {
    let all = house.entries("signin.attempted").into_iter();
    let of_desktops = all.filter_map(|leaf| match leaf.draft.event.clone() {
        Event::SigninAttempted(body) if body.detail.as_ref().is_some_and(|detail| detail.starts_with("desktop")) => {
            Some((leaf, *body))
        }
        _ => None,
    });
    of_desktops.collect()
}

fn details(house: &House) -> Vec<String> {
    recorded(house).into_iter().map(|(_, body)| body.detail.unwrap().to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_says_by_the_helpers_key_that_the_badge_is_gone() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let (mut one, mut two) = (house.workstation("ws-1").await, house.workstation("ws-2").await);
    let mut helper = Helper::of(&house, "ws-1").await;
    assert_eq!(helper.badge_away("badge-away").await, json!({ "answer": "yes", "locked": 0 }), "nobody is there");
    one.touch(&mut amara).await;
    // A proof for something else, one of another key, and the same one again lock nothing.
    is_shut(&helper.badge_away("sudo").await, "could not prove which one it is");
    let own = std::mem::take(&mut helper.key);
    is_shut(&helper.badge_away("badge-away").await, "could not prove which one it is");
    helper.key = own;
    assert_eq!(one.get("/bedside/patients").await.status, axum::http::StatusCode::OK);
    let sent = helper.sent("", "badge-away", "").await;
    let told = helper.line.script("/workstation/helper/badge-away", sent.clone()).await.json();
    assert_eq!(told, json!({ "answer": "yes", "locked": 1 }));
    let again = helper.line.script("/workstation/helper/badge-away", sent).await.json();
    is_shut(&again, "could not prove which one it is");
    // The screen shows nothing any more, and its page learns it with its next proof at the latest.
    let locked = one.get("/bedside/patients").await.text;
    assert!(locked.contains("The badge was taken away."), "{locked}");
    assert_eq!(one.renew().await.json()["lock"], "/bedside");
    // Where she goes on, another workstation's reader locks nothing of hers.
    two.touch(&mut amara).await;
    assert_eq!(helper.badge_away("badge-away").await["locked"], 0);
    assert_eq!(two.get("/bedside/patients").await.status, axum::http::StatusCode::OK);
    let causes: Vec<_> = house
        .entries("session.locked")
        .into_iter()
        .map(|leaf| match leaf.draft.event {
            Event::SessionLocked(locked) => locked.cause.as_str(),
            _ => "",
        })
        .collect();
    assert_eq!(causes, ["badge_away"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desktop_opens_for_whoever_is_signed_in_there_under_any_name_that_is_theirs() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let (mut one, mut two) = (house.workstation("ws-1").await, house.workstation("ws-2").await);
    let mut helper = Helper::of(&house, "ws-1").await;

    is_shut(&helper.ask("n-amara", "gdm-password").await, "not signed in");
    one.touch(&mut amara).await;
    for name in ["n-amara", "badge-n-amara"] {
        assert_eq!(helper.ask(name, "gdm-password").await, json!({ "answer": "yes" }), "{name}");
    }
    is_shut(&helper.ask("root", "gdm-password").await, "does not know who this account belongs to");
    is_shut(&helper.ask("d-ruiz", "gdm-password").await, "not signed in");

    let page = one.get("/bedside/patients").await.text;
    one.form(&page, "/bedside/lock", &[]).await;
    is_shut(&helper.ask("n-amara", "gdm-password").await, "is locked");
    two.touch(&mut amara).await;
    is_shut(&helper.ask("n-amara", "gdm-password").await, "elsewhere");
    one.touch(&mut amara).await;
    house.wait(SECOND * 15 * 60);
    is_shut(&helper.ask("n-amara", "gdm-password").await, "is locked");

    let told = recorded(&house);
    let all: Vec<_> = told.iter().map(|(_, body)| body.detail.as_deref().unwrap()).collect();
    let named = |why: &str| format!("desktop_unlock{why}");
    let wanted = ["_not_signed_in", "", "", "_nobody", "_not_signed_in", "_locked", "_elsewhere", "_locked"].map(named);
    assert_eq!(all, wanted);
    let (leaf, yes) = &told[1];
    assert_eq!((leaf.draft.device.clone(), leaf.draft.place.clone()), (Some(id("ws-1")), Some(id("ED"))));
    assert_eq!((yes.step, yes.outcome, yes.principal.clone()), (Step::SignIn, Outcome::Done, Some(id("n-amara"))));
    assert!(yes.session.is_some() && yes.method.is_some() && yes.device_kind.as_deref() == Some("workstation"));
    let (_, nobody) = &told[3];
    assert_eq!((nobody.outcome, nobody.cause), (Outcome::Refused, Some(Cause::Policy)));
    assert_eq!((&nobody.claimed, &nobody.principal), (&None, &None), "a name may be a password typed too early");
}

#[tokio::test(flavor = "multi_thread")]
async fn sudo_waits_for_the_touch_of_that_person_and_says_so_on_their_page() {
    let house = House::open().await;
    let (mut amara, mut ruiz) = (house.key_of("n-amara").await, house.key_of("d-ruiz").await);
    let mut one = house.workstation("ws-1").await;
    let mut helper = Helper::of(&house, "ws-1").await;
    one.touch(&mut amara).await;

    house.wait(SECOND);
    let asked = helper.ask("n-amara", "sudo").await;
    assert_eq!(asked["answer"], "wait", "in the ED a bare touch comes back, so sudo wants one of its own: {asked}");
    assert!(asked["say"].as_str().unwrap().contains("Touch your key"));
    let page = one.get("/bedside/patients").await.text;
    assert!(page.contains("waits for your touch") && page.contains("/bedside/step-up"), "{page}");
    assert_eq!(helper.look("n-amara", "sudo", &asked["question"], false).await["answer"], "wait");

    house.wait(SECOND);
    assert!(one.ceremony("step-up", &mut ruiz).await.said().contains("colleague"));
    assert_eq!(helper.look("n-amara", "sudo", &asked["question"], false).await["answer"], "wait");
    one.ceremony("step-up", &mut amara).await;
    assert!(!one.get("/bedside/patients").await.text.contains("waits for your touch"));
    // The question is about one person and one service.
    for (user, service) in [("badge-n-amara", "sudo"), ("n-amara", "su"), ("d-ruiz", "sudo")] {
        assert_eq!(helper.look(user, service, &asked["question"], false).await["answer"], "no", "{user} {service}");
    }
    assert_eq!(helper.look("n-amara", "sudo", &asked["question"], false).await, json!({ "answer": "yes" }));
    let (_, yes) = recorded(&house).pop().unwrap();
    assert_eq!((yes.step, yes.outcome, yes.detail.as_deref()), (Step::StepUp, Outcome::Done, Some("desktop_sudo")));

    // Nobody touches: the helper gives up, and so does the node in any case.
    let asked = helper.ask("n-amara", "sudo").await;
    is_shut(&helper.look("n-amara", "sudo", &asked["question"], true).await, "Nobody touched a key in time");
    assert!(!one.get("/bedside/patients").await.text.contains("waits for your touch"));
    let asked = helper.ask("n-amara", "sudo").await;
    house.wait(SECOND * 61);
    is_shut(&helper.look("n-amara", "sudo", &asked["question"], false).await, "Nobody touched a key in time");
    let (_, given_up) = recorded(&house).pop().unwrap();
    assert_eq!((given_up.outcome, given_up.claimed), (Outcome::GivenUp, Some(id("n-amara"))));
    assert_eq!(details(&house).iter().filter(|detail| *detail == "desktop_sudo").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_rests_on_somebodys_word_opens_nothing() {
    let house = House::open().await;
    let mut helper = Helper::of(&house, "ws-1").await;
    let _browser = house.workstation("ws-1").await;
    let now = house.plane.now();
    let started = |session: &str, who: &str| Started {
        session: id(session),
        principal: id(who),
        workstation: Some(id("ws-1")),
        key: None,
        proof: Proof {
            method: "vouch".into(),
            level: 3,
            verified: true,
            authenticator: None,
            counter: None,
            proved_at: None,
        },
        good_until: now + SECOND * 3_600,
        vouched_by: None,
        review_due: None,
        provider_session: None,
    };
    house.record(Box::new(Started { vouched_by: Some(id("n-bea")), ..started("se-v", "n-amara") })).await;
    house.record(Box::new(Started { review_due: Some(now + SECOND), ..started("se-p", "d-ruiz") })).await;
    for service in ["gdm-password", "sudo"] {
        is_shut(&helper.ask("n-amara", service).await, "colleague's word");
        is_shut(&helper.ask("d-ruiz", service).await, "emergency");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_helpers_own_key_asks_and_each_proof_once() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let mut one = house.workstation("ws-1").await;
    let mut helper = Helper::of(&house, "ws-1").await;
    one.touch(&mut amara).await;
    let unproved = "could not prove which one it is";

    let sent = helper.sent("n-amara", "gdm-password", "").await;
    assert_eq!(helper.post(sent.clone()).await["answer"], "yes");
    is_shut(&helper.post(sent).await, unproved);
    let changed = |mut sent: Value, name: &str, value: &str| {
        sent[name] = value.into();
        sent
    };
    for (name, value) in [("user", "badge-n-amara"), ("service", "lightdm"), ("device", "ws-2"), ("nonce", "made up")] {
        let sent = helper.sent("n-amara", "gdm-password", "").await;
        is_shut(&helper.post(changed(sent, name, value)).await, unproved);
    }
    // The browser's key is another, and its proof says something else.
    let nonce = helper.nonce().await;
    let sent = helper.sent("n-amara", "gdm-password", "").await;
    let browsers = changed(sent, "nonce", &nonce);
    let by_browser = one.key.ask("ws-1", BASE, &nonce, ["n-amara", "gdm-password", ""]);
    is_shut(&helper.post(changed(browsers.clone(), "signature", &by_browser)).await, unproved);
    let nonce = helper.nonce().await;
    let as_browser = helper.key.prove("ws-1", BASE, &nonce);
    let sent = changed(changed(browsers, "nonce", &nonce), "signature", &as_browser);
    is_shut(&helper.post(sent).await, unproved);
    // A helper's proof gives no browser its next minute.
    let renewed = {
        let nonce = helper.nonce().await;
        let signature = helper.key.prove("ws-1", BASE, &nonce);
        let proof = json!({ "device": "ws-1", "nonce": nonce, "signature": signature });
        helper.line.script("/bedside/renew", proof).await
    };
    assert!(!renewed.gave_a_cookie(), "{}", renewed.text);

    assert_eq!(helper.ask("n-amara", "gdm-password").await["answer"], "yes");
    house.record(Withdrawn { device: id("ws-1") }).await;
    is_shut(&helper.ask("n-amara", "gdm-password").await, unproved);
}
