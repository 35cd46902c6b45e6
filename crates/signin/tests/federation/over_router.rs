//! Over a real provider and the real router: from the link on the sign-in page to the session, and to its end by what the provider tells.

use crate::house::{BASE, House, changed, parameter, person, provider};
use crate::over_real::listener;
use crate::real::{Browser, Wanted};
use authenticator::WorkstationKey;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use events::device::{DeviceKind, Registered as Device};
use events::session::EndCause;
use events::signin::{Attempted, Cause, Outcome, Step};
use events::{Actor, DeviceId, Event, Leaf, Seq};
use http_body_util::BodyExt as _;
use pages::Environment;
use serde_json::json;
use signin::federation::Federation;
use signin::point::{PointOfCare, Posted};
use signin::workstation::issue_code;
use std::collections::BTreeMap;
use std::time::Duration;
use tower::ServiceExt as _;

/// A workstation's browser, as the node sees it.
struct Screen {
    router: Router,
    cookies: BTreeMap<String, String>,
    key: WorkstationKey,
}

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Got {
    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).unwrap().to_str().unwrap()
    }
}

impl Screen {
    /// Sends a request with the cookies that browsers send with it: none that is `Strict` with what another site leads to.
    async fn send(&mut self, request: axum::http::request::Builder, body: String, from_elsewhere: bool) -> Got {
        let sent = self.cookies.iter().filter(|(name, _)| !from_elsewhere || name.contains("federation"));
        let cookies: Vec<String> = sent.map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header(header::COOKIE, cookies.join("; ")).body(Body::from(body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        for cookie in headers.get_all(header::SET_COOKIE) {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let body = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        Got { status, headers, text: String::from_utf8(body).unwrap() }
    }

    async fn get(&mut self, path: &str) -> Got {
        self.send(Request::get(path), String::new(), false).await
    }

    /// What a provider's page leads to.
    async fn led(&mut self, address: &str) -> Got {
        let path = address.strip_prefix(BASE).unwrap().to_owned();
        let request = Request::get(path).header("sec-fetch-site", "cross-site");
        self.send(request, String::new(), true).await
    }

    /// Proves which browser this is, as the page's script does.
    async fn proves(&mut self) {
        let ask = |body: serde_json::Value| body.to_string();
        let asked = self.posts("/bedside/renew", "application/json", ask(json!({ "device": "ws-1" }))).await;
        let asked: serde_json::Value = serde_json::from_str(&asked.text).unwrap();
        let nonce = asked["nonce"].as_str().unwrap();
        let proof = json!({ "device": "ws-1", "nonce": nonce, "signature": self.key.prove("ws-1", BASE, nonce) });
        let told = self.posts("/bedside/renew", "application/json", ask(proof)).await;
        assert!(told.text.contains("\"renewed\":true"), "{}", told.text);
    }

    async fn posts(&mut self, path: &str, kind: &str, body: String) -> Got {
        let request = Request::post(path).header(header::ORIGIN, BASE).header(header::CONTENT_TYPE, kind);
        self.send(request, body, false).await
    }
}

/// Something that is done only by whoever is sure enough.
async fn risky(State(point): State<PointOfCare>, posted: Posted<Vec<(String, String)>>) -> Response {
    if posted.by.session.level < 3 {
        return point.touch_first(&posted.by, "/bedside/risky", posted.fields).into_response();
    }
    format!("Done: {:?} {}", posted.fields, point.sign_out_path(&posted.by.session)).into_response()
}

/// The value of a hidden field on a page.
fn field(page: &str, name: &str) -> String {
    let from = page.find(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no {name} on: {page}"));
    page[from..].split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// A router over a house, and a browser that nobody knows.
fn screen(house: &House, federation: Federation) -> Screen {
    let (plane, base) = (house.plane.clone(), BASE.parse().unwrap());
    let point = PointOfCare::federating(plane, base, Environment::Development, "test", federation);
    let router = Router::new()
        .merge(signin::session::routes())
        .merge(signin::workstation::routes())
        .merge(signin::federation::routes())
        .merge(signin::fallback::routes())
        .route("/bedside/risky", post(risky))
        .with_state(point);
    Screen { router, cookies: BTreeMap::new(), key: WorkstationKey::default() }
}

/// The same, enrolled as a workstation.
async fn enrolled(house: &House, federation: Federation) -> Screen {
    let (device, kind) = (DeviceId::new("ws-1").unwrap(), DeviceKind::Workstation);
    house.tell(Device { device: device.clone(), kind, unit: None, shared: true, managed: true }).await;
    let code = issue_code(&house.plane, &device, Actor::handrail("test")).await.unwrap();
    let mut screen = screen(house, federation);
    let (x, y) = screen.key.coordinates();
    let body = json!({ "code": *code.text(), "x": x, "y": y }).to_string();
    let got = screen.posts("/workstation", "application/json", body).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text);
    screen
}

fn entries(house: &House) -> Vec<Leaf> {
    let mut found = Vec::new();
    let end = house.plane.store().head().next;
    let read = house.plane.store().read(|reader| {
        reader.scan(Seq(0), end, |_, bytes| {
            found.extend(Leaf::parse(bytes).ok());
            std::ops::ControlFlow::Continue(())
        })
    });
    read.unwrap();
    found
}

/// Every attempt to sign in, with the device it was at.
fn attempts(house: &House) -> Vec<(Attempted, Option<DeviceId>)> {
    let all = entries(house).into_iter().filter_map(|leaf| match leaf.draft.event {
        Event::SigninAttempted(attempted) if attempted.step == Step::SignIn => Some((*attempted, leaf.draft.device)),
        _ => None,
    });
    all.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_at_a_workstation_and_out_when_the_provider_says_so() {
    let (address, mut heard) = listener().await;
    let mut wanted = Wanted::new();
    wanted.client["backchannel_logout_uri"] = address.into();
    wanted.client["backchannel_logout_session_required"] = true.into();
    let (house, real) = (House::open().await, wanted.start());
    let federation = house.federation(house.settings(&real.issuer()));
    let mut screen = enrolled(&house, federation.clone()).await;

    let page = screen.get("/bedside").await;
    assert!(page.text.contains("href=\"/federation/hospital-id\"") && page.text.contains("Hospital sign-in"));
    let begun = screen.get("/federation/hospital-id").await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.text);
    let mut there = Browser::new();
    let back = there.sign_in(begun.header(header::LOCATION), "acc-nadia").await;
    let arrived = screen.led(&back).await;
    assert_eq!((arrived.status, arrived.header(header::REFRESH)), (StatusCode::OK, "0; url=/bedside"));
    assert!(
        screen.get("/bedside").await.text.contains("One moment"),
        "another site led here: the browser proves itself"
    );
    screen.proves().await;
    assert_eq!(screen.get("/bedside").await.header(header::LOCATION), "/bedside/patients");
    let session = house.plane.world(|world| world.sessions_of(&person("nadia")).next().cloned()).unwrap();
    assert_eq!((&*session.method, session.level), ("federation:hospital-id", 1));
    assert_eq!(session.workstation, Some(DeviceId::new("ws-1").unwrap()));
    assert!(session.provider_session.is_some());

    // The same answer once more, in the same browser: nothing comes of it, and the session goes on.
    let again = screen.led(&back).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
    assert!(again.text.contains("was already used"), "{}", again.text);
    let tried = attempts(&house);
    let said: Vec<_> = tried.iter().map(|(one, at)| (one.outcome, one.detail.as_deref(), at.is_some())).collect();
    assert_eq!(said, [(Outcome::Done, None, true), (Outcome::Refused, Some("answer_used"), true)]);

    let out = federation.sign_out(&provider(), &person("nadia")).await.unwrap().unwrap();
    there.sign_out(&out).await;
    let token = tokio::time::timeout(Duration::from_secs(20), heard.recv()).await.unwrap().unwrap();
    let forged = format!("logout_token={token}x");
    let (path, kind) = ("/federation/hospital-id/back-channel", "application/x-www-form-urlencoded");
    assert_eq!(screen.posts(path, kind, forged).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(house.plane.world(|world| world.sessions().count()), 1, "a forged word ends nothing");
    assert_eq!(screen.posts(path, kind, format!("logout_token={token}")).await.status, StatusCode::OK);
    assert_eq!(house.plane.world(|world| world.sessions().count()), 0);
    let ended = entries(&house).into_iter().find_map(|leaf| match leaf.draft.event {
        Event::SessionEnded(ended) => Some(ended.cause),
        _ => None,
    });
    assert_eq!(ended, Some(EndCause::ProviderSignedOut));
    assert!(screen.get("/bedside").await.text.contains("Who is there?"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_came_by_a_provider_proves_it_there_again_goes_on_and_signs_out_there_too() {
    let (house, real) = (House::open().await, Wanted::new().start());
    let mut screen = enrolled(&house, house.federation(house.settings(&real.issuer()))).await;
    let begun = screen.get("/federation/hospital-id").await;
    let mut there = Browser::new();
    let back = there.sign_in(begun.header(header::LOCATION), "acc-nadia").await;
    screen.led(&back).await;
    screen.proves().await;
    let session = || house.plane.world(|world| world.sessions_of(&person("nadia")).next().cloned()).unwrap();
    assert_eq!(session().level, 1);

    let kind = "application/x-www-form-urlencoded";
    let token = field(&screen.get("/bedside/step-up").await.text, "form_token");
    let form = format!("form_token={token}&note=two+units");
    let asked = screen.posts("/bedside/risky", kind, form.clone()).await;
    assert!(asked.text.contains("href=\"/federation/hospital-id/again\""), "{}", asked.text);
    assert!(
        asked.text.contains("Prove it by Hospital sign-in") && !asked.text.contains("data-ceremony"),
        "no key to touch"
    );
    // A link of another site sends nobody anywhere, and nobody proves it by a provider that was not theirs.
    let request = Request::get("/federation/hospital-id/again").header("sec-fetch-site", "cross-site");
    assert_eq!(screen.send(request, String::new(), false).await.header(header::LOCATION), "/bedside");
    assert_eq!(screen.get("/federation/another/again").await.status, StatusCode::FORBIDDEN);

    let sent = screen.get("/federation/hospital-id/again").await;
    let location = sent.header(header::LOCATION);
    for (name, value) in [("max_age", "0"), ("prompt", "login"), ("acr_values", "phr")] {
        assert_eq!(parameter(location, name).as_deref(), Some(value), "{location}");
    }
    tokio::time::sleep(Duration::from_millis(1100)).await;
    // Somebody else, or too little, proves nothing.
    let other = Browser::new().follow(location, &[("login", "acc-omar"), ("acr", "phr")]).await;
    assert_eq!(screen.led(&other).await.status, StatusCode::FORBIDDEN);
    assert_eq!(session().level, 1);
    let sent = screen.get("/federation/hospital-id/again").await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let back = there.follow(sent.header(header::LOCATION), &[("login", "acc-nadia"), ("acr", "phr")]).await;
    let goes_on = screen.led(&back).await;
    screen.proves().await;
    assert_eq!(goes_on.status, StatusCode::OK, "{}", goes_on.text);
    assert_eq!(session().level, 3);
    assert!(
        goes_on.text.contains("action=\"/bedside/risky\"") && goes_on.text.contains("data-go-on"),
        "{}",
        goes_on.text
    );
    assert_eq!(field(&goes_on.text, "note"), "two units");
    let form = format!("form_token={}&note=two+units", field(&goes_on.text, "form_token"));
    let done = screen.posts("/bedside/risky", kind, form).await;
    assert!(done.text.starts_with("Done: ") && done.text.ends_with("/federation/hospital-id/logout"), "{}", done.text);
    let steps = entries(&house).into_iter().filter_map(|leaf| match leaf.draft.event {
        Event::SigninAttempted(one) if one.outcome == Outcome::Done => Some(one.step),
        _ => None,
    });
    assert_eq!(steps.last(), Some(Step::StepUp));

    let out = screen.posts("/federation/hospital-id/logout", kind, format!("form_token={token}")).await;
    assert!(
        out.text.contains("You are signed out here.") && out.text.contains("Sign out there as well"),
        "{}",
        out.text
    );
    assert!(out.text.contains("/session/end?"), "{}", out.text);
    assert_eq!(house.plane.world(|world| world.sessions().count()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_is_told_kindly_with_what_helps() {
    let house = House::open().await;
    let gone = Wanted::new().start().issuer();
    let mut screen = enrolled(&house, house.federation(house.settings(&gone))).await;
    let page = screen.get("/federation/hospital-id").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.text.contains("does not answer") && page.text.contains("another key or phone"), "{}", page.text);
    let (tried, at) = attempts(&house).pop().unwrap();
    assert_eq!((tried.cause, tried.detail.as_deref()), (Some(Cause::Federation), Some("provider_unreachable")));
    assert_eq!(at, Some(DeviceId::new("ws-1").unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_signed_in_by_an_answer_that_another_browser_got() {
    let (house, real) = (House::open().await, Wanted::new().start());
    let federation = house.federation(house.settings(&real.issuer()));
    let mut screen = enrolled(&house, federation.clone()).await;
    let begun = screen.get("/federation/hospital-id").await;
    let back = Browser::new().sign_in(begun.header(header::LOCATION), "acc-nadia").await;

    // A browser that is no workstation offers it to nobody, and its answer counts for nothing.
    let mut stranger = self::screen(&house, federation);
    assert!(!stranger.get("/bedside").await.text.contains("/federation/"));
    let refused = stranger.get("/federation/hospital-id").await;
    assert!(refused.text.contains("no enrolled workstation"), "{}", refused.text);
    for address in [back.clone(), changed(&back, "state", "AAAA")] {
        assert_eq!(stranger.led(&address).await.status, StatusCode::FORBIDDEN);
    }
    // A link of another site begins nothing.
    let request = Request::get("/federation/hospital-id").header("sec-fetch-site", "cross-site");
    let led = screen.send(request, String::new(), true).await;
    assert_eq!(led.header(header::LOCATION), "/bedside");
    assert_eq!(house.plane.world(|world| world.sessions().count()), 0);
    assert_eq!(screen.led(&back).await.status, StatusCode::OK, "the browser it is for goes on");
}
