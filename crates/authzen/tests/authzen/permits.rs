//! Permits that stay live, over HTTP: opened, watched, given back, and nobody else's business.

use crate::house::{House, PATIENT, START, id, question, request, settled};
use axum::body::{Body, BodyDataStream};
use axum::http::{Method, StatusCode, header};
use cluster::{Cluster, Wire, at_ports};
use events::rota::ShiftWithdrawn;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use std::time::Duration;
use tower::ServiceExt as _;

const PATH: &str = "/handrail/v1/permits";
/// Only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

async fn opened(house: &House) -> u64 {
    let got = house.post(PATH, &question("n-amara", "record_observations", PATIENT)).await;
    assert_eq!((got.status, got.decision()), (StatusCode::CREATED, true));
    got.json()["context"]["entry"].as_u64().unwrap()
}

/// A watch, read event by event.
struct Watch {
    stream: BodyDataStream,
    text: String,
}

impl Watch {
    async fn open(house: &House, entry: u64) -> Self {
        let request = request(Method::GET, &format!("{PATH}/{entry}/watch"), &house.ehr).body(Body::empty()).unwrap();
        let response = house.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Self { stream: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event's name and data; nothing at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let prefix = format!("{name}:");
                    event.lines().find_map(|line| line.strip_prefix(&prefix)).map(|value| value.trim_start().to_owned())
                };
                let found = field("event").zip(field("data"));
                let rest = rest.to_owned();
                let event = found.map(|(name, data)| (name, serde_json::from_str(&data).unwrap()));
                self.text = rest;
                match event {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let more = tokio::time::timeout(PATIENCE, self.stream.next()).await.expect("the watch goes on");
            self.text.push_str(std::str::from_utf8(&more?.unwrap()).unwrap());
        }
    }
}

#[tokio::test]
async fn a_permit_opens_and_its_standing_can_be_asked() {
    let house = House::open().await;
    let got = house.post(PATH, &question("n-amara", "record_observations", PATIENT)).await;
    assert_eq!(got.status, StatusCode::CREATED);
    insta::assert_json_snapshot!("live_permit", settled(got.json()));
    let entry = got.json()["context"]["entry"].as_u64().unwrap();
    let standing = house.get(&house.ehr, &format!("{PATH}/{entry}")).await;
    let expires_at = (START + plane::LIVE_MAX).to_string();
    assert_eq!(standing.json(), json!({ "permit": entry, "standing": "holds", "expires_at": expires_at }));
}

#[tokio::test]
async fn a_deny_opens_nothing() {
    let house = House::open().await;
    let got = house.post(PATH, &question("n-bo", "record_observations", PATIENT)).await;
    assert_eq!((got.status, got.decision()), (StatusCode::OK, false));
    assert!(got.json()["context"].get("live").is_none());
    let entry = got.json()["context"]["entry"].as_u64().unwrap();
    assert_eq!(house.get(&house.ehr, &format!("{PATH}/{entry}")).await.status, StatusCode::NOT_FOUND);
    assert!(house.plane.live().is_empty());
    // An evaluation does not stay live either.
    let got = house.evaluate(&question("n-amara", "record_observations", PATIENT)).await;
    let entry = got.json()["context"]["entry"].as_u64().unwrap();
    assert_eq!(house.get(&house.ehr, &format!("{PATH}/{entry}")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_watch_says_that_it_holds_and_then_that_it_ended() {
    let mut house = House::open().await;
    house.keep();
    let entry = opened(&house).await;
    let mut watch = Watch::open(&house, entry).await;
    assert_eq!(watch.next().await, Some(("holds".into(), json!({ "standing": "holds" }))));
    house.tell(ShiftWithdrawn { shift: id("s-n-amara"), person: id("n-amara") }).await;
    let told = json!({ "standing": "ended", "cause": "facts_changed", "mode": "read_only" });
    assert_eq!(watch.next().await, Some(("ended".into(), told)));
    assert_eq!(watch.next().await, None, "the stream ends with the permit");
    assert_eq!(house.get(&house.ehr, &format!("{PATH}/{entry}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.get(&house.ehr, &format!("{PATH}/{entry}/watch")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_permit_ends_with_its_time() {
    let mut house = House::open().await;
    house.keep();
    let entry = opened(&house).await;
    let mut watch = Watch::open(&house, entry).await;
    assert_eq!(watch.next().await.unwrap().0, "holds");
    house.clock.set(START + plane::LIVE_MAX);
    let (name, told) = watch.next().await.unwrap();
    assert_eq!((name.as_str(), &told["cause"]), ("ended", &json!("expired")));
}

#[tokio::test]
async fn a_permit_given_back_ends_every_watch() {
    let house = House::open().await;
    let entry = opened(&house).await;
    let (mut one, mut two) = (Watch::open(&house, entry).await, Watch::open(&house, entry).await);
    assert_eq!(one.next().await.unwrap().0, "holds");
    let got = house.delete(&house.ehr, &format!("{PATH}/{entry}")).await;
    assert_eq!((got.status, got.bytes.len()), (StatusCode::NO_CONTENT, 0));
    let (name, told) = one.next().await.unwrap();
    assert_eq!((name.as_str(), &told["cause"]), ("ended", &json!("released")));
    // Whoever had not looked yet learns only how it stands.
    assert_eq!(two.next().await.unwrap().0, "ended");
    assert_eq!((one.next().await, two.next().await), (None, None));
    assert_eq!(house.delete(&house.ehr, &format!("{PATH}/{entry}")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn another_callers_permit_looks_like_none() {
    let house = House::open().await;
    let entry = opened(&house).await;
    let (other, same) = (house.token("imaging").await, house.token("ehr").await);
    let nothing = house.get(&other, &format!("{PATH}/999999")).await;
    assert_eq!((nothing.status, nothing.message().as_str()), (StatusCode::NOT_FOUND, "no such live permit"));
    for (method, path) in [
        (Method::GET, format!("{PATH}/{entry}")),
        (Method::GET, format!("{PATH}/{entry}/watch")),
        (Method::DELETE, format!("{PATH}/{entry}")),
    ] {
        let got = house.send(request(method, &path, &other).body(Body::empty()).unwrap()).await;
        assert_eq!((got.status, got.bytes), (nothing.status, nothing.bytes.clone()), "{path}");
    }
    assert!(house.plane.live().find(events::Seq(entry)).is_some(), "it is still there");
    // A second token of the same caller is the same caller.
    assert_eq!(house.get(&same, &format!("{PATH}/{entry}")).await.status, StatusCode::OK);
    assert_eq!(house.delete(&same, &format!("{PATH}/{entry}")).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_caller_that_is_revoked_loses_its_permits_and_its_watches_are_told() {
    let mut house = House::open().await;
    house.keep();
    let entry = opened(&house).await;
    let theirs = {
        let token = house.token("imaging").await;
        let got = house.post_as(&token, PATH, &question("n-amara", "record_observations", PATIENT)).await;
        got.json()["context"]["entry"].as_u64().unwrap()
    };
    let mut watch = Watch::open(&house, entry).await;
    assert_eq!(watch.next().await.unwrap().0, "holds");
    house.callers.revoke(&id("ehr"), crate::house::by()).await.unwrap();
    let told = json!({ "standing": "ended", "cause": "caller_revoked", "mode": "now" });
    assert_eq!(watch.next().await, Some(("ended".into(), told)));
    assert_eq!(watch.next().await, None);
    assert_eq!(house.get(&house.ehr, &format!("{PATH}/{entry}")).await.status, StatusCode::UNAUTHORIZED);
    // The end is recorded, and another caller's permit goes on.
    let recorded = tokio::time::timeout(PATIENCE, async {
        while house.plane.live().find(events::Seq(entry)).is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    recorded.await.expect("the end is recorded");
    assert!(house.plane.live().find(events::Seq(theirs)).is_some());
}

#[tokio::test]
async fn a_watch_ends_with_the_node() {
    let mut house = House::open().await;
    let entry = opened(&house).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let api = authzen::Api::new(house.plane.clone(), house.callers.clone(), crate::house::BASE).until(stop.clone());
    house.router = authzen::routes(api);
    let mut watch = Watch::open(&house, entry).await;
    assert_eq!(watch.next().await.unwrap().0, "holds");
    stop.cancel();
    assert_eq!(watch.next().await, None, "nothing is said of a permit that goes on");
    assert_eq!(house.get(&house.ehr, &format!("{PATH}/{entry}")).await.json()["standing"], "holds");
}

#[tokio::test]
async fn one_caller_watches_only_so_many_permits_and_may_again_when_it_lets_go() {
    const WATCHES_MAX: usize = 4096;
    let house = House::open().await;
    let entry = house.post("/handrail/v1/permits", &question("n-amara", "read_chart", PATIENT)).await.json()["context"]
        ["entry"]
        .as_u64()
        .unwrap();
    let open = async || {
        let path = format!("/handrail/v1/permits/{entry}/watch");
        let request = request(Method::GET, &path, &house.ehr).body(Body::empty()).unwrap();
        house.router.clone().oneshot(request).await.unwrap()
    };
    let mut watching = Vec::new();
    for _ in 0..WATCHES_MAX {
        let watch = open().await;
        assert_eq!(watch.status(), StatusCode::OK);
        watching.push(watch);
    }
    assert_eq!(open().await.status(), StatusCode::TOO_MANY_REQUESTS);
    watching.pop();
    assert_eq!(open().await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_cut_off_closes_every_watch_and_says_why_until_it_is_not() {
    let cluster = Cluster::shared();
    let wire = Wire::to(cluster.port()).unwrap();
    let mut house = House::of(&at_ports(&cluster.database().unwrap(), &[wire.port()])).await;
    house.keep();
    let entry = opened(&house).await;
    let mut watch = Watch::open(&house, entry).await;
    let holds = Some(("holds".into(), json!({ "standing": "holds" })));
    assert_eq!(watch.next().await, holds);

    wire.cut();
    let unknown = json!({ "standing": "unknown", "cause": "cut_off", "mode": "now" });
    assert_eq!(watch.next().await, Some(("unknown".into(), unknown.clone())));
    assert_eq!(watch.next().await, None, "and the stream ends");
    assert_eq!(Watch::open(&house, entry).await.next().await, Some(("unknown".into(), unknown)));
    let standing = house.get(&house.ehr, &format!("{PATH}/{entry}")).await.json();
    assert_eq!((&standing["standing"], &standing["cause"]), (&json!("unknown"), &json!("cut_off")));
    // Nobody is given anything that this node could not take back, and nobody is told who may do what.
    let refused = house.post(PATH, &question("n-amara", "record_observations", PATIENT)).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.message().contains("cut off"), "{}", refused.message());
    let sought = json!({
        "subject": { "type": "Person", "id": "n-amara" },
        "resource": { "type": "Patient", "id": PATIENT },
    });
    let refused = house.post("/access/v1/search/action", &sought).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{refused:?}");

    // The permit itself goes on: it ended nowhere.
    wire.mend();
    let known = async {
        while house.plane.lost().is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, known).await.expect("it comes back");
    let mut again = Watch::open(&house, entry).await;
    assert_eq!(again.next().await, holds);
    assert_eq!(house.delete(&house.ehr, &format!("{PATH}/{entry}")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(again.next().await.unwrap().0, "ended");
}
