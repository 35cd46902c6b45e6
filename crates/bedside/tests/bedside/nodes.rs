//! Two nodes over one database: a browser may meet either at any time, and what is used once is used once.

use crate::house::{House, id};
use authenticator::SecurityKey;
use axum::http::StatusCode;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_meets_the_other_node_goes_on() {
    let (one, other) = House::two().await;
    let mut amara = one.key_of("n-amara").await;
    let mut screen = one.workstation("ws-1").await;
    screen.touch(&mut amara).await;
    other.knows_as_much_as(&one).await;

    let mut screen = screen.at(&other);
    assert!(screen.get("/bedside/patients").await.text.contains("Nurse amara"));
    assert_eq!(screen.renew().await.json()["renewed"], true);
    let page = screen.get("/bedside/patients").await.text;
    screen.form(&page, "/bedside/lock", &[]).await;
    one.knows_as_much_as(&other).await;
    let mut screen = screen.at(&one);
    assert_eq!(screen.get("/bedside/patients").await.status, StatusCode::UNAUTHORIZED);

    // A touch that began at one node and is answered at the other starts again, and then it works.
    let options = screen.script("/bedside/reconnect/options", json!({})).await.json();
    let mut screen = screen.at(&other);
    let said = screen.answer("reconnect", &mut amara, &options, json!({})).await.said();
    assert!(said.contains("start again"), "{said}");
    assert_eq!(screen.ceremony("reconnect", &mut amara).await.json()["go"], "/bedside/patients");
    assert_eq!(one.entries("session.started").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_signed_out_by_one_node_is_out_at_the_other() {
    let (one, other) = House::two().await;
    let mut amara = one.key_of("n-amara").await;
    let mut screen = one.workstation("ws-1").await;
    screen.touch(&mut amara).await;
    other.knows_as_much_as(&one).await;
    let mut phone = other.browser();
    assert_eq!(phone.touch(&mut amara).await.json()["go"], "/bedside/patients");
    let page = phone.get("/bedside/me").await.text;
    let session = other.plane.world(|world| {
        let amara = id("n-amara");
        let mut hers = world.sessions_of(&amara);
        hers.find(|one| one.workstation.is_some()).unwrap().session.to_string()
    });
    phone.form(&page, "/bedside/me/end", &[("session", &session)]).await;
    one.knows_as_much_as(&other).await;
    assert!(screen.get("/bedside/patients").await.text.contains("Who is there?"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_used_once_by_both_nodes_together() {
    let (one, other) = House::two().await;
    for _ in 0..4 {
        let invitation = one.invitation("n-amara").await;
        other.knows_as_much_as(&one).await;
        let (mut first, mut second) = (one.browser(), other.browser());
        let (mut blue, mut red) = (SecurityKey::default(), SecurityKey::default());
        let before = one.entries("authenticator.registered").len();
        let both = tokio::join!(first.register(&mut blue, &invitation), second.register(&mut red, &invitation));
        let done = [both.0, both.1].iter().filter(|got| got.json()["go"] == "/enrol/done").count();
        assert_eq!(done, 1);
        assert_eq!(one.entries("authenticator.registered").len(), before + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_keys_that_go_at_once_one_stays() {
    let (one, other) = House::two().await;
    let mut amara = one.key_of("n-amara").await;
    let mut screen = one.workstation("ws-1").await;
    screen.touch(&mut amara).await;
    let mut red = SecurityKey::default();
    let options = screen.script("/bedside/me/keys/options", json!({})).await.json();
    let credential = red.create(crate::house::BASE, &options).unwrap();
    screen.script("/bedside/me/keys/result", json!({ "credential": credential, "name": "Red key" })).await;
    other.knows_as_much_as(&one).await;
    let mut phone = other.browser();
    phone.touch(&mut amara).await;
    one.knows_as_much_as(&other).await;

    let keys: Vec<String> = one.plane.world(|world| {
        world.authenticators_of(&id("n-amara")).into_iter().map(|key| key.authenticator.to_string()).collect()
    });
    let (page, own) = (screen.get("/bedside/me").await.text, phone.get("/bedside/me").await.text);
    let remove = |key: &str| [("key".to_owned(), key.to_owned()), ("cause".to_owned(), "lost".to_owned())];
    let (a, b) = (remove(&keys[0]), remove(&keys[1]));
    let (a, b) =
        (a.each_ref().map(|(n, v)| (n.as_str(), v.as_str())), b.each_ref().map(|(n, v)| (n.as_str(), v.as_str())));
    tokio::join!(screen.form(&page, "/bedside/me/keys/remove", &a), phone.form(&own, "/bedside/me/keys/remove", &b));
    one.knows_as_much_as(&other).await;
    let left = one.plane.world(|world| world.authenticators_of(&id("n-amara")).len());
    assert_eq!(left, 1, "nobody is locked out by two tabs");
    assert_eq!(one.entries("authenticator.revoked").len(), 1);
}
