//! What systems that speak JSON tell, and what they may not.

use crate::{Node, start};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use callers::Callers;
use events::{Actor, CallerName, DeviceId, PrincipalId, Timestamp};
use hospital::{Hospital, Size};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::time::Duration;
use tower::ServiceExt;
use world::{Facts, Subject};

struct House {
    node: Node,
    routes: Router,
    token: String,
}

impl House {
    async fn open() -> Self {
        let node = Node::start().await;
        let callers = Callers::new(&node.plane);
        let by = Actor::local("tester").unwrap();
        let token = callers.add(CallerName::new("dev-hospital").unwrap(), by).await.unwrap().text.to_string();
        let routes = feeds::api::routes(node.plane.clone(), callers);
        Self { node, routes, token }
    }

    async fn send(&self, method: &str, path: &str, kind: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, kind)
            .body(body.into())
            .unwrap();
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (
            status,
            serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned())),
        )
    }

    async fn put(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.send("PUT", path, "application/json", body.to_string()).await
    }

    fn facts(&self, who: &str, record: Option<&str>, device: Option<&str>, at: Timestamp) -> Facts {
        let subject = Subject {
            session: None,
            principal: PrincipalId::new(who).unwrap(),
            patient: record.map(|record| self.node.plane.directory().patient(record)),
            device: device.map(|device| DeviceId::new(device).unwrap()),
        };
        self.node.plane.world(|world| world.facts(&subject, at))
    }
}

#[tokio::test]
async fn people_come_change_and_go() {
    let house = House::open().await;
    let nurse = json!({"people": [{"id": "n.osei", "class": "staff", "roles": ["nurse"], "name": "N. Osei", "home_unit": "EMERG", "aliases": ["D9"]}]});
    let (status, told) = house.put("/feeds/v1/people", nurse).await;
    assert_eq!((status, &told["recorded"]), (StatusCode::OK, &json!(1)));
    let facts = house.facts("n.osei", None, None, start()).principal.unwrap();
    assert_eq!((facts.home_unit.unwrap().as_str(), facts.active), ("ED", true));
    let (status, _) = house.send("DELETE", "/feeds/v1/people/n.osei", "", "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!house.facts("n.osei", None, None, start()).principal.unwrap().active);
}

#[tokio::test]
async fn a_whole_rota_comes_as_csv_or_json_in_the_hospitals_time() {
    let house = House::open().await;
    let hospital = Hospital::new(1, Size::SMALL, start(), "Europe/London").unwrap();
    let (status, told) = house.send("PUT", "/feeds/v1/rota", "text/csv; charset=utf-8", hospital.rota_csv()).await;
    assert_eq!((status, &told["recorded"]), (StatusCode::OK, &json!(hospital.shifts().len())), "{told}");
    let member = hospital.on_shift(&events::UnitId::new("ED").unwrap(), "nurse", start())[0];
    assert!(
        house
            .facts(member.id.as_str(), None, None, start())
            .shifts
            .iter()
            .any(|shift| shift.from <= start() && start() < shift.until)
    );
    assert!(house.facts(member.id.as_str(), None, None, start()).feeds.rota.is_some());
    assert!(house.facts(member.id.as_str(), None, None, start()).feeds.adt.is_none(), "a rota is not word of patients");

    let local = json!({"shifts": [{"shift": "s1", "person": "x", "unit": "3A", "from": "2026-07-01T07:00", "until": "2026-07-01T19:30", "on_call": true}]});
    assert_eq!(house.put("/feeds/v1/rota", local).await.0, StatusCode::OK);
    let summer = "2026-07-01T06:00:00Z".parse().unwrap();
    assert_eq!(house.facts("x", None, None, summer).shifts[0].from, summer);
    assert_eq!(house.send("DELETE", "/feeds/v1/rota/s1?person=x", "", "").await.0, StatusCode::OK);
    assert_eq!(
        house.send("PUT", "/feeds/v1/rota", "text/csv", "shift,person,unit,from,until\n").await.1["recorded"],
        1,
        "heard"
    );
}

#[tokio::test]
async fn devices_posture_teams_and_emergencies() {
    let house = House::open().await;
    let until = start() + Duration::from_secs(3_600);
    let device =
        json!({"devices": [{"id": "ws-1", "kind": "workstation", "unit": "ITU", "shared": true, "managed": true}]});
    assert_eq!(house.put("/feeds/v1/devices", device).await.0, StatusCode::OK);
    let report = json!({"reports": [{"device": "ws-1", "posture": "degraded", "good_until": until, "reason": "old"}]});
    assert_eq!(house.put("/feeds/v1/posture", report).await.0, StatusCode::OK);
    let found = house.facts("x", None, Some("ws-1"), start()).device.unwrap();
    assert_eq!((found.unit.unwrap().as_str(), found.posture.is_some()), ("ICU", true));
    assert_eq!(house.send("DELETE", "/feeds/v1/devices/ws-1", "", "").await.0, StatusCode::OK);
    assert!(house.facts("x", None, Some("ws-1"), start()).device.is_none());

    let member = |until: Value| json!({"members": [{"record": "QX-4711", "person": "n.osei", "until": until}]});
    assert_eq!(house.put("/feeds/v1/teams", member(json!(until))).await.0, StatusCode::OK);
    assert_eq!(house.facts("x", Some("QX-4711"), None, start()).patient.unwrap().team[0].until, Some(until));
    let leave = json!({"members": [{"record": "QX-4711", "person": "n.osei"}]}).to_string();
    assert_eq!(house.send("POST", "/feeds/v1/teams/leave", "application/json", leave).await.0, StatusCode::OK);
    let team = house.facts("x", Some("QX-4711"), None, start()).patient.map(|patient| patient.team).unwrap_or_default();
    assert!(team.iter().all(|member| member.until.is_some_and(|until| until <= start())), "{team:?}");

    assert_eq!(house.put("/feeds/v1/emergencies/EMERG", json!({"until": until})).await.0, StatusCode::OK);
    assert_eq!(house.node.leaves("emergency.declared").len(), 1);
    assert_eq!(house.send("DELETE", "/feeds/v1/emergencies/ED", "", "").await.0, StatusCode::OK);
    let log = house.node.raw().concat();
    assert!(!String::from_utf8(log).unwrap().contains("QX-"));
}

#[tokio::test]
async fn what_is_wrong_is_said_and_nothing_of_it_is_used() {
    let house = House::open().await;
    let entries = house.node.raw().len();
    let shift = |unit: &str, until: &str| {
        json!({"shifts": [
            {"shift": "ok", "person": "x", "unit": "ED", "from": "2026-11-22T07:00:00Z", "until": "2026-11-22T19:00:00Z"},
            {"shift": "s", "person": "x", "unit": unit, "from": "2026-11-22T07:00:00Z", "until": until},
        ]})
    };
    for (path, body, said) in [
        (
            "/feeds/v1/people",
            json!({"people": [{"id": "x", "class": "staff", "roles": ["nurze"]}]}),
            "no role called `nurze`",
        ),
        (
            "/feeds/v1/people",
            json!({"people": [{"id": "x", "class": "staff", "roles": [], "home_unit": "ATTIC"}]}),
            "no unit called `ATTIC`",
        ),
        ("/feeds/v1/people", json!({"people": [{"id": "", "class": "staff", "roles": []}]}), "empty"),
        ("/feeds/v1/people", json!({"people": [], "admin": true}), "unknown field"),
        (
            "/feeds/v1/people",
            json!({"people": [{"id": "c.whitl\u{202e}ock", "class": "staff", "roles": []}]}),
            "`id` has characters that cannot be seen",
        ),
        (
            "/feeds/v1/people",
            json!({"people": [{"id": "x", "class": "staff", "roles": [], "aliases": ["D\u{200b}1"]}]}),
            "`aliases` has characters that cannot be seen",
        ),
        (
            "/feeds/v1/devices",
            json!({"devices": [{"id": "ws\u{feff}1", "kind": "workstation", "shared": true, "managed": true}]}),
            "`id` has characters that cannot be seen",
        ),
        ("/feeds/v1/rota", shift("ATTIC", "2026-11-22T19:00:00Z"), "shift 2: the charter knows no unit called `ATTIC`"),
        ("/feeds/v1/rota", shift("ED", "2026-11-24T19:00:00Z"), "at most 36 hours"),
        ("/feeds/v1/rota", shift("ED", "2026-11-22T06:00:00Z"), "ends after it begins"),
        ("/feeds/v1/rota", shift("ED", "tomorrow"), "`until` is not a time"),
        (
            "/feeds/v1/posture",
            json!({"reports": [{"device": "d", "posture": "healthy", "good_until": "2099-01-01T00:00:00Z"}]}),
            "31 days",
        ),
        ("/feeds/v1/teams", json!({"members": [{"record": " ", "person": "x"}]}), "record number"),
        ("/feeds/v1/emergencies/ED", json!({"until": "2020-01-01T00:00:00Z"}), "72 hours"),
        ("/feeds/v1/emergencies/ATTIC", json!({"until": "2026-11-22T08:00:00Z"}), "no unit called `ATTIC`"),
    ] {
        let (status, message) = house.put(path, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{message}");
        assert!(message.as_str().unwrap().contains(said), "{message}");
    }
    let csv = house.send("PUT", "/feeds/v1/rota", "text/csv", "shift,who\n1,2\n").await;
    assert!(csv.0 == StatusCode::BAD_REQUEST && csv.1.as_str().unwrap().contains("not a rota"), "{csv:?}");
    assert_eq!(house.send("PUT", "/feeds/v1/rota", "text/plain", "x").await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let long = vec![b' '; feeds::api::BODY_BYTES_MAX + 1];
    assert_eq!(house.send("PUT", "/feeds/v1/people", "application/json", long).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        house.send("PUT", "/feeds/v1/people", "application/json", "[".repeat(100_000)).await.0,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(house.node.raw().len(), entries);
}

#[tokio::test]
async fn every_endpoint_asks_for_its_own_right() {
    let house = House::open().await;
    let callers = Callers::new(&house.node.plane);
    let by = || Actor::local("tester").unwrap();
    let endpoints = [
        ("PUT", "/feeds/v1/people", "identity"),
        ("DELETE", "/feeds/v1/people/x", "identity"),
        ("PUT", "/feeds/v1/rota", "rota"),
        ("DELETE", "/feeds/v1/rota/s?person=x", "rota"),
        ("PUT", "/feeds/v1/devices", "device-management"),
        ("DELETE", "/feeds/v1/devices/x", "device-management"),
        ("PUT", "/feeds/v1/posture", "device-management"),
        ("PUT", "/feeds/v1/teams", "care-teams"),
        ("POST", "/feeds/v1/teams/leave", "care-teams"),
        ("PUT", "/feeds/v1/emergencies/ED", "site-coordinator"),
        ("DELETE", "/feeds/v1/emergencies/ED", "site-coordinator"),
    ];
    for name in ["identity", "rota", "device-management", "care-teams", "site-coordinator", "ehr"] {
        let token = callers.add(CallerName::new(name).unwrap(), by()).await.unwrap().text.to_string();
        let routes = feeds::api::routes(house.node.plane.clone(), callers.clone());
        let caller = House { token, routes, ..House::open().await };
        for (method, path, whose) in endpoints {
            let (status, _) = caller.send(method, path, "application/json", "{}").await;
            assert_eq!(status == StatusCode::FORBIDDEN, name != whose, "{name}: {method} {path} gives {status}");
        }
    }
    let nobody = House { token: "hr_x_y".to_owned(), ..House::open().await };
    for (method, path, _) in endpoints {
        assert_eq!(nobody.send(method, path, "application/json", "{}").await.0, StatusCode::UNAUTHORIZED);
    }
}

/// Whoever may only register unknown patients opens nobody's record to anybody with it.
#[tokio::test]
async fn registration_merges_unknown_patients_into_known_ones_and_nobody_else() {
    let house = House::open().await;
    let mut sender = house.node.sender().await;
    for (id, record) in [("M1", "4711"), ("M2", "4712")] {
        crate::answer(sender.exchange(crate::adt("A04", id, record, "EMERG")).await.unwrap());
    }
    let by = Actor::local("tester").unwrap();
    let registration = Callers::new(&house.node.plane);
    let token = registration.add(CallerName::new("registration").unwrap(), by).await.unwrap().text.to_string();
    let desk = House { token, ..house };
    let post = async |path: &str, body: Value| desk.send("POST", path, "application/json", body.to_string()).await;
    let (status, given) = post("/feeds/v1/patients/temporary", json!({"unit": "EMERG"})).await;
    assert_eq!(status, StatusCode::CREATED);
    let given = given["record"].as_str().unwrap();
    let merge = async |record: &str, retired: &str| {
        post("/feeds/v1/patients/merge", json!({"record": record, "retired": retired})).await
    };
    let entries = || desk.node.raw().len();
    let mut said = Vec::new();
    for (record, retired) in [(given, "4711"), ("4712", "4711"), ("4711", "4711"), ("99", "99"), ("99", given)] {
        let before = entries();
        let (status, told) = merge(record, retired).await;
        assert_eq!((status, entries()), (StatusCode::BAD_REQUEST, before + 1), "{told}");
        said.push(told);
    }
    said.dedup();
    assert_eq!(said.len(), 1, "{said:?}");
    let before = entries();
    let slip = format!("{}U", &given[..given.len() - 1]);
    let (status, told) = merge("4711", &slip).await;
    assert!(status == StatusCode::BAD_REQUEST && told.as_str().unwrap().contains("letters is wrong"), "{told}");
    assert_eq!(entries(), before, "a slip of the keyboard tells nothing of anybody");
    assert_eq!(merge(" 4711 ", &given.to_lowercase()).await.0, StatusCode::NO_CONTENT);
    let teams = registration.add(CallerName::new("care-teams").unwrap(), Actor::local("tester").unwrap()).await;
    let care = House { token: teams.unwrap().text.to_string(), ..desk };
    let never = json!({"members": [{"record": "TEMP-HR-0000-00000", "person": "x"}]});
    let (status, told) = care.put("/feeds/v1/teams", never).await;
    assert!(status == StatusCode::BAD_REQUEST && told.as_str().unwrap().contains("never given out"), "{told}");
}

#[tokio::test]
async fn a_name_means_one_person() {
    let house = House::open().await;
    let person =
        |id: &str, aliases: &[&str]| json!({"id": id, "class": "staff", "roles": ["nurse"], "aliases": aliases});
    let put = async |people: &[Value]| house.put("/feeds/v1/people", json!({ "people": people })).await;
    let entries = || house.node.raw().len();
    assert_eq!(put(&[person("q.zielinska", &["D1018"]), person("c.whitlock", &[])]).await.0, StatusCode::OK);
    let before = entries();
    for (people, said) in [
        (
            vec![person("x", &[]), person("evil.user", &["D1018"])],
            "person 2: `D1018` is an id or alias of `q.zielinska`",
        ),
        (vec![person("evil.user", &["c.whitlock"])], "person 1: `c.whitlock` is an id or alias of `c.whitlock`"),
        (vec![person("D1018", &[])], "person 1: `D1018` is an id or alias of `q.zielinska`"),
        (vec![person("x", &["A"]), person("y", &["A"])], "person 2: `A` is an id or alias of person 1 too"),
        (vec![person("x", &["y"]), person("y", &[])], "person 2: `y` is an id or alias of person 1 too"),
    ] {
        let (status, told) = put(&people).await;
        assert_eq!(status, StatusCode::CONFLICT, "{told}");
        assert!(told.as_str().unwrap().contains(said), "{told}");
        assert_eq!(entries(), before, "the whole request or nothing");
    }
    // The same again, and a code that goes from one to another in one request.
    assert_eq!(put(&[person("q.zielinska", &["D1018", "q.zielinska"])]).await.0, StatusCode::OK);
    assert_eq!(put(&[person("c.whitlock", &["D1018"]), person("q.zielinska", &[])]).await.0, StatusCode::OK);
    // A leaver's.
    assert_eq!(house.send("DELETE", "/feeds/v1/people/c.whitlock", "", "").await.0, StatusCode::OK);
    assert_eq!(put(&[person("n.osei", &["D1018"])]).await.0, StatusCode::OK);
    let back = put(&[person("c.whitlock", &["D1018"])]).await;
    assert_eq!(back.0, StatusCode::CONFLICT, "{back:?}");
}

#[tokio::test]
async fn of_many_who_take_one_alias_at_once_one_gets_it() {
    let house = House::open().await;
    for round in 0..10 {
        let alias = format!("D{round}");
        let one = |id: String| json!({"people": [{"id": id, "class": "staff", "roles": [], "aliases": [alias]}]});
        let tries = (0..8).map(|who| house.put("/feeds/v1/people", one(format!("p{round}.{who}"))));
        let answers = futures_util::future::join_all(tries).await;
        let taken = answers.iter().filter(|(status, _)| *status == StatusCode::OK).count();
        let refused = answers.iter().filter(|(status, _)| *status == StatusCode::CONFLICT).count();
        assert_eq!((taken, refused), (1, 7), "{answers:?}");
        assert_eq!(house.node.plane.world(|world| world.who_goes_by(&PrincipalId::new(&alias).unwrap())).len(), 1);
    }
}
