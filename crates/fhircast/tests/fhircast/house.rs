//! A node that listens, with a nurse signed in at a workstation, two patients, and applications that follow her over real connections.

use callers::Callers;
use charter::Charter;
use events::device::{self, DeviceKind, Posture, PostureReported};
use events::encounter::{Class, Opened, Place, Presence};
use events::principal::{IdentityClass, Registered};
use events::rota::ShiftAssigned;
use events::session::{EndCause, Ended, LockCause, Locked, Proof, Resumed, Started};
use events::workstation::{DeviceKey, Enrolled, Keeper};
use events::{Actor, CallerName, Draft, Event, Leaf, PatientPseudonym, Seq, SessionId, Source, Timestamp};
use fhircast::Hub;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::BodyExt as _;
use plane::followed::BEDSIDE;
use plane::{Ask, Identity, Plane, SetClock, Settings};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::Batch;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt as _;

pub(crate) const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
/// The nurse's session.
pub(crate) const SESSION: &str = "se-0123456789abcdef0123456789abcdef";
/// Every event there is.
pub(crate) const ALL: &str = "Patient-open,Patient-close,UserHibernate,UserLogout,SyncError";
/// How long a test waits for what has to come.
const SOON: Duration = Duration::from_secs(180);

pub(crate) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn by() -> Actor {
    Actor::local("tester").unwrap()
}

/// The files of the starter charter by their paths in it.
pub(crate) fn starter() -> BTreeMap<String, String> {
    fn read(root: &Path, dir: &Path, into: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                read(root, &path, into);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                into.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter");
    let mut files = BTreeMap::new();
    read(&root, &root, &mut files);
    files
}

/// The starter charter with something else in `systems.toml`.
pub(crate) fn with(from: &str, to: &str) -> BTreeMap<String, String> {
    let mut files = starter();
    let systems = files.get_mut("systems.toml").unwrap();
    assert!(systems.contains(from), "{from}");
    *systems = systems.replace(from, to);
    files
}

pub(crate) struct House {
    pub(crate) plane: Plane,
    pub(crate) callers: Callers,
    pub(crate) amy: PatientPseudonym,
    pub(crate) ben: PatientPseudonym,
    pub(crate) stop: CancellationToken,
    hub: Hub,
    pub(crate) address: SocketAddr,
    /// The token of the pharmacy's system.
    pub(crate) pharmacy: String,
    _keeper: DropGuard,
    pub(crate) dir: TempDir,
}

fn no_patient() -> PatientPseudonym {
    PatientPseudonym::from_bytes([0; 16])
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::with(starter()).await
    }

    /// With another charter.
    pub(crate) async fn with(files: BTreeMap<String, String>) -> Self {
        let mut house = Self::bare(files, TempDir::new().unwrap(), None).await;
        house.furnish().await;
        house.pharmacy = house.token("pharmacy").await;
        house
    }

    /// With nobody in it, in a directory and a database.
    pub(crate) async fn bare(files: BTreeMap<String, String>, dir: TempDir, database: Option<&str>) -> Self {
        let clock = SetClock::new(START);
        let store = database.map(|address| store::Address::parse(address).unwrap());
        let (path, set) = (dir.path().to_owned(), clock);
        let opened = tokio::task::spawn_blocking(move || {
            let settings = Settings::new(Arc::new(set), "test.example/log");
            let settings = Settings { store, clock_skew_max: None, ..settings };
            let charter = Charter::from_files(files).unwrap_or_else(|found| {
                let all: Vec<_> = found.iter().map(charter::Diagnostic::plain).collect();
                panic!("{}", all.join("\n"))
            });
            let plane = Plane::open(&path, Some(charter), settings).unwrap();
            let callers = Callers::new(&plane);
            (plane, callers)
        });
        let (plane, callers) = opened.await.unwrap();
        let (keeping, stop) = (CancellationToken::new(), CancellationToken::new());
        let (kept, stopped) = (plane.clone(), keeping.clone());
        tokio::spawn(async move { kept.keep_permits_true(stopped).await });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let hub = Hub::new(plane.clone(), callers.clone(), &format!("http://{address}/"), stop.clone());
        let router = fhircast::routes(hub.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let (amy, ben, pharmacy) = (no_patient(), no_patient(), String::new());
        let _keeper = keeping.drop_guard();
        Self { plane, callers, amy, ben, stop, hub, address, pharmacy, _keeper, dir }
    }

    pub(crate) async fn furnish(&mut self) {
        self.tell(Registered {
            principal: id("n-amara"),
            class: IdentityClass::Staff,
            roles: vec![id("nurse")],
            name: None,
            home_unit: None,
            aliases: Vec::new(),
            labels: Vec::new(),
        })
        .await;
        self.tell(ShiftAssigned {
            shift: id("s-amara"),
            person: id("n-amara"),
            unit: id("ED"),
            from: START - HOUR,
            until: START + 11 * HOUR,
            on_call: false,
        })
        .await;
        for (device, unit) in [("ws-ED", "ED"), ("ws-ED-2", "ED")] {
            let (device, kind, unit) = (id::<events::DeviceId>(device), DeviceKind::Workstation, Some(id(unit)));
            self.tell(device::Registered { device: device.clone(), kind, unit, shared: true, managed: true }).await;
            let key = DeviceKey { x: "eA".into(), y: "eQ".into() };
            let enrolled = Enrolled { device: device.clone(), keeper: Keeper::Browser, key, slip: "s".into() };
            self.tell(enrolled).await;
            let (posture, good_until) = (Posture::Healthy, START + 48 * HOUR);
            self.tell(PostureReported { device, posture, good_until, reason: None }).await;
        }
        self.amy = self.admit("900001").await;
        self.ben = self.admit("900002").await;
        self.sign_in().await;
    }

    /// The nurse signs in.
    pub(crate) async fn sign_in(&self) {
        let started = Started {
            session: id(SESSION),
            principal: id("n-amara"),
            workstation: Some(id("ws-ED")),
            key: None,
            proof: proof(),
            good_until: START + 10 * HOUR,
            vouched_by: None,
            review_due: None,
            provider_session: None,
        };
        self.tell(Box::new(started)).await;
    }

    /// A patient of the emergency department, as a message of the patient administration tells of them.
    async fn admit(&self, number: &str) -> PatientPseudonym {
        let patient = self.plane.directory().patient_or_new(number);
        let visit = self.plane.directory().encounter_or_new(&format!("V-{number}"));
        let opened = Opened {
            encounter: visit.pseudonym,
            patient: patient.pseudonym,
            class: Class::Emergency,
            presence: Presence::Present,
            place: Place { unit: id("ED"), room: None, bed: None },
            attending: Vec::new(),
            participants: Vec::new(),
        };
        let who = Identity {
            numbers: vec![number.into()],
            name: Some("Secret^Amy".into()),
            birth_date: Some("19561103".into()),
        };
        let source = Some(Source { feed: id("adt"), message: "1".into() });
        let batch = Batch::one(Draft { source, ..Draft::new(by(), opened) });
        let mut batch = batch.detail(0, who.detail(patient.pseudonym).unwrap());
        batch.writes.extend(patient.write.into_iter().chain(visit.write));
        self.plane.record(batch).await.unwrap();
        patient.pseudonym
    }

    /// What device management says of the workstation.
    pub(crate) async fn posture(&self, posture: Posture) {
        let (device, good_until) = (id("ws-ED"), START + 48 * HOUR);
        self.tell(PostureReported { device, posture, good_until, reason: None }).await;
    }

    pub(crate) async fn tell(&self, event: impl Into<Event>) {
        self.plane.record(Batch::one(Draft::new(by(), event))).await.unwrap();
    }

    pub(crate) async fn token(&self, caller: &str) -> String {
        self.callers.add(CallerName::new(caller).unwrap(), by()).await.unwrap().text.to_string()
    }

    pub(crate) async fn revoke(&self, caller: &str) {
        self.callers.revoke(&CallerName::new(caller).unwrap(), by()).await.unwrap();
    }

    /// Two who may sign put another charter into force.
    pub(crate) async fn put_into_force(&self, files: BTreeMap<String, String>) {
        let charter = Charter::from_files(files).unwrap();
        let digest = charter.digest();
        let number = self.plane.propose(charter, "for the test", by()).await.unwrap();
        for who in ["solveig-arden", "dagny-moreau"] {
            self.plane.sign(number, digest, &id(who), &"abcdefgh".into()).await.unwrap();
        }
        assert_eq!(self.plane.engine().charter().digest(), digest);
    }

    /// The nurse presses a button of a patient's page.
    pub(crate) async fn press(&self, action: &str, patient: PatientPseudonym) -> Seq {
        let question = json!({
            "principal": { "type": "Person", "id": "n-amara" }, "action": action,
            "resource": { "type": "Patient", "id": patient }, "session": SESSION,
            "asserted": { "context": { "device": "ws-ED" } },
        });
        let question = serde_json::from_value(question).unwrap();
        let ask = Ask { question, actor: BEDSIDE, request: None, live: false };
        let answer = self.plane.decide(ask).await.unwrap();
        assert!(answer.permits(), "{:?}", answer.made());
        answer.entry()
    }

    pub(crate) async fn lock(&self, cause: LockCause) {
        self.tell(Locked { session: id(SESSION), cause }).await;
    }

    pub(crate) async fn resume_at(&self, device: &str) {
        let workstation = Some(id(device));
        self.tell(Resumed { session: id(SESSION), workstation, proof: proof() }).await;
    }

    pub(crate) async fn end(&self, cause: EndCause) {
        self.tell(Ended { session: id::<SessionId>(SESSION), cause }).await;
    }

    pub(crate) async fn drained(&self) {
        self.hub.drained().await;
    }

    /// Every decision that one caller asked for, as recorded.
    pub(crate) fn asked_by(&self, caller: &str) -> Vec<Leaf> {
        let next = self.plane.store().head().next.0;
        let leaf = |seq| self.plane.store().read(|reader| reader.leaf(Seq(seq))).unwrap();
        let name = CallerName::new(caller).unwrap();
        let theirs = |leaf: &Leaf| {
            leaf.draft.actor == Actor::caller(&name) && matches!(leaf.draft.event, Event::DecisionMade(_))
        };
        (0..next).filter_map(leaf).filter(theirs).collect()
    }

    /// What the hub answers: the status, and the JSON if there is any.
    pub(crate) async fn send(&self, token: &str, method: &str, path: &str, kind: &str, body: &str) -> (u16, Value) {
        let mut request = axum::http::Request::builder().method(method).uri(path).header("content-type", kind);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(axum::body::Body::from(body.to_owned())).unwrap();
        let response = fhircast::routes(self.hub.clone()).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    pub(crate) async fn post(&self, token: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(token, "POST", "/fhircast", "application/x-www-form-urlencoded", &body).await
    }

    /// Asks to follow the nurse's session.
    pub(crate) async fn subscribe(&self, token: &str, events: &str, more: &[(&str, &str)]) -> (u16, Value) {
        let mut fields = vec![
            ("hub.channel.type", "websocket"),
            ("hub.mode", "subscribe"),
            ("hub.topic", SESSION),
            ("hub.events", events),
        ];
        fields.extend(more);
        self.post(token, &fields).await
    }

    /// Follows the nurse's session, confirmed.
    pub(crate) async fn follow(&self, token: &str, events: &str) -> Follower {
        self.follow_with(token, events, &[]).await
    }

    pub(crate) async fn follow_with(&self, token: &str, events: &str, more: &[(&str, &str)]) -> Follower {
        let (status, answer) = self.subscribe(token, events, more).await;
        assert_eq!(status, 202, "{answer}");
        let endpoint = answer["hub.channel.endpoint"].as_str().unwrap().to_owned();
        let mut follower = Follower::connect(&endpoint, None).await.unwrap();
        let confirmed = follower.next().await.unwrap();
        assert_eq!((&confirmed["hub.mode"], &confirmed["hub.topic"]), (&json!("subscribe"), &json!(SESSION)));
        follower
    }
}

fn proof() -> Proof {
    let (authenticator, counter, proved_at) = (None, None, None);
    Proof { method: "passkey".into(), level: 2, verified: true, authenticator, counter, proved_at }
}

/// An application that follows.
pub(crate) struct Follower {
    pub(crate) endpoint: String,
    pub(crate) socket: WebSocketStream<TcpStream>,
}

impl Follower {
    /// Connects, as the page of an origin if one is named; the status where that is refused.
    pub(crate) async fn connect(endpoint: &str, origin: Option<&str>) -> Result<Self, u16> {
        let mut request = endpoint.into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        let host = request.uri().authority().unwrap().to_string();
        let stream = TcpStream::connect(host).await.unwrap();
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(Self { endpoint: endpoint.to_owned(), socket }),
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    /// The next message, without answering it; none once the hub has closed.
    pub(crate) async fn hear(&mut self) -> Option<Value> {
        let next = async {
            loop {
                match self.socket.next().await? {
                    Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                    Ok(Message::Close(_)) | Err(_) => return None,
                    Ok(_) => {}
                }
            }
        };
        tokio::time::timeout(SOON, next).await.expect("nothing came")
    }

    /// The next message, answered as one that follows does.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let message = self.hear().await?;
        if let Some(event) = message["id"].as_str() {
            self.answer(event, &json!("200")).await;
        }
        Some(message)
    }

    /// The next message, which has to be this event; with whose patient it is about.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        let message = self.next().await.unwrap_or_else(|| panic!("closed, and no {name}"));
        assert_eq!(message["event"]["hub.event"], name, "{message}");
        assert_eq!(message["event"]["hub.topic"], SESSION);
        message
    }

    /// The next message, which has to be the last: why it ended.
    pub(crate) async fn denied(&mut self) -> String {
        let message = self.next().await.expect("closed without a word");
        assert_eq!(message["hub.mode"], "denied", "{message}");
        assert_eq!(self.next().await, None, "and the connection closes");
        message["hub.reason"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn answer(&mut self, event: &str, status: &Value) {
        self.say(&json!({ "id": event, "status": status }).to_string()).await;
    }

    pub(crate) async fn say(&mut self, text: &str) {
        // Whoever was told that it is over may be gone.
        let _gone = self.socket.send(Message::text(text)).await;
    }
}

/// The FHIR id of the patient an event is about.
pub(crate) fn about(event: &Value) -> String {
    let resource = &event["event"]["context"][0]["resource"];
    resource["id"].as_str().unwrap_or_else(|| panic!("{event}")).replace('-', "_")
}
