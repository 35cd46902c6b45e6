//! A hospital with a few people and workstations, the browsers that stand there, and the keys people carry: the real router over a real store.

use authenticator::{SecurityKey, WorkstationKey};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use charter::Charter;
use cluster::Cluster;
use events::device::{DeviceKind, Registered as Device};
use events::encounter::{Class, Opened, Place, Presence};
use events::principal::{IdentityClass, Registered};
use events::rota::ShiftAssigned;
use events::{Actor, DeviceId, Draft, Event, FeedName, Leaf, PatientPseudonym, Seq, Source, Timestamp};
use http_body_util::BodyExt as _;
use pages::Environment;
use plane::{Plane, SetClock, Settings};
use serde_json::{Value, json};
use signin::enrolment::{Evidence, invite};
use signin::point::PointOfCare;
use signin::workstation::issue_code;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::Batch;
use tower::ServiceExt as _;

/// Where the house is reached.
pub(crate) const BASE: &str = "http://localhost:7410";
/// The most bytes of a page with its styles.
const PAGE_AND_STYLES_MAX: usize = 30 * 1024;
const COOKIE: &str = "handrail-bedside-7410";
const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);
/// A second, for waiting.
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// An id out of a text.
pub(crate) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// A node with people, shifts and workstations.
pub(crate) struct House {
    pub(crate) plane: Plane,
    pub(crate) clock: SetClock,
    pub(crate) point: PointOfCare,
    router: Router,
    dir: tempfile::TempDir,
}

/// What came back.
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
    pub(crate) to: Option<String>,
    cookie: Option<String>,
}

impl Got {
    /// As the script reads it.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.text))
    }

    /// What the script would say.
    pub(crate) fn said(&self) -> String {
        self.json()["say"].as_str().unwrap_or_default().to_owned()
    }
}

/// Two nurses and a doctor on shift in the emergency department, a nurse elsewhere, one in theatre, and somebody whose account has ended.
pub(crate) const PEOPLE: [(&str, &str, &str); 5] = [
    ("n-amara", "nurse", "ED"),
    ("n-bea", "nurse", "ED"),
    ("d-ruiz", "doctor", "ED"),
    ("n-far", "nurse", "ICU"),
    ("n-theo", "theatre_nurse", "THEATRE"),
];
/// Who may invite staff.
pub(crate) const LEAD: &str = "n-lead";
/// Shared workstations, with their units, and one of somebody's own.
pub(crate) const WORKSTATIONS: [(&str, &str, bool); 6] = [
    ("ws-1", "ED", true),
    ("ws-2", "ED", true),
    ("ws-icu", "ICU", true),
    ("ws-or", "THEATRE", true),
    ("ws-own", "ED", false),
    ("ws-3a", "WARD-3A", true),
];

fn populate() -> Vec<Draft> {
    let mut events: Vec<Event> = Vec::new();
    for (who, role, unit) in PEOPLE {
        events.push(
            Registered {
                principal: id(who),
                class: IdentityClass::Staff,
                roles: vec![id(role)],
                name: Some(who.replace("n-", "Nurse ").replace("d-", "Doctor ").into()),
                home_unit: None,
                aliases: vec![id(&format!("badge-{who}"))],
                labels: Vec::new(),
            }
            .into(),
        );
        events.push(
            ShiftAssigned {
                shift: id(&format!("shift-{who}")),
                person: id(who),
                unit: id(unit),
                from: START - SECOND * 3_600,
                until: START + SECOND * 3_600 * 11,
                on_call: false,
            }
            .into(),
        );
    }
    // Whoever invites the others; not on shift.
    events.push(
        Registered {
            principal: id(LEAD),
            class: IdentityClass::Staff,
            roles: vec![id("charge_nurse")],
            name: Some("Nurse lead".into()),
            home_unit: None,
            aliases: Vec::new(),
            labels: Vec::new(),
        }
        .into(),
    );
    for (device, unit, shared) in WORKSTATIONS {
        let kind = DeviceKind::Workstation;
        events.push(Device { device: id(device), kind, unit: Some(id(unit)), shared, managed: true }.into());
    }
    events.into_iter().map(|event| Draft::new(Actor::handrail("test"), event)).collect()
}

/// The repository's charter.
fn starter() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter")
}

impl House {
    /// Opens one, with the starter charter.
    pub(crate) async fn open() -> Self {
        let house = Self::at(tempfile::tempdir().unwrap(), SetClock::new(START), None).await;
        house.plane.record(Batch::of(populate())).await.unwrap();
        house
    }

    /// Opens one whose `assurance.toml` is another.
    pub(crate) async fn open_with(change: impl FnOnce(&str) -> String) -> Self {
        let copied = tempfile::tempdir().unwrap();
        let charter = copied.path().join("charter");
        assert!(std::process::Command::new("cp").arg("-r").args([&starter(), &charter]).status().unwrap().success());
        let file = charter.join("assurance.toml");
        std::fs::write(&file, change(&std::fs::read_to_string(&file).unwrap())).unwrap();
        let house = Self::under(charter, tempfile::tempdir().unwrap(), SetClock::new(START), None).await;
        house.plane.record(Batch::of(populate())).await.unwrap();
        house
    }

    /// Opens two nodes over one database.
    pub(crate) async fn two() -> (Self, Self) {
        let address = Cluster::shared().database().unwrap();
        let store = || Some(store::Address::parse(&address).unwrap());
        let one = Self::at(tempfile::tempdir().unwrap(), SetClock::new(START), store()).await;
        one.plane.record(Batch::of(populate())).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let copied =
            std::process::Command::new("cp").arg("-a").arg(one.dir.path().join("keys")).arg(dir.path()).status();
        assert!(copied.unwrap().success());
        let other = Self::at(dir, one.clock.clone(), store()).await;
        (one, other)
    }

    async fn at(dir: tempfile::TempDir, clock: SetClock, store: Option<store::Address>) -> Self {
        Self::under(starter(), dir, clock, store).await
    }

    async fn under(charter: PathBuf, dir: tempfile::TempDir, clock: SetClock, store: Option<store::Address>) -> Self {
        let house = tokio::task::spawn_blocking(move || {
            let charter = Charter::load(&charter).unwrap();
            let settings = Settings::new(Arc::new(clock.clone()), "test.example/log");
            let settings = Settings { store, clock_skew_max: None, ..settings };
            let plane = Plane::open(dir.path(), Some(charter), settings).unwrap();
            let point = PointOfCare::new(plane.clone(), BASE.parse().unwrap(), Environment::Development, "test");
            Self { router: bedside::routes(point.clone()), plane, clock, point, dir }
        });
        house.await.unwrap()
    }

    /// Waits until this node has folded what another one has.
    pub(crate) async fn knows_as_much_as(&self, other: &Self) {
        let next = other.plane.world(world::World::next_seq);
        let knows = async {
            while self.plane.world(world::World::next_seq) < next {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SECOND * 30, knows).await.unwrap();
    }

    /// Time goes by.
    pub(crate) fn wait(&self, time: Duration) {
        self.clock.set(self.plane.now() + time);
    }

    /// Records something.
    pub(crate) async fn record(&self, event: impl Into<Event>) {
        self.plane.record(Batch::one(Draft::new(Actor::handrail("test"), event))).await.unwrap();
    }

    /// Somebody is in a unit, under Doctor Ruiz, by a message of the patients' feed.
    pub(crate) async fn admit(&self, number: &str, unit: &str) -> PatientPseudonym {
        let directory = self.plane.directory();
        let (patient, visit) = (directory.patient_or_new(number), directory.encounter_or_new(&format!("V{number}")));
        let writes = patient.write.into_iter().chain(visit.write).collect();
        let opened = Opened {
            encounter: visit.pseudonym,
            patient: patient.pseudonym,
            class: Class::Emergency,
            presence: Presence::Present,
            place: Place { unit: id(unit), room: None, bed: None },
            attending: vec![id("d-ruiz")],
            participants: Vec::new(),
        };
        let feed = FeedName::new("adt").unwrap();
        let source = Some(Source { feed: feed.clone(), message: format!("M{number}").into() });
        let draft = Draft { source, ..Draft::new(Actor::feed(&feed), opened) };
        self.plane.record(Batch { writes, ..Batch::one(draft) }).await.unwrap();
        patient.pseudonym
    }

    /// A browser that nobody knows.
    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser { house: self, cookie: None, device: None, key: WorkstationKey::default() }
    }

    /// An enrolled workstation.
    pub(crate) async fn workstation(&self, device: &str) -> Browser<'_> {
        let code = issue_code(&self.plane, &id::<DeviceId>(device), Actor::handrail("test")).await.unwrap();
        let mut browser = self.browser();
        let got = browser.enrol(device, &code.text()).await;
        assert_eq!(got.json()["go"], "/bedside", "{}", got.text);
        browser
    }

    /// An invitation for somebody.
    pub(crate) async fn invitation(&self, who: &str) -> String {
        self.invitation_by(LEAD, who).await
    }

    /// An invitation that somebody in particular gives.
    pub(crate) async fn invitation_by(&self, voucher: &str, who: &str) -> String {
        let evidence = Evidence { voucher: id(voucher), checked: "staff card and face".into(), proofing: 2 };
        let slip = invite(&self.plane, &id(who), evidence, Actor::handrail("test")).await.unwrap();
        slip.text().to_string()
    }

    /// A key in somebody's hand, registered.
    pub(crate) async fn key_of(&self, who: &str) -> SecurityKey {
        let (mut key, invitation) = (SecurityKey::default(), self.invitation(who).await);
        let got = self.browser().register(&mut key, &invitation).await;
        assert_eq!(got.json()["go"], "/enrol/done", "{}", got.text);
        key
    }

    /// Every entry of a kind, oldest first.
    pub(crate) fn entries(&self, kind: &str) -> Vec<Leaf> {
        let mut found = Vec::new();
        let end = self.plane.store().head().next;
        self.plane
            .store()
            .read(|reader| {
                reader.scan(Seq(0), end, |_, bytes| {
                    found.extend(Leaf::parse(bytes).ok().filter(|leaf| leaf.draft.event.kind().name == kind));
                    std::ops::ControlFlow::Continue(())
                })
            })
            .unwrap();
        found
    }
}

/// A browser: its cookie, and the key it keeps.
pub(crate) struct Browser<'a> {
    pub(crate) house: &'a House,
    pub(crate) cookie: Option<String>,
    pub(crate) device: Option<String>,
    pub(crate) key: WorkstationKey,
}

impl Browser<'_> {
    /// The same browser, brought to another node by whatever stands between.
    pub(crate) fn at<'b>(self, house: &'b House) -> Browser<'b> {
        let Self { cookie, device, key, .. } = self;
        Browser { house, cookie, device, key }
    }

    pub(crate) async fn send(&mut self, request: axum::http::request::Builder, body: Body) -> Got {
        let request = match &self.cookie {
            Some(cookie) => request.header(header::COOKIE, format!("{COOKIE}={cookie}")),
            None => request,
        };
        let response = self.house.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = |name| headers.get(name).map(|value: &header::HeaderValue| value.to_str().unwrap().to_owned());
        let cookie = text(header::SET_COOKIE);
        if let Some(cookie) = &cookie {
            let value = cookie.split_once('=').unwrap().1.split(';').next().unwrap();
            self.cookie = Some(value.to_owned());
        }
        let body = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        if text(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/html")) {
            let bytes = body.len() + pages::styles().len();
            assert!(bytes <= PAGE_AND_STYLES_MAX, "{bytes} bytes with styles: {}", String::from_utf8_lossy(&body));
        }
        Got { status, text: String::from_utf8(body).unwrap(), to: text(header::LOCATION), cookie }
    }

    /// Opens a page.
    pub(crate) async fn get(&mut self, path: &str) -> Got {
        self.send(Request::get(path), Body::empty()).await
    }

    /// What the script of one of our pages posts.
    pub(crate) async fn script(&mut self, path: &str, what: Value) -> Got {
        let request = Request::post(path)
            .header(header::ORIGIN, BASE)
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request, Body::from(what.to_string())).await
    }

    /// Sends a form of one of our pages, with the token that page has.
    pub(crate) async fn form(&mut self, page: &str, path: &str, fields: &[(&str, &str)]) -> Got {
        let token = field(page, "form_token");
        self.form_with(&token, path, fields).await
    }

    /// Sends a form with this token.
    pub(crate) async fn form_with(&mut self, token: &str, path: &str, fields: &[(&str, &str)]) -> Got {
        let mut body = format!("form_token={token}");
        for (name, value) in fields {
            let value = value.replace('%', "%25").replace('&', "%26").replace('+', "%2B").replace(' ', "+");
            body.push_str(&format!("&{name}={value}"));
        }
        let request = Request::post(path)
            .header(header::ORIGIN, BASE)
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, Body::from(body)).await
    }

    /// Enrols this browser by a code.
    pub(crate) async fn enrol(&mut self, device: &str, code: &str) -> Got {
        let (x, y) = self.key.coordinates();
        let got = self.script("/workstation", json!({ "code": code, "x": x, "y": y })).await;
        self.device = Some(device.to_owned());
        got
    }

    /// Proves which browser this is, as the script does.
    pub(crate) async fn renew(&mut self) -> Got {
        let device = self.device.clone().unwrap_or_else(|| "browser".to_owned());
        self.renew_as(&device, 0).await
    }

    /// Proves to be a device, nobody having touched the screen for so many seconds.
    pub(crate) async fn renew_as(&mut self, device: &str, idle_s: u32) -> Got {
        let asked = self.script("/bedside/renew", json!({ "device": device })).await.json();
        let nonce = asked["nonce"].as_str().unwrap().to_owned();
        let signature = self.key.prove(device, BASE, &nonce);
        let proof = json!({ "device": device, "nonce": nonce, "signature": signature, "idle_s": idle_s });
        self.script("/bedside/renew", proof).await
    }

    /// Registers a key by an invitation.
    pub(crate) async fn register(&mut self, key: &mut SecurityKey, invitation: &str) -> Got {
        let options = self.script("/enrol/options", json!({ "invitation": invitation })).await;
        let options = options.json();
        if options.get("publicKey").is_none() {
            return self.script("/enrol/options", json!({ "invitation": invitation })).await;
        }
        let credential = key.create(BASE, &options).unwrap();
        self.script("/enrol/result", json!({ "invitation": invitation, "credential": credential, "name": "Blue key" }))
            .await
    }

    /// One touch: whatever it turns out to be.
    pub(crate) async fn touch(&mut self, key: &mut SecurityKey) -> Got {
        self.ceremony("sign-in", key).await
    }

    /// A touch for something in particular.
    pub(crate) async fn ceremony(&mut self, name: &str, key: &mut SecurityKey) -> Got {
        self.ceremony_with(name, key, json!({})).await
    }

    /// A touch, with what else is in its form.
    pub(crate) async fn ceremony_with(&mut self, name: &str, key: &mut SecurityKey, fields: Value) -> Got {
        let options = self.script(&format!("/bedside/{name}/options"), fields.clone()).await;
        let made = options.json();
        if made.get("publicKey").is_none() {
            return options;
        }
        self.answer(name, key, &made, fields).await
    }

    /// A touch in answer to these options.
    pub(crate) async fn answer(&mut self, name: &str, key: &mut SecurityKey, made: &Value, fields: Value) -> Got {
        let credential = key.get(BASE, made).unwrap();
        let mut sent = fields;
        (sent["credential"], sent["elapsed_ms"], sent["interactions"]) = (credential, 900.into(), 1.into());
        if self.device.is_none() {
            let (x, y) = self.key.coordinates();
            (sent["x"], sent["y"]) = (x.into(), y.into());
        }
        self.script(&format!("/bedside/{name}/result"), sent).await
    }
}

impl Got {
    /// Whether a cookie came with it.
    pub(crate) fn gave_a_cookie(&self) -> bool {
        self.cookie.is_some()
    }
}

/// The value of a hidden field on a page.
pub(crate) fn field(page: &str, name: &str) -> String {
    let from = page.find(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no {name} on: {page}"));
    page[from..].split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}
