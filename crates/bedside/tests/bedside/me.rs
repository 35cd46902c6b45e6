//! My sessions and keys: ending, naming, removing and adding, each with what refuses it; and what the charter lets people register.

use crate::house::{Browser, House, SECOND, field, id};
use authenticator::SecurityKey;
use axum::http::StatusCode;
use events::principal::{IdentityClass, Registered};
use serde_json::json;

/// The key of the page's form that many come from.
fn key_of(page: &str, which: usize) -> String {
    page.split("name=\"key\" value=\"").nth(which * 2 + 1).unwrap().split('"').next().unwrap().to_owned()
}

async fn add(browser: &mut Browser<'_>, key: &mut SecurityKey) -> crate::house::Got {
    let options = browser.script("/bedside/me/keys/options", json!({})).await;
    let made = options.json();
    if made.get("publicKey").is_none() {
        return options;
    }
    let credential = key.create(crate::house::BASE, &made).unwrap();
    browser.script("/bedside/me/keys/result", json!({ "credential": credential, "name": "Red key" })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn i_see_my_sessions_and_end_them_and_nobody_elses() {
    let house = House::open().await;
    let (mut amara, mut ruiz) = (house.key_of("n-amara").await, house.key_of("d-ruiz").await);
    let (mut one, mut phone, mut two) =
        (house.workstation("ws-1").await, house.browser(), house.workstation("ws-2").await);
    one.touch(&mut amara).await;
    phone.touch(&mut amara).await;
    two.touch(&mut ruiz).await;
    let page = one.get("/bedside/me").await.text;
    assert!(page.contains("Emergency department, ws-1 (here)") && page.contains("A browser of my own"), "{page}");
    assert!(page.contains("Blue key") && page.contains("Security key or badge"), "{page}");
    let sessions: Vec<_> = house.plane.world(|world| world.sessions().cloned().collect());
    let of = |who: &str, shared: bool| {
        let mut found = sessions.iter().filter(|s| s.principal.as_str() == who && s.workstation.is_some() == shared);
        found.next().unwrap().session.to_string()
    };
    for nobodys in [of("d-ruiz", true), "se-nobody".to_owned()] {
        let got = one.form(&page, "/bedside/me/end", &[("session", &nobodys)]).await;
        assert_eq!(got.to.as_deref(), Some("/bedside/me"), "{}", got.text);
    }
    assert!(house.entries("session.ended").is_empty());
    one.form(&page, "/bedside/me/end", &[("session", &of("n-amara", false))]).await;
    assert!(phone.get("/bedside/patients").await.text.contains("Who is there?"));
    let got = one.form(&page, "/bedside/me/end", &[("session", &of("n-amara", true))]).await;
    assert_eq!(got.to.as_deref(), Some("/bedside"));
    assert!(one.get("/bedside/me").await.text.contains("Who is there?"));
    assert_eq!(house.entries("session.ended").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_is_registered_right_after_a_touch_and_only_then() {
    let house = House::open().await;
    let mut amara = house.key_of("n-amara").await;
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    let mut red = SecurityKey::default();
    assert_eq!(add(&mut one, &mut red).await.json()["go"], "/bedside/me");
    let page = one.get("/bedside/me").await.text;
    assert!(page.contains("Blue key") && page.contains("Red key"), "{page}");

    // Later it takes a touch, and then it goes on.
    house.wait(SECOND * 60 * 6);
    one.renew().await;
    assert!(add(&mut one, &mut SecurityKey::default()).await.said().contains("Touch one of your keys first"));
    let page = one.get("/bedside/me").await.text;
    let asked = one.form(&page, "/bedside/me/keys/add", &[]).await.text;
    assert!(asked.contains("One touch more"), "{asked}");
    one.ceremony("step-up", &mut red).await;
    let back = one.form(&asked, "/bedside/resume", &[("resume", &field(&asked, "resume"))]).await.text;
    assert!(back.contains("action=\"/bedside/me/keys/add\""), "{back}");
    assert!(one.form(&back, "/bedside/me/keys/add", &[]).await.text.contains("Another key"));

    // Not more than the charter lets anybody have.
    for _ in 2..5 {
        assert_eq!(add(&mut one, &mut SecurityKey::default()).await.json()["go"], "/bedside/me");
    }
    assert!(add(&mut one, &mut SecurityKey::default()).await.said().contains("nobody has more than 5"));
    assert_eq!(house.entries("authenticator.registered").len(), 5);
    assert_eq!(house.browser().script("/bedside/me/keys/options", json!({})).await.json()["go"], "/bedside");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_named_and_removed_by_its_owner_and_never_the_last() {
    let house = House::open().await;
    let (mut amara, mut ruiz) = (house.key_of("n-amara").await, house.key_of("d-ruiz").await);
    let (mut one, mut two) = (house.workstation("ws-1").await, house.workstation("ws-2").await);
    one.touch(&mut amara).await;
    two.touch(&mut ruiz).await;
    let (page, others) = (one.get("/bedside/me").await.text, key_of(&two.get("/bedside/me").await.text, 0));
    let mine = key_of(&page, 0);
    one.form(&page, "/bedside/me/keys/rename", &[("key", &mine), ("name", "Key on my badge")]).await;
    assert!(one.get("/bedside/me").await.text.contains("Key on my badge"));
    for (path, key, name, status) in [
        ("/bedside/me/keys/rename", &others, "Mine now", StatusCode::NOT_FOUND),
        ("/bedside/me/keys/remove", &others, "", StatusCode::NOT_FOUND),
        ("/bedside/me/keys/rename", &mine, " ", StatusCode::BAD_REQUEST),
        ("/bedside/me/keys/remove", &mine, "", StatusCode::CONFLICT),
    ] {
        let got = one.form(&page, path, &[("key", key), ("name", name), ("cause", "lost")]).await;
        assert_eq!(got.status, status, "{path} {name}: {}", got.text);
    }
    assert!(house.entries("authenticator.revoked").is_empty());

    // With another, the one that this session rests on goes, and the session with it.
    let mut red = SecurityKey::default();
    add(&mut one, &mut red).await;
    house.wait(SECOND * 60 * 6);
    one.renew().await;
    let asked = one.form(&page, "/bedside/me/keys/remove", &[("key", &mine), ("cause", "lost")]).await.text;
    assert!(asked.contains("One touch more"), "{asked}");
    one.ceremony("step-up", &mut amara).await;
    one.form(&page, "/bedside/me/keys/remove", &[("key", &mine), ("cause", "lost")]).await;
    assert_eq!(house.entries("authenticator.revoked").len(), 1);
    assert!(one.get("/bedside/me").await.text.contains("Who is there?"));
    assert_eq!(one.touch(&mut red).await.json()["go"], "/bedside/patients");
}

/// A supplier's engineer, and who may invite them.
async fn with_a_vendor(house: &House) {
    for (who, class) in [("v-lift", IdentityClass::Vendor), ("oskar-delacroix", IdentityClass::Staff)] {
        house
            .record(Registered {
                principal: id(who),
                class,
                roles: Vec::new(),
                name: None,
                home_unit: None,
                aliases: Vec::new(),
                labels: Vec::new(),
            })
            .await;
    }
}

/// The starter charter, in which a maker is known, and vendors' keys are of one make of theirs.
fn knowing(maker: &authenticator::Maker) -> impl FnOnce(&str) -> String {
    let root = maker.root_pem().to_owned();
    move |text| {
        let (before, vendor) = text.split_once("[authenticators.vendor]\n").unwrap();
        let make = "aaguids = { \"68616e64-7261-696c-2d74-6573746b6579\" = \"Key for tests\" }";
        let maker = format!("[makers.tests]\ntitle = \"Keys for tests\"\nroots = ['''\n{root}''']");
        format!("{before}[authenticators.vendor]\n{make}\n{vendor}\n{maker}\n")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_registers_what_the_charter_lets_people_of_that_class_have() {
    let (maker, other) = (authenticator::Maker::new("A maker of keys"), authenticator::Maker::new("A maker of keys"));
    let house = House::open_with(knowing(&maker)).await;
    with_a_vendor(&house).await;
    let invitation = house.invitation_by("oskar-delacroix", "v-lift").await;
    let (unsaid, unknown, make) =
        ("does not show who made it", "Nobody whom the hospital trusts", "Keys of this make do not count");
    for (mut key, said) in [
        (SecurityKey::default(), unsaid),
        (SecurityKey::self_attesting(), unsaid),
        (SecurityKey::synced_passkey(), unsaid),
        (SecurityKey::made_by(&other), unknown),
        (SecurityKey::of_make(&maker, [7; 16]), make),
    ] {
        let got = house.browser().register(&mut key, &invitation).await;
        assert!(got.said().contains(said), "{}", got.text);
    }
    assert!(house.entries("authenticator.registered").is_empty());
    let got = house.browser().register(&mut SecurityKey::made_by(&maker), &invitation).await;
    assert_eq!(got.json()["go"], "/enrol/done", "the invitation was not used up by what was refused: {}", got.text);
    let kept = house.entries("authenticator.registered").pop().unwrap().draft.event;
    let events::Event::AuthenticatorRegistered(kept) = kept else { panic!("{kept:?}") };
    assert_eq!(kept.attestation.len(), 64, "the maker's certificate");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_makers_word_that_is_asked_for_and_can_be_nobodys_registers_nothing_and_is_found() {
    let house = House::open().await;
    with_a_vendor(&house).await;
    let invitation = house.invitation_by("oskar-delacroix", "v-lift").await;
    let maker = authenticator::Maker::new("A maker of keys");
    let got = house.browser().register(&mut SecurityKey::made_by(&maker), &invitation).await;
    assert!(got.said().contains("Nobody whom the hospital trusts"), "{}", got.text);
    let engine = house.plane.engine();
    let wrong = signin::enrolment::makers_known(engine.charter()).unwrap_err();
    assert!(matches!(&wrong[..], [one] if one.contains("`vendor` can register nothing")), "{wrong:?}");
    let house = House::open_with(knowing(&maker)).await;
    assert_eq!(signin::enrolment::makers_known(house.plane.engine().charter()), Ok(1));
}

/// The starter charter, in which staff's last key may go.
fn letting_go(text: &str) -> String {
    assert!(text.contains("last = \"keep\""));
    text.replace("last = \"keep\"", "last = \"recover\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_last_key_may_go_it_leads_to_a_way_back_in() {
    let house = House::open_with(letting_go).await;
    let mut amara = house.key_of("n-amara").await;
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    let page = one.get("/bedside/me").await.text;
    let key = key_of(&page, 0);
    let gone = one.form(&page, "/bedside/me/keys/remove", &[("key", &key), ("cause", "lost")]).await;
    assert_eq!(gone.status, StatusCode::OK, "{}", gone.text);
    for part in ["Your last key is removed", "/bedside/recovery/ask", "Service desk, extension 4444"] {
        assert!(gone.text.contains(part), "{part}: {}", gone.text);
    }
    let needed = house.entries("recovery.needed");
    let [needed] = &needed[..] else { panic!("{needed:?}") };
    let events::Event::RecoveryNeeded(needed) = &needed.draft.event else { panic!("{needed:?}") };
    assert_eq!((needed.principal.as_str(), needed.authenticator.as_str()), ("n-amara", key.as_str()));
    assert!(one.get("/bedside/me").await.text.contains("Who is there?"), "and the session is over");
    assert!(!one.touch(&mut amara).await.said().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_tabs_that_remove_the_last_two_keys_one_loses() {
    for change in [str::to_owned, letting_go] {
        let house = House::open_with(change).await;
        let mut amara = house.key_of("n-amara").await;
        let mut one = house.workstation("ws-1").await;
        one.touch(&mut amara).await;
        add(&mut one, &mut SecurityKey::default()).await;
        let page = one.get("/bedside/me").await.text;
        let (first, second) = (key_of(&page, 0), key_of(&page, 1));
        let mut tab = house.browser();
        (tab.cookie, tab.device) = (one.cookie.clone(), one.device.clone());
        let (first, second) =
            ([("key", first.as_str()), ("cause", "lost")], [("key", second.as_str()), ("cause", "lost")]);
        let (got, other) = tokio::join!(
            one.form(&page, "/bedside/me/keys/remove", &first),
            tab.form(&page, "/bedside/me/keys/remove", &second),
        );
        let done = |got: &crate::house::Got| got.to.as_deref() == Some("/bedside/me");
        assert!(done(&got) != done(&other), "{} {}", got.text, other.text);
        assert_eq!(house.entries("authenticator.revoked").len(), 1);
        assert!(house.entries("recovery.needed").is_empty());
        assert_eq!(house.plane.world(|world| world.authenticators_of(&id("n-amara")).len()), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_ended_for_its_owner_and_what_rests_on_it_at_once() {
    let house = House::open().await;
    let (mut amara, _ruiz) = (house.key_of("n-amara").await, house.key_of("d-ruiz").await);
    let mut one = house.workstation("ws-1").await;
    one.touch(&mut amara).await;
    let key_of = |who: &str| {
        house.plane.world(|world| world.authenticators_of(&id(who)).first().map(|one| one.authenticator.clone()))
    };
    let (key, others) = (key_of("n-amara").unwrap(), key_of("d-ruiz").unwrap());
    let actor = || events::Actor::handrail("test");
    let no = signin::enrolment::revoke(&house.plane, &id("n-amara"), &others, actor()).await;
    assert!(matches!(no, Err(signin::enrolment::KeyError::NotTheirs)), "{no:?}");
    let left = signin::enrolment::revoke(&house.plane, &id("n-amara"), &key, actor()).await.unwrap();
    assert_eq!(left, 0, "even the last");
    assert!(one.get("/bedside/patients").await.text.contains("Who is there?"), "nobody waits for a sweep");
    assert!(one.touch(&mut amara).await.said().contains("not registered here"));
    let again = signin::enrolment::revoke(&house.plane, &id("n-amara"), &key, actor()).await;
    assert!(matches!(again, Err(signin::enrolment::KeyError::NotTheirs)));
}
