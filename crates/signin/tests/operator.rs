//! Operators sign in, are recognised and sign out, through the real router over a real store.

#![expect(clippy::unwrap_used, reason = "tests")]

use axum::Router;
use axum::body::Body;
use axum::extract::FromRef;
use axum::http::{Method, Request, StatusCode, header};
use axum::routing::{get, post};
use charter::Charter;
use events::{Actor, Event, OperatorId, Seq, Timestamp};
use http_body_util::BodyExt as _;
use pages::Environment;
use plane::{Plane, SetClock, Settings};
use serde::Deserialize;
use signin::operator::{
    Desk, Door, FORM_BYTES_MAX, LINK_LIFETIME, Operator, Posted, SESSION_IDLE, SESSION_LIFETIME, issue_link, live,
    revoke,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt as _;

const BASE: &str = "http://127.0.0.1:7410";
const COOKIE: &str = "handrail-operator-7410";
const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);
const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct App(Desk);

impl FromRef<App> for Desk {
    fn from_ref(app: &App) -> Self {
        app.0.clone()
    }
}

#[derive(Deserialize)]
struct Colour {
    colour: String,
}

async fn look(operator: Operator) -> String {
    format!("{} {}", operator.id(), operator.form_token())
}

async fn paint(posted: Posted<Colour>) -> String {
    format!("{} paints {}", posted.operator.id(), posted.fields.colour)
}

async fn careless(operator: Operator) -> String {
    format!("{} changed something without a form", operator.id())
}

struct House {
    plane: Plane,
    clock: SetClock,
    router: Router,
    dir: tempfile::TempDir,
}

fn open(dir: &Path, clock: &SetClock, seed: Option<Charter>) -> Plane {
    let settings = Settings::new(Arc::new(clock.clone()), "test.example/log");
    Plane::open(dir, seed, settings).unwrap()
}

fn router(plane: &Plane, base: &str) -> Router {
    let desk = Desk::new(plane.clone(), base.parse().unwrap(), Environment::Development, "test");
    Router::new()
        .route("/look", get(look))
        .route("/paint", post(paint))
        .route("/careless", post(careless))
        .merge(signin::operator::routes())
        .with_state(App(desk))
}

async fn house_at(base: &str) -> House {
    let base = base.to_owned();
    tokio::task::spawn_blocking(move || {
        let (dir, clock) = (tempfile::tempdir().unwrap(), SetClock::new(START));
        let charter = Charter::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter")).unwrap();
        let plane = open(dir.path(), &clock, Some(charter));
        House { router: router(&plane, &base), plane, clock, dir }
    })
    .await
    .unwrap()
}

async fn house() -> House {
    house_at(BASE).await
}

struct Got {
    status: StatusCode,
    cookie: Option<String>,
    text: String,
}

impl House {
    async fn send(&self, request: Request<Body>) -> Got {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let cookie = response.headers().get(header::SET_COOKIE).map(|value| value.to_str().unwrap().to_owned());
        let text = String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Got { status, cookie, text }
    }

    async fn get(&self, path: &str, cookie: &str) -> Got {
        self.send(Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, cookie: &str, origin: &str, form: String) -> Got {
        let request = Request::post(path)
            .header(header::COOKIE, cookie)
            .header(header::ORIGIN, origin)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form)).unwrap()).await
    }

    async fn link(&self) -> String {
        let operator = OperatorId::new("m.keller").unwrap();
        let link = issue_link(&self.plane, operator, Actor::local("uid 0").unwrap()).await.unwrap();
        link.path.to_string()
    }

    /// A session's cookie, and its form token.
    async fn signed_in(&self) -> (String, String) {
        let path = self.link().await;
        let got = self.post("/sign-in", "", BASE, format!("form_token={}", path.rsplit('/').next().unwrap())).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.text);
        let cookie = got.cookie.unwrap().split(';').next().unwrap().to_owned();
        let looked = self.get("/look", &cookie).await;
        assert_eq!(looked.status, StatusCode::OK);
        (cookie, looked.text.split_once(' ').unwrap().1.to_owned())
    }

    fn kinds(&self) -> Vec<&'static str> {
        let end = self.plane.store().head().next;
        let leaf = |seq| self.plane.store().read(|reader| reader.leaf(Seq(seq))).unwrap().unwrap();
        (0..end.0).map(|seq| leaf(seq).draft.event.kind().name).collect()
    }
}

fn secret(path: &str) -> String {
    path.rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn looking_at_a_link_does_not_use_it_up_and_using_it_does() {
    let house = house().await;
    let path = house.link().await;
    for _ in 0..3 {
        let shown = house.get(&path, "").await;
        assert_eq!(shown.status, StatusCode::OK);
        assert!(shown.text.contains("Sign in") && shown.text.contains("m.keller"), "{}", shown.text);
        assert!(shown.cookie.is_none());
    }
    let form = format!("form_token={}", secret(&path));
    let used = house.post("/sign-in", "", BASE, form.clone()).await;
    assert_eq!(used.status, StatusCode::SEE_OTHER);
    let again = house.post("/sign-in", "", BASE, form).await;
    assert_eq!(again.status, StatusCode::GONE);
    assert!(again.cookie.is_none());
    assert_eq!(house.get(&path, "").await.status, StatusCode::GONE);
    assert_eq!(house.kinds(), ["charter.applied", "operator.link_issued", "operator.signed_in"]);
}

#[tokio::test]
async fn of_many_who_use_a_link_at_once_one_is_signed_in() {
    let house = Arc::new(house().await);
    let form = format!("form_token={}", secret(&house.link().await));
    let tries: Vec<_> = (0..8)
        .map(|_| {
            let (house, form) = (Arc::clone(&house), form.clone());
            tokio::spawn(async move { house.post("/sign-in", "", BASE, form).await.status })
        })
        .collect();
    let mut signed_in = 0;
    for attempt in tries {
        signed_in += usize::from(attempt.await.unwrap() == StatusCode::SEE_OTHER);
    }
    assert_eq!(signed_in, 1);
}

#[tokio::test]
async fn a_link_is_worthless_after_its_time() {
    let house = house().await;
    let path = house.link().await;
    house.clock.set(START + LINK_LIFETIME - SECOND);
    assert_eq!(house.get(&path, "").await.status, StatusCode::OK);
    house.clock.set(START + LINK_LIFETIME);
    assert_eq!(house.get(&path, "").await.status, StatusCode::GONE);
    let form = format!("form_token={}", secret(&path));
    assert_eq!(house.post("/sign-in", "", BASE, form).await.status, StatusCode::GONE);
}

#[tokio::test]
async fn wrong_links_and_cookies_answer_alike_and_open_nothing() {
    let house = house().await;
    let path = house.link().await;
    let (id, _) = secret(&path).split_once('.').map(|(id, rest)| (id.to_owned(), rest.to_owned())).unwrap();
    let forged = format!("{id}.{}", "A".repeat(43));
    let unknown = house.get("/sign-in/nonsense", "").await;
    for wrong in [
        format!("/sign-in/{forged}"),
        "/sign-in/%00".into(),
        format!("/sign-in/{}", "x".repeat(5000)),
        "/sign-in/a.b".into(),
    ] {
        let got = house.get(&wrong, "").await;
        assert_eq!((got.status, got.text == unknown.text), (StatusCode::GONE, true), "{wrong}");
    }
    for cookie in
        ["", &format!("{COOKIE}={forged}"), &format!("{COOKIE}=;"), &format!("{COOKIE}={}", "é".repeat(40)), "other=1"]
    {
        let got = house.get("/look", cookie).await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{cookie}");
        assert!(got.text.contains("handrail operator link"), "{}", got.text);
    }
    assert_eq!(house.get(&path, "").await.status, StatusCode::OK, "the link still works");
}

#[tokio::test]
async fn the_cookie_is_kept_from_scripts_other_sites_and_plain_connections() {
    let house = house().await;
    let form = format!("form_token={}", secret(&house.link().await));
    let cookie = house.post("/sign-in", "", BASE, form).await.cookie.unwrap();
    assert!(cookie.starts_with("handrail-operator-7410="), "{cookie}");
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "browsers would not send it back over plain HTTP: {cookie}");

    let base = "https://handrail.example";
    let house = house_at(base).await;
    let form = format!("form_token={}", secret(&house.link().await));
    let cookie = house.post("/sign-in", "", base, form).await.cookie.unwrap();
    assert!(cookie.starts_with("__Host-handrail-operator=") && cookie.contains("Secure"), "{cookie}");
}

#[tokio::test]
async fn a_session_ends_at_its_time_and_without_use() {
    let house = house().await;
    let (cookie, _) = house.signed_in().await;
    let mut now = START;
    while now + SESSION_IDLE - SECOND < START + SESSION_LIFETIME {
        now = now + SESSION_IDLE - SECOND;
        house.clock.set(now);
        assert_eq!(house.get("/look", &cookie).await.status, StatusCode::OK, "in use at {now}");
    }
    house.clock.set(START + SESSION_LIFETIME);
    assert_eq!(house.get("/look", &cookie).await.status, StatusCode::UNAUTHORIZED, "its time is over");
}

#[tokio::test]
async fn a_page_that_loads_itself_again_does_not_keep_a_session_alive() {
    let house = house().await;
    let (cookie, _) = house.signed_in().await;
    for minute in 1..30 {
        house.clock.set(START + SECOND * 60 * minute);
        assert_eq!(house.get("/look?live=1", &cookie).await.status, StatusCode::OK);
    }
    house.clock.set(START + SESSION_IDLE);
    assert_eq!(house.get("/look?live=1", &cookie).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_is_recorded() {
    let house = house().await;
    let (cookie, token) = house.signed_in().await;
    let out = house.post("/sign-out", &cookie, BASE, format!("form_token={token}")).await;
    assert_eq!(out.status, StatusCode::OK);
    assert!(out.cookie.unwrap().contains("Max-Age=0"));
    assert_eq!(house.get("/look", &cookie).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(house.kinds().last(), Some(&"operator.signed_out"));
}

#[tokio::test]
async fn revoking_ends_every_link_and_session_of_one_operator_at_once() {
    let house = house().await;
    let (cookie, token) = house.signed_in().await;
    let (second, _) = house.signed_in().await;
    let unused = house.link().await;
    let other = OperatorId::new("a.other").unwrap();
    let others = issue_link(&house.plane, other.clone(), Actor::local("uid 0").unwrap()).await.unwrap();
    let doors = || {
        let live = live(&house.plane, None).unwrap();
        live.into_iter().map(|live| (live.operator.to_string(), live.door)).collect::<Vec<_>>()
    };
    let keller = || "m.keller".to_owned();
    let mine = [(keller(), Door::Link), (keller(), Door::Session), (keller(), Door::Session)];
    assert_eq!(doors(), [&[("a.other".to_owned(), Door::Link)][..], &mine].concat());

    revoke(&house.plane, &OperatorId::new("m.keller").unwrap(), Actor::local("uid 0").unwrap()).await.unwrap();
    assert_eq!(house.kinds().last(), Some(&"operator.revoked"));
    assert_eq!(doors(), [("a.other".to_owned(), Door::Link)]);
    for cookie in [&cookie, &second] {
        assert_eq!(house.get("/look", cookie).await.status, StatusCode::UNAUTHORIZED);
    }
    let painted = house.post("/paint", &cookie, BASE, format!("form_token={token}&colour=blue")).await;
    assert_eq!(painted.status, StatusCode::UNAUTHORIZED);
    let form = |path: &str| format!("form_token={}", secret(path));
    assert_eq!(house.post("/sign-in", "", BASE, form(&unused)).await.status, StatusCode::GONE);
    assert_eq!(house.post("/sign-in", "", BASE, form(&others.path)).await.status, StatusCode::SEE_OTHER);
    house.signed_in().await;
}

#[tokio::test]
async fn a_session_nobody_uses_is_not_listed() {
    let house = house().await;
    house.signed_in().await;
    assert_eq!(live(&house.plane, None).unwrap().len(), 1);
    house.clock.set(START + SESSION_IDLE);
    assert!(live(&house.plane, None).unwrap().is_empty());
}

#[tokio::test]
async fn a_form_counts_only_from_our_own_page_with_its_token() {
    let house = house().await;
    let (cookie, token) = house.signed_in().await;
    let form = |token: &str| format!("form_token={token}&colour=blue");
    let good = house.post("/paint", &cookie, BASE, form(&token)).await;
    assert_eq!((good.status, good.text.as_str()), (StatusCode::OK, "m.keller paints blue"));

    let (_, other) = house.signed_in().await;
    for (origin, token, what) in [
        ("https://evil.example", token.as_str(), "another site"),
        ("null", &token, "a sandbox"),
        (BASE, "", "no token"),
        (BASE, "AAAA", "a wrong token"),
        (BASE, &other, "another session's token"),
    ] {
        let got = house.post("/paint", &cookie, origin, form(token)).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{what}");
    }
    let silent = Request::post("/paint")
        .header(header::COOKIE, &cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form(&token)))
        .unwrap();
    assert_eq!(house.send(silent).await.status, StatusCode::FORBIDDEN, "a browser that says nothing");
    assert_eq!(house.post("/paint", "", BASE, form(&token)).await.status, StatusCode::UNAUTHORIZED);
    for unfinished in ["colour=blue".to_owned(), format!("form_token={token}")] {
        assert_eq!(house.post("/paint", &cookie, BASE, unfinished).await.status, StatusCode::BAD_REQUEST);
    }
    let huge = format!("form_token={token}&colour={}", "x".repeat(FORM_BYTES_MAX));
    assert_eq!(house.post("/paint", &cookie, BASE, huge).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_handler_that_only_asks_who_looks_cannot_change_anything() {
    let house = house().await;
    let (cookie, token) = house.signed_in().await;
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let request = Request::builder()
            .method(method)
            .uri("/careless")
            .header(header::COOKIE, &cookie)
            .header(header::ORIGIN, BASE);
        let got = house.send(request.body(Body::from(format!("form_token={token}"))).unwrap()).await;
        assert!(matches!(got.status, StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED), "{}", got.status);
    }
}

#[tokio::test]
async fn another_site_cannot_sign_somebody_in() {
    let house = house().await;
    let path = house.link().await;
    let got = house.post("/sign-in", "", "https://evil.example", format!("form_token={}", secret(&path))).await;
    assert_eq!(got.status, StatusCode::FORBIDDEN);
    assert!(got.cookie.is_none());
    assert_eq!(house.get(&path, "").await.status, StatusCode::OK, "the link was not used up");
}

#[tokio::test]
async fn no_secret_is_in_the_store_or_the_ledger() {
    let house = house().await;
    let path = house.link().await;
    let form = format!("form_token={}", secret(&path));
    let got = house.post("/sign-in", "", BASE, form).await;
    let cookie = got.cookie.unwrap();
    let session = cookie.split(['=', ';']).nth(1).unwrap().split_once('.').unwrap().1.to_owned();
    let link = secret(&path).split_once('.').unwrap().1.to_owned();
    let end = house.plane.store().head().next;
    for seq in 0..end.0 {
        let bytes = house.plane.store().read(|reader| reader.leaf_bytes(Seq(seq))).unwrap().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains(&link) && !text.contains(&session), "{text}");
    }
    for file in std::fs::read_dir(house.dir.path()).unwrap().filter_map(Result::ok).filter(|f| f.path().is_file()) {
        let bytes = std::fs::read(file.path()).unwrap();
        for secret in [&link, &session] {
            assert!(
                !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
                "{}",
                file.path().display()
            );
        }
    }
}

#[tokio::test]
async fn a_session_survives_a_restart_while_it_would_not_have_been_idle() {
    let house = house().await;
    let (cookie, _) = house.signed_in().await;
    let House { plane, clock, router: old, dir } = house;
    let again = tokio::task::spawn_blocking(move || {
        drop(old);
        plane.close();
        drop(plane);
        let plane = open(dir.path(), &clock, None);
        House { router: router(&plane, BASE), plane, clock, dir }
    })
    .await
    .unwrap();
    assert_eq!(again.get("/look", &cookie).await.status, StatusCode::OK);
    let leaf = again.plane.store().read(|reader| reader.leaf(Seq(2))).unwrap().unwrap();
    let Event::OperatorSignedIn(body) = leaf.draft.event else { panic!("not a sign-in") };
    assert_eq!(body.good_until, leaf.recorded_at + SESSION_LIFETIME);
}
