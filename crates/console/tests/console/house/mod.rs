//! A small made-up house for the console's tests and for its pictures: a real node over a real store in a directory of its own.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use charter::Charter;
use console::Console;
use events::decision::{Asserted, Question};
use events::device::{DeviceKind, Posture};
use events::encounter::{Class, Place, Presence};
use events::principal::IdentityClass;
use events::{
    ActionName, Actor, CallerName, DeviceId, Draft, EntityRef, Event, FeedName, Label, OperatorId, PrincipalId,
    RequestId, Seq, Source, Timestamp, UnitId, WorkflowName, device, encounter, feed, patient, principal, rota, team,
};
use http_body_util::BodyExt as _;
use pages::Environment;
use plane::{Ask, Plane, SetClock, Settings};
use serde_json::json;
use signin::operator::{Desk, issue_link};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::statements::REJECTED_MESSAGE_KEEP;
use store::{Batch, Search};
use tower::ServiceExt as _;

pub const BASE: &str = "http://127.0.0.1:7410";
/// 2026-11-22 07:00 in London.
pub const START: Timestamp = Timestamp::from_millis(1_795_330_800_000);
pub const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

pub struct House {
    pub plane: Plane,
    pub clock: SetClock,
    pub router: Router,
    pub cookie: String,
    pub dir: tempfile::TempDir,
    messages: u32,
}

pub struct Got {
    pub status: StatusCode,
    pub html: String,
}

impl House {
    /// An empty house with an operator signed in.
    pub async fn empty() -> Self {
        Self::under(Charter::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter")).unwrap()).await
    }

    /// The same with another charter.
    pub async fn under(charter: Charter) -> Self {
        let (plane, clock, dir) = tokio::task::spawn_blocking(|| {
            let (dir, clock) = (tempfile::tempdir().unwrap(), SetClock::new(START));
            let origin = charter.hospital().origin.clone();
            let settings = Settings::new(Arc::new(clock.clone()), origin);
            (Plane::open(dir.path(), Some(charter), settings).unwrap(), clock, dir)
        })
        .await
        .unwrap();
        let desk = Desk::new(plane.clone(), BASE.parse().unwrap(), Environment::Development, "0.1.0");
        let router = console::routes(Console::new(desk, Search::start(dir.path(), plane.store().clone()).unwrap()));
        let mut house = Self { plane, clock, router, cookie: String::new(), dir, messages: 0 };
        house.sign_in().await;
        house
    }

    /// A house in the middle of a morning: people at work, patients, answers, and one message nobody could use.
    pub async fn busy() -> Self {
        let mut house = Self::empty().await;
        house.people().await;
        house.patients().await;
        house.morning().await;
        house
    }

    /// A new session; its last use is now.
    pub async fn sign_in(&mut self) {
        self.cookie = self.session_of("m.keller").await;
    }

    /// The cookie of somebody who just signed in.
    pub async fn session_of(&self, who: &str) -> String {
        let link =
            issue_link(&self.plane, OperatorId::new(who).unwrap(), Actor::local("uid 1000").unwrap()).await.unwrap();
        let secret = link.path.rsplit('/').next().unwrap();
        let request = Request::post("/sign-in")
            .header(header::ORIGIN, BASE)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(format!("form_token={secret}")))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let cookie = response.headers().get(header::SET_COOKIE).unwrap().to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    pub async fn get(&self, path: &str) -> Got {
        self.get_as(path, &self.cookie).await
    }

    pub async fn get_as(&self, path: &str, cookie: &str) -> Got {
        let request = Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Got { status, html: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub fn leaves(&self) -> Vec<events::Leaf> {
        let end = self.plane.store().head().next.0;
        let leaf = |seq| self.plane.store().read(|reader| reader.leaf(Seq(seq))).unwrap().unwrap();
        (0..end).map(leaf).collect()
    }

    pub async fn record(&self, caller: &str, event: impl Into<Event>) {
        let actor = Actor::caller(&CallerName::new(caller).unwrap());
        self.plane.record(Batch::one(Draft::new(actor, event))).await.unwrap();
    }

    pub async fn message(&mut self, event: impl Into<Event>) {
        self.messages += 1;
        let feed = FeedName::new("adt").unwrap();
        let source = Some(Source { feed: feed.clone(), message: format!("MSG{:05}", self.messages).into() });
        let draft = Draft { source, ..Draft::new(Actor::feed(&feed), event) };
        self.plane.record(Batch::one(draft)).await.unwrap();
    }

    /// Asks, and answers with the entry.
    pub async fn ask(&self, who: &str, action: &str, number: &str, device: &str, workflow: Option<&str>) -> Seq {
        let patient = self.plane.directory().patient(number).to_string();
        let entity =
            |kind: &str, id: &str| EntityRef { kind: kind.parse().unwrap(), id: PrincipalId::new(id).unwrap() };
        let context = json!({ "device": device, "session": { "level": 2, "age_minutes": 12, "method": "badge and PIN" }, "purpose": "TREAT" });
        let question = Question {
            session: None,
            principal: entity("Person", who),
            action: ActionName::new(action).unwrap(),
            resource: entity("Patient", &patient),
            workflow: workflow.map(|name| WorkflowName::new(name).unwrap()),
            asserted: Asserted { context: serde_json::from_value(context).unwrap(), ..Asserted::default() },
        };
        let ask = Ask {
            question,
            actor: Actor::caller(&CallerName::new("ehr").unwrap()),
            request: Some(RequestId::new("req-7f3a90").unwrap()),
            live: workflow.is_none(),
        };
        self.plane.decide(ask).await.unwrap().entry()
    }

    async fn people(&self) {
        for (id, name, roles, unit) in [
            ("haddad.a", "Amira Haddad", vec!["nurse"], "ED"),
            ("okafor.j", "Joseph Okafor", vec!["doctor"], "ED"),
            ("lindqvist.s", "Sanna Lindqvist", vec!["nurse"], "WARD-3A"),
            ("moreau.c", "Claire Moreau", vec!["pharmacist"], "PHARMACY"),
        ] {
            let roles = roles.iter().map(|role| role.parse().unwrap()).collect();
            let person = PrincipalId::new(id).unwrap();
            let unit = UnitId::new(unit).unwrap();
            let registered = principal::Registered {
                principal: person.clone(),
                class: IdentityClass::Staff,
                roles,
                name: Some(name.into()),
                home_unit: Some(unit.clone()),
                aliases: Vec::new(),
                labels: Vec::new(),
            };
            self.record("identity", registered).await;
            let shift = format!("{id}-day").parse().unwrap();
            let (from, until) = (START - HOUR, START + HOUR * 8);
            self.record("rota", rota::ShiftAssigned { shift, person, unit, from, until, on_call: false }).await;
        }
        for (id, unit) in [("ws-ed-014", "ED"), ("ws-3a-05", "WARD-3A")] {
            let device = DeviceId::new(id).unwrap();
            let unit = Some(UnitId::new(unit).unwrap());
            let kind = DeviceKind::Workstation;
            self.record(
                "device-management",
                device::Registered { device: device.clone(), kind, unit, shared: true, managed: true },
            )
            .await;
            let good_until = START + HOUR * 24;
            let reported = device::PostureReported { device, posture: Posture::Healthy, good_until, reason: None };
            self.record("device-management", reported).await;
        }
    }

    async fn patients(&mut self) {
        for (number, unit, attending) in
            [("70011", "ED", "okafor.j"), ("70012", "ED", "okafor.j"), ("70013", "WARD-3A", "brandt.i")]
        {
            let named = self.plane.directory().patient_or_new(number);
            let encounter = self.plane.directory().encounter_or_new(number);
            let writes: Vec<_> = named.write.into_iter().chain(encounter.write).collect();
            let opened = encounter::Opened {
                encounter: encounter.pseudonym,
                patient: named.pseudonym,
                class: Class::Emergency,
                presence: Presence::Present,
                place: Place { unit: UnitId::new(unit).unwrap(), room: None, bed: None },
                attending: vec![PrincipalId::new(attending).unwrap()],
                participants: Vec::new(),
            };
            self.messages += 1;
            let feed = FeedName::new("adt").unwrap();
            let source = Some(Source { feed: feed.clone(), message: format!("MSG{:05}", self.messages).into() });
            let batch = Batch { writes, ..Batch::one(Draft { source, ..Draft::new(Actor::feed(&feed), opened) }) };
            self.plane.record(batch).await.unwrap();
        }
        let vip = self.plane.directory().patient("70012");
        self.message(patient::Labelled { patient: vip, labels: vec![Label::new("vip").unwrap()] }).await;
        let joined = team::Joined { patient: vip, person: PrincipalId::new("haddad.a").unwrap(), until: None };
        self.record("care-teams", joined).await;
    }

    /// Forty minutes of work, some of it stopped.
    async fn morning(&mut self) {
        for minute in 1..40_u32 {
            self.clock.set(START + MINUTE * minute);
            for turn in 0..(minute * 7 % 5) {
                let (who, number, device) = match (minute + turn) % 6 {
                    0 => ("okafor.j", "70012", "ws-ed-014"),
                    1 | 2 => ("haddad.a", "70011", "ws-ed-014"),
                    3 => ("lindqvist.s", "70013", "ws-3a-05"),
                    4 => ("okafor.j", "70011", "ws-ed-014"),
                    _ if minute % 4 == 0 => ("lindqvist.s", "70011", "ws-3a-05"),
                    _ => ("haddad.a", "70012", "ws-ed-014"),
                };
                let action = if turn % 2 == 0 { "read_chart" } else { "record_observations" };
                self.ask(who, action, number, device, Some("chart-review")).await;
            }
            if minute % 9 == 0 {
                let feed = FeedName::new("adt").unwrap();
                let heard = feed::Heard { feed, message_type: "ORU^R01".into(), sha256: "0".repeat(64).into() };
                self.message(heard).await;
            }
        }
        self.unusable().await;
        self.sign_in().await;
    }

    /// A message nobody can use comes, and is kept.
    async fn unusable(&self) {
        let feed = FeedName::new("adt").unwrap();
        let message = b"MSH|^~\\&|PAS|H|HR|H|20261122074000||ADT^A02|77|P|2.5\rPID|1\r";
        let (sha256, reason) = ([0xab; 32], "PID-3 is empty: the message names no patient");
        let sealed = feeds::kept::seal(self.plane.store().keys().detail.bytes(), &feed, &sha256, message).unwrap();
        let kept = vec![feed.as_str().into(), sha256.into(), sealed.into(), reason.into(), self.plane.now().into()];
        let rejected = feed::MessageRejected {
            feed: feed.clone(),
            sha256: "ab".repeat(32).into(),
            bytes: message.len() as u64,
            reason: reason.into(),
        };
        let draft = Draft::new(Actor::feed(&feed), rejected);
        self.plane.record(Batch::one(draft).write(REJECTED_MESSAGE_KEEP, kept)).await.unwrap();
    }
}
