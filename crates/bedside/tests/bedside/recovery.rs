//! The ways back in: asked for, stood for, approved, used once, and a new key at the end.

use crate::house::{BASE, Browser, Got, House, SECOND, field, id};
use authenticator::SecurityKey;
use axum::http::StatusCode;
use events::authenticator::{RevokeCause, Way};
use events::principal::{IdentityClass, Registered};
use events::session::EndCause;
use events::signin::{Cause, RecoveryAnswered, Step};
use events::{Actor, Event};
use serde_json::json;
use signin::recovery::at_console;

/// Who leads the service desk in the starter charter.
const DESK: &str = "tomasz-adeyemi";

async fn with_a_desk() -> House {
    let house = House::open().await;
    let desk = Registered {
        principal: id(DESK),
        class: IdentityClass::Staff,
        roles: vec![id("nurse")],
        name: Some("Tomasz at the desk".into()),
        home_unit: None,
        aliases: Vec::new(),
        labels: Vec::new(),
    };
    house.record(desk).await;
    house
}

/// A colleague stands for whoever has a badge.
async fn stands_for(at: &mut Browser<'_>, key: &mut SecurityKey, badge: &str, lost: &str) -> Got {
    let fields = json!({ "badge": badge, "path": "service-desk", "lost": lost });
    let options = at.script("/bedside/recovery/options", fields.clone()).await.json();
    let mut sent = fields;
    sent["credential"] = json!(key.get(BASE, &options).unwrap());
    at.script("/bedside/recovery/result", sent).await
}

/// Answers with a touch that is too long ago: the page that asks for one more, and on from there.
async fn answers_after_a_touch(
    at: &mut Browser<'_>,
    key: &mut SecurityKey,
    list: &str,
    fields: &[(&str, &str)],
) -> (Got, Got) {
    let touch = at.form(list, "/bedside/recovery/answer", fields).await;
    assert!(touch.text.contains("One touch more"), "{}", touch.text);
    at.ceremony("step-up", key).await;
    let held = field(&touch.text, "resume");
    let on = at.form(&touch.text, "/bedside/resume", &[("resume", &held)]).await;
    assert!(on.text.contains(fields[0].1), "{}", on.text);
    let answered = at.form(&on.text, "/bedside/recovery/answer", fields).await;
    (on, answered)
}

fn code_on(page: &str) -> String {
    page.split("<strong class=\"code\">")
        .nth(1)
        .unwrap_or_else(|| panic!("no pass on {page}"))
        .chars()
        .take(19)
        .collect()
}

async fn registers(at: &mut Browser<'_>, key: &mut SecurityKey) -> Got {
    let options = at.script("/bedside/recovery/key/options", json!({})).await;
    if options.json().get("publicKey").is_none() {
        return options;
    }
    let credential = key.create(BASE, &options.json()).unwrap();
    at.script("/bedside/recovery/key/result", json!({ "credential": credential, "name": "New key" })).await
}

fn answers(house: &House) -> Vec<RecoveryAnswered> {
    let all = house.entries("recovery.answered").into_iter().filter_map(|leaf| match leaf.draft.event {
        Event::RecoveryAnswered(answered) => Some(answered),
        _ => None,
    });
    all.collect()
}

/// Whoever came back is told what was done in their name.
async fn is_told(at: &mut Browser<'_>) {
    let first = at.get("/bedside/patients").await.text;
    assert!(first.contains("asked for in your name") && first.contains("Was that you?"), "{first}");
    let own = at.get("/bedside/me").await.text;
    for part in ["Ways back in, in my name", "Nurse bea stood for me", "a new key registered", "extension 4444"] {
        assert!(own.contains(part), "{part}: {own}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_people_bring_somebody_back_and_their_lost_key_ends() {
    let house = with_a_desk().await;
    let (mut amara, mut bea, mut desk) =
        (house.key_of("n-amara").await, house.key_of("n-bea").await, house.key_of(DESK).await);
    let (mut one, mut two) = (house.workstation("ws-1").await, house.workstation("ws-2").await);

    let asking = one.get("/bedside/recovery/ask").await;
    assert!(asking.text.contains("Service desk, in person"), "{}", asking.text);
    let known = stands_for(&mut one, &mut bea, "badge-n-amara", "yes").await;
    let unknown = stands_for(&mut one, &mut bea, "badge-of-nobody", "yes").await;
    assert_eq!(known.json(), unknown.json(), "nobody learns whose badge it is");
    assert_eq!(house.entries("recovery.asked").len(), 1);
    let asked = one.get(known.json()["go"].as_str().unwrap()).await;
    assert!(asked.text.contains("extension 4444"), "{}", asked.text);

    // Whoever stands for them sees nothing to approve, and may not by asking for it.
    one.touch(&mut bea).await;
    let page = one.get("/bedside/recovery").await;
    assert!(page.text.contains("Nobody waits"), "{}", page.text);
    two.touch(&mut desk).await;
    let list = two.get("/bedside/recovery").await;
    assert!(list.text.contains("Nurse amara") && list.text.contains("Nurse bea stands for them"), "{}", list.text);
    let request = field(&list.text, "recovery");
    let fields = [("recovery", request.as_str()), ("approve", "yes")];
    let refused = one.form(&page.text, "/bedside/recovery/answer", &fields).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(answers(&house).len(), 0);

    // The desk's touch is too long ago: one more, and the answer goes on by itself.
    house.wait(SECOND * 240);
    two.renew().await;
    let list = two.get("/bedside/recovery").await;
    assert!(list.text.contains("Waiting for 4"), "{}", list.text);
    let (on, pass) = answers_after_a_touch(&mut two, &mut desk, &list.text, &fields).await;
    let code = code_on(&pass.text);
    let answered = answers(&house).pop().unwrap();
    assert_eq!((answered.approved, answered.waited_s, answered.approver), (true, 240, id(DESK)));
    let twice = two.form(&on.text, "/bedside/recovery/answer", &fields).await;
    assert!(twice.text.contains("before you"), "{}", twice.text);

    // A pass works once.
    one.renew().await;
    let enter = one.get("/bedside/recovery/pass").await;
    let wrong = one.form(&enter.text, "/bedside/recovery/pass", &[("code", "0000-0000-0000-0000")]).await;
    assert!(wrong.status == StatusCode::FORBIDDEN && wrong.text.contains("does not work"), "{}", wrong.text);
    let used = one.form(&enter.text, "/bedside/recovery/pass", &[("code", &code.to_lowercase())]).await;
    assert_eq!(used.to.as_deref(), Some("/bedside/recovery/key"), "{}", used.text);
    let session = house.plane.world(|world| world.sessions_of(&id("n-amara")).next().cloned()).unwrap();
    assert_eq!((session.method.as_str(), session.level, session.authenticator.clone()), ("recovery", 2, None));
    assert!(session.good_until <= house.plane.now() + SECOND * 3_600);
    let again = two.form(&on.text, "/bedside/recovery/pass", &[("code", &code)]).await;
    assert!(again.text.contains("does not work"), "{}", again.text);

    // And opens one registration, by which the old key ends.
    assert!(one.get("/bedside/recovery/key").await.text.contains("You are back"));
    let mut new = SecurityKey::default();
    assert_eq!(registers(&mut one, &mut new).await.json()["go"], "/bedside/recovery/key");
    assert!(one.get("/bedside/recovery/key").await.text.contains("Your key is registered"));
    assert!(registers(&mut one, &mut SecurityKey::default()).await.said().contains("has done its work"));
    let revoked = house.entries("authenticator.revoked").into_iter().map(|leaf| match leaf.draft.event {
        Event::AuthenticatorRevoked(revoked) => revoked.cause,
        other => panic!("{other:?}"),
    });
    assert_eq!(revoked.collect::<Vec<_>>(), [RevokeCause::Recovered]);
    let Event::AuthenticatorRegistered(last) = house.entries("authenticator.registered").pop().unwrap().draft.event
    else {
        panic!("a registration")
    };
    assert_eq!(last.by, Way::Recovery { slip: answered.slip.unwrap() });
    assert!(!one.touch(&mut amara).await.said().is_empty(), "the lost key opens nothing");
    assert_eq!(one.touch(&mut new).await.json()["go"], "/bedside/patients");
    let ended = house.entries("session.ended").into_iter().find_map(|leaf| match leaf.draft.event {
        Event::SessionEnded(ended) if ended.session == session.session => Some(ended.cause),
        _ => None,
    });
    is_told(&mut one).await;
    assert_eq!(ended, Some(EndCause::Replaced), "the pass’s session ends where the key’s begins");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_stands_for_themselves_and_a_refusal_gives_no_pass() {
    let house = with_a_desk().await;
    let (mut amara, mut bea, mut desk) =
        (house.key_of("n-amara").await, house.key_of("n-bea").await, house.key_of(DESK).await);
    let (mut one, mut two) = (house.workstation("ws-1").await, house.workstation("ws-2").await);
    let own = stands_for(&mut one, &mut amara, "badge-n-amara", "no").await;
    assert!(own.said().contains("your own key"), "{}", own.text);
    assert_eq!(house.entries("recovery.asked").len(), 0);

    stands_for(&mut one, &mut bea, "badge-n-amara", "no").await;
    two.touch(&mut desk).await;
    let list = two.get("/bedside/recovery").await;
    let request = field(&list.text, "recovery");
    let refused = two.form(&list.text, "/bedside/recovery/answer", &[("recovery", &request), ("approve", "no")]).await;
    assert!(refused.text.contains("There is no pass"), "{}", refused.text);
    let answered = answers(&house).pop().unwrap();
    assert_eq!((answered.approved, answered.slip), (false, None));

    // A request that waited longer than the charter says counts no more, and a browser that is no workstation asks for nothing.
    stands_for(&mut one, &mut bea, "badge-n-amara", "no").await;
    house.wait(SECOND * 60 * 46);
    two.renew().await;
    two.touch(&mut desk).await;
    assert!(two.get("/bedside/recovery").await.text.contains("Nobody waits"));
    assert_eq!(house.browser().get("/bedside/recovery/ask").await.status, StatusCode::FORBIDDEN);
    assert_eq!(house.browser().get("/bedside/recovery/pass").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_locked_out_of_everything_gets_a_pass_at_the_console() {
    let house = House::open().await;
    let mut one = house.workstation("ws-1").await;
    let by = || Actor::local("uid 0").unwrap();
    assert!(at_console(&house.plane, &id("n-nobody"), "only one left", false, by()).await.is_err());
    assert!(at_console(&house.plane, &id("n-amara"), "  ", false, by()).await.is_err());
    let first = at_console(&house.plane, &id("n-amara"), "only one left", false, by()).await.unwrap();
    let second = at_console(&house.plane, &id("n-amara"), "only one left", false, by()).await.unwrap();
    assert_eq!(house.entries("recovery.at_console").len(), 2);
    let enter = one.get("/bedside/recovery/pass").await;
    let spent = one.form(&enter.text, "/bedside/recovery/pass", &[("code", &first.text())]).await;
    assert!(spent.text.contains("does not work"), "a second pass ends the first: {}", spent.text);
    let used = one.form(&enter.text, "/bedside/recovery/pass", &[("code", &second.text())]).await;
    assert_eq!(used.to.as_deref(), Some("/bedside/recovery/key"));
    house.wait(SECOND * 3_600);
    one.renew().await;
    assert!(one.get("/bedside/recovery/key").await.text.contains("Who is there?"), "it is short");
}

#[tokio::test(flavor = "multi_thread")]
async fn help_says_what_works_and_records_what_does_not() {
    let house = House::open().await;
    let mut one = house.workstation("ws-1").await;
    assert!(one.get("/bedside").await.text.contains("href=\"/bedside/help\""));
    let help = one.get("/bedside/help").await;
    let to = one.form(&help.text, "/bedside/help", &[("cause", "authenticator")]).await.to.unwrap();
    let ways = one.get(&to).await;
    for part in ["another key or phone", "A colleague vouches", "Ask the help desk", "identity@harbour-general.example"]
    {
        assert!(ways.text.contains(part), "{part}: {}", ways.text);
    }
    let (key, vouch, desk) = ("another key or phone", "A colleague vouches", "Ask the help desk");
    let at = |text: &str| ways.text.find(text).unwrap();
    assert!(at(key) < at(vouch) && at(vouch) < at(desk), "cheapest first");
    let Event::SigninAttempted(tried) = house.entries("signin.attempted").pop().unwrap().draft.event else {
        panic!("an attempt")
    };
    assert_eq!((tried.step, tried.cause), (Step::SignIn, Some(Cause::Authenticator)));
    let nonsense = one.form(&help.text, "/bedside/help", &[]).await;
    assert_eq!(nonsense.to.as_deref(), Some("/bedside/help"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_again_takes_nobody_elses_request_away() {
    let house = with_a_desk().await;
    let (mut bea, mut ruiz, mut desk) =
        (house.key_of("n-bea").await, house.key_of("d-ruiz").await, house.key_of(DESK).await);
    let (mut one, mut two) = (house.workstation("ws-1").await, house.workstation("ws-2").await);
    stands_for(&mut one, &mut bea, "badge-n-amara", "yes").await;
    stands_for(&mut one, &mut ruiz, "badge-n-amara", "no").await;
    stands_for(&mut one, &mut ruiz, "badge-n-amara", "yes").await;
    two.touch(&mut desk).await;
    let list = two.get("/bedside/recovery").await.text;
    assert_eq!(list.matches("stands for them").count(), 2, "one each: {list}");
    assert!(list.contains("Nurse bea stands for them") && list.contains("Doctor ruiz stands for them"), "{list}");
}
