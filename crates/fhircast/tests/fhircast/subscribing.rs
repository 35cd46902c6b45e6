//! Subscribing, changing what is subscribed to, and ending it.

use crate::house::{ALL, Follower, House, SESSION, about};
use events::session::LockCause;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn anybody_learns_what_the_hub_can() {
    let house = House::open().await;
    for path in ["/.well-known/fhircast-configuration", "/fhircast/.well-known/fhircast-configuration"] {
        let (status, can) = house.send("", "GET", path, "", "").await;
        assert_eq!(status, 200);
        assert_eq!((&can["fhircastVersion"], &can["websocketSupport"]), (&json!("3.0.0"), &json!(true)));
        let events = can["eventsSupported"].as_array().unwrap();
        assert_eq!(events.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","), ALL);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_subscription_is_refused_in_words() {
    let house = House::open().await;
    let right =
        [("hub.channel.type", "websocket"), ("hub.mode", "subscribe"), ("hub.topic", SESSION), ("hub.events", ALL)];
    for (name, value, why) in [
        ("hub.channel.type", None, "`hub.channel.type` is missing"),
        ("hub.channel.type", Some("webhook"), "`hub.channel.type` has to be `websocket`"),
        ("hub.mode", Some("denied"), "`hub.mode` has to be `subscribe` or `unsubscribe`"),
        ("hub.mode", Some("unsubscribe"), "`hub.channel.endpoint` is missing"),
        ("hub.topic", None, "`hub.topic` is missing"),
        ("hub.events", None, "`hub.events` is missing"),
        ("hub.lease_seconds", Some("-1"), "`hub.lease_seconds` has to be a positive whole number"),
        ("hub.lease_seconds", Some("0"), "`hub.lease_seconds` has to be a positive whole number"),
    ] {
        let mut fields: Vec<_> = right.into_iter().filter(|(of, _)| *of != name).collect();
        fields.extend(value.map(|value| (name, value)));
        assert_eq!(house.post(&house.pharmacy, &fields).await, (400, json!(why)));
    }
    let twice: Vec<_> = right.into_iter().chain([("hub.topic", "another")]).collect();
    assert_eq!(house.post(&house.pharmacy, &twice).await, (400, json!("`hub.topic` stands twice")));
    let (status, why) = house.subscribe(&house.pharmacy, "Encounter-open,heartbeat", &[]).await;
    assert!(status == 400 && why.as_str().unwrap().contains("it tells Patient-open"), "{why}");
    assert_eq!(house.send(&house.pharmacy, "POST", "/fhircast", "text/plain", "x").await.0, 400);
    let long = "x".repeat(fhircast::FORM_BYTES_MAX + 1);
    assert_eq!(house.subscribe(&house.pharmacy, ALL, &[("subscriber.name", &long)]).await.0, 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_of_one_connection_and_no_two_are_alike() {
    let house = House::open().await;
    let pharmacy = house.follow(&house.pharmacy, ALL).await;
    assert_eq!(Follower::connect(&pharmacy.endpoint, None).await.err(), Some(404), "it is used");
    let guessed = format!("{}x", &pharmacy.endpoint[..pharmacy.endpoint.len() - 1]);
    assert_eq!(Follower::connect(&guessed, None).await.err(), Some(404));
    let other = house.follow(&house.pharmacy, ALL).await;
    let secret = |endpoint: &str| endpoint.rsplit('/').next().unwrap().to_owned();
    assert_ne!(secret(&pharmacy.endpoint), secret(&other.endpoint));
    assert_eq!(secret(&other.endpoint).len(), 43, "256 random bits");
    let path = format!("/fhircast/socket/{}", secret(&other.endpoint));
    let (status, _) = house.send(&house.pharmacy, "GET", &path, "", "").await;
    assert_eq!(status, 400, "what is no websocket is none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_changed_over_the_same_connection_and_ended_by_its_caller_alone() {
    let house = House::open().await;
    let mut pharmacy = house.follow(&house.pharmacy, "userlogout").await;
    house.press("read_chart", house.amy).await;
    let endpoint = pharmacy.endpoint.clone();
    let same = [("hub.channel.endpoint", endpoint.as_str())];
    let imaging = house.token("imaging").await;
    assert_eq!(house.subscribe(&imaging, ALL, &same).await.0, 404, "it is somebody else's");
    let (status, answer) =
        house.subscribe(&house.pharmacy, "Patient-open,UserHibernate", &[same[0], ("hub.lease_seconds", "99")]).await;
    assert_eq!((status, &answer["hub.channel.endpoint"]), (202, &json!(endpoint)));
    let confirmed = pharmacy.next().await.unwrap();
    let events = (&confirmed["hub.events"], &confirmed["hub.lease_seconds"]);
    assert_eq!(events, (&json!("Patient-open,UserHibernate"), &json!(99)));
    assert_eq!(about(&pharmacy.event("Patient-open").await), house.amy.to_string(), "it was open already");

    let unsubscribe = [
        ("hub.channel.type", "websocket"),
        ("hub.mode", "unsubscribe"),
        ("hub.topic", SESSION),
        ("hub.channel.endpoint", endpoint.as_str()),
    ];
    assert_eq!(house.post(&imaging, &unsubscribe).await.0, 404);
    let (status, answer) = house.post(&house.pharmacy, &unsubscribe).await;
    assert_eq!((status, &answer["hub.channel.endpoint"]), (202, &json!(endpoint)));
    assert_eq!(pharmacy.denied().await, "unsubscribed");
    assert_eq!(house.post(&house.pharmacy, &unsubscribe).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_ends_and_is_never_longer_than_the_session() {
    let house = House::open().await;
    let (_, answer) = house.subscribe(&house.pharmacy, ALL, &[("hub.lease_seconds", "999999")]).await;
    let mut long = Follower::connect(answer["hub.channel.endpoint"].as_str().unwrap(), None).await.unwrap();
    let lease = long.next().await.unwrap()["hub.lease_seconds"].as_u64().unwrap();
    assert_eq!(lease, 10 * 3600, "the session ends then");
    let mut short = house.follow_with(&house.pharmacy, ALL, &[("hub.lease_seconds", "1")]).await;
    assert_eq!(short.denied().await, "the time of this subscription is over");
    house.lock(LockCause::Asked).await;
    long.event("UserHibernate").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_says_so_and_gives_back_what_it_held() {
    let house = House::open().await;
    let mut pharmacy = house.follow(&house.pharmacy, ALL).await;
    house.press("read_chart", house.amy).await;
    pharmacy.event("Patient-open").await;
    assert_eq!(house.plane.live().len(), 1);
    house.stop.cancel();
    assert_eq!(pharmacy.denied().await, "this node is stopping; subscribe at another");
    house.drained().await;
    assert!(house.plane.live().is_empty());
    assert_eq!(house.subscribe(&house.pharmacy, ALL, &[]).await.0, 503);
}
