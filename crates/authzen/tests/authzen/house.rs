//! A node with two nurses, three patients and tokens, and what its router answers.

use authzen::Api;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use callers::Callers;
use charter::Charter;
use events::Source;
use events::device::{self, DeviceKind, Posture, PostureReported};
use events::encounter::{Class, Opened, Place, Presence};
use events::patient::{Labelled, Merged};
use events::principal::{IdentityClass, Registered};
use events::rota::ShiftAssigned;
use events::{Actor, CallerName, Draft, Event, Leaf, PatientPseudonym, Seq, Timestamp};
use http_body_util::BodyExt as _;
use plane::{Plane, SetClock, Settings};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::Batch;
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt as _;

pub(crate) const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const BASE: &str = "https://handrail.harbour-general.example";

/// In the emergency department.
pub(crate) const PATIENT: &str = "900001";
/// Merged into [`PATIENT`].
pub(crate) const MERGED: &str = "900002";
/// In the emergency department, with the label `vip`.
pub(crate) const VIP: &str = "900007";
/// Nobody's number.
pub(crate) const NOBODY: &str = "900404";

pub(crate) struct House {
    pub(crate) plane: Plane,
    pub(crate) clock: SetClock,
    pub(crate) callers: Callers,
    pub(crate) router: Router,
    /// A token of the record system.
    pub(crate) ehr: String,
    _keeper: Option<DropGuard>,
    _dir: TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.bytes)))
    }

    pub(crate) fn decision(&self) -> bool {
        assert!(self.status.is_success(), "{self:?}");
        self.json()["decision"].as_bool().expect("a decision")
    }

    /// The message of an error: one JSON string.
    pub(crate) fn message(&self) -> String {
        self.json().as_str().expect("one JSON string").to_owned()
    }
}

pub(crate) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn by() -> Actor {
    Actor::local("tester").unwrap()
}

/// The files of the starter charter by their paths in it.
pub(crate) fn starter() -> BTreeMap<String, String> {
    charter_in("charter")
}

/// The files of a charter in the repository by their paths in it.
pub(crate) fn charter_in(folder: &str) -> BTreeMap<String, String> {
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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let mut files = BTreeMap::new();
    read(&root, &root, &mut files);
    files
}

pub(crate) fn charter(files: BTreeMap<String, String>) -> Charter {
    Charter::from_files(files).unwrap_or_else(|found| {
        let all: Vec<_> = found.iter().map(charter::Diagnostic::plain).collect();
        panic!("{}", all.join("\n"))
    })
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::with(starter()).await
    }

    /// With another charter.
    pub(crate) async fn with(files: BTreeMap<String, String>) -> Self {
        let mut house = Self::bare(files).await;
        house.furnish().await;
        house.ehr = house.token("ehr").await;
        house
    }

    /// With another charter, and nobody in it.
    pub(crate) async fn bare(files: BTreeMap<String, String>) -> Self {
        Self::bare_at(files, None).await
    }

    /// A node of a database of a server.
    pub(crate) async fn of(address: &str) -> Self {
        let mut house = Self::bare_at(starter(), Some(store::Address::parse(address).unwrap())).await;
        house.furnish().await;
        house.ehr = house.token("ehr").await;
        house
    }

    async fn bare_at(files: BTreeMap<String, String>, store: Option<store::Address>) -> Self {
        let (dir, clock) = (TempDir::new().unwrap(), SetClock::new(START));
        let (path, set) = (dir.path().to_owned(), clock.clone());
        let opened = tokio::task::spawn_blocking(move || {
            let settings = Settings::new(Arc::new(set), "test.example/log");
            let settings = Settings { store, clock_skew_max: None, ..settings };
            let plane = Plane::open(&path, Some(charter(files)), settings).unwrap();
            let callers = Callers::new(&plane);
            (plane, callers)
        });
        let (plane, callers) = opened.await.unwrap();
        let router = authzen::routes(Api::new(plane.clone(), callers.clone(), BASE));
        Self { plane, clock, callers, router, ehr: String::new(), _keeper: None, _dir: dir }
    }

    async fn furnish(&self) {
        for (who, roles, unit) in
            [("n-amara", vec!["nurse"], "ED"), ("n-bo", vec!["nurse"], "WARD-3A"), ("d-cai", vec!["doctor"], "WARD-3B")]
        {
            self.tell(Registered {
                principal: id(who),
                class: IdentityClass::Staff,
                roles: roles.into_iter().map(id).collect(),
                name: None,
                home_unit: None,
                aliases: Vec::new(),
                labels: Vec::new(),
            })
            .await;
            self.tell(ShiftAssigned {
                shift: id(&format!("s-{who}")),
                person: id(who),
                unit: id(unit),
                from: START - HOUR,
                until: START + 11 * HOUR,
                on_call: false,
            })
            .await;
        }
        self.tell(device::Registered {
            device: id("ws-ED"),
            kind: DeviceKind::Workstation,
            unit: Some(id("ED")),
            shared: true,
            managed: true,
        })
        .await;
        self.tell(PostureReported {
            device: id("ws-ED"),
            posture: Posture::Healthy,
            good_until: START + 48 * HOUR,
            reason: None,
        })
        .await;
        let (survivor, retired) = (self.admit(PATIENT, "ED").await, self.admit(MERGED, "ED").await);
        self.tell(Merged { survivor, retired }).await;
        let patient = self.admit(VIP, "ED").await;
        self.tell(Labelled { patient, labels: vec![id("vip")] }).await;
    }

    pub(crate) async fn admit(&self, number: &str, unit: &str) -> PatientPseudonym {
        let patient = self.plane.directory().patient_or_new(number);
        let visit = self.plane.directory().encounter_or_new(&format!("V-{number}"));
        let opened = Opened {
            encounter: visit.pseudonym,
            patient: patient.pseudonym,
            class: Class::Emergency,
            presence: Presence::Present,
            place: Place { unit: id(unit), room: None, bed: None },
            attending: Vec::new(),
            participants: Vec::new(),
        };
        let source = Some(Source { feed: id("adt"), message: "1".into() });
        let mut batch = Batch::one(Draft { source, ..Draft::new(by(), opened) });
        batch.writes.extend(patient.write.into_iter().chain(visit.write));
        self.plane.record(batch).await.unwrap();
        patient.pseudonym
    }

    pub(crate) async fn tell(&self, event: impl Into<Event>) {
        self.plane.record(Batch::one(Draft::new(by(), event))).await.unwrap();
    }

    pub(crate) async fn token(&self, caller: &str) -> String {
        self.callers.add(CallerName::new(caller).unwrap(), by()).await.unwrap().text.to_string()
    }

    /// From now on live permits are kept true.
    pub(crate) fn keep(&mut self) {
        let (plane, stop) = (self.plane.clone(), CancellationToken::new());
        let stopped = stop.clone();
        tokio::spawn(async move { plane.keep_permits_true(stopped).await });
        self._keeper = Some(stop.drop_guard());
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Got {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Got { status: parts.status, headers: parts.headers, bytes }
    }

    /// What the record system sends, as JSON.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Got {
        self.post_as(&self.ehr, path, body).await
    }

    pub(crate) async fn post_as(&self, token: &str, path: &str, body: &Value) -> Got {
        self.post_bytes(token, path, body.to_string().into_bytes()).await
    }

    pub(crate) async fn post_bytes(&self, token: &str, path: &str, body: Vec<u8>) -> Got {
        let request = request(Method::POST, path, token).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> Got {
        self.send(request(Method::GET, path, token).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn delete(&self, token: &str, path: &str) -> Got {
        self.send(request(Method::DELETE, path, token).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn evaluate(&self, body: &Value) -> Got {
        self.post("/access/v1/evaluation", body).await
    }

    pub(crate) fn leaf(&self, entry: &Value) -> Leaf {
        let seq = Seq(entry.as_u64().expect("an entry"));
        self.plane.store().read(|reader| reader.leaf(seq)).unwrap().unwrap()
    }

    pub(crate) fn entries(&self) -> u64 {
        self.plane.store().head().next.0
    }
}

pub(crate) fn request(method: Method, path: &str, token: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {token}"))
}

/// A question at the workstation in the emergency department, by somebody who signed in with two factors.
pub(crate) fn question(who: &str, action: &str, number: &str) -> Value {
    json!({
        "subject": { "type": "user", "id": who },
        "action": { "name": action },
        "resource": { "type": "patient", "id": number },
        "context": { "device": "ws-ED", "purpose": "TREAT",
            "session": { "level": 2, "age_minutes": 1, "method": "passkey" } },
    })
}

/// The same with another value at a place such as `/subject/id`, whose parents exist.
pub(crate) fn with(mut question: Value, place: &str, value: Value) -> Value {
    let (parent, name) = place.rsplit_once('/').unwrap();
    question.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(name.to_owned(), value);
    question
}

/// The same with the members of every object in alphabetical order, whatever order this build keeps them in.
pub(crate) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<String, Value> =
                members.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// An answer without what differs from one time to the next.
pub(crate) fn settled(mut answer: Value) -> Value {
    fn settle(context: &mut Map<String, Value>) {
        for (name, instead) in [("entry", "[entry]"), ("charter", "[charter]"), ("decided_at", "[time]")] {
            if let Some(value) = context.get_mut(name) {
                *value = json!(instead);
            }
        }
        for duty in context.get_mut("obligations").and_then(Value::as_array_mut).into_iter().flatten() {
            duty["id"] = json!("[entry]");
        }
        if let Some(request) = context.get_mut("access_request") {
            (request["binding_token"], request["expires_at"]) = (json!("[token]"), json!("[time]"));
            context.insert("evaluation_id".to_owned(), json!("[entry]"));
        }
    }
    if let Some(context) = answer.get_mut("context").and_then(Value::as_object_mut) {
        settle(context);
    }
    for one in answer.get_mut("evaluations").and_then(Value::as_array_mut).into_iter().flatten() {
        *one = settled(one.take());
    }
    sorted(&answer)
}
