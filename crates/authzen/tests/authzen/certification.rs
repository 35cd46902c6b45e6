//! The AuthZEN 1.0 certification: every level over its fixture, which stands as a charter in `examples/authzen-certification`.
//!
//! Levels and sublevels are those of the certification scenario of the OpenID AuthZEN working group; each test names its own.

use crate::house::{BASE, Got, House, charter_in};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};

const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";
const SUBJECTS: &str = "/access/v1/search/subject";
const RESOURCES: &str = "/access/v1/search/resource";
const ACTIONS: &str = "/access/v1/search/action";

/// A decision point with the fixture and nothing else, and a token for the harness.
async fn fixture() -> (House, String) {
    let house = House::bare(charter_in("examples/authzen-certification/charter")).await;
    let token = house.token("harness").await;
    (house, token)
}

fn user(id: &str) -> Value {
    json!({ "type": "user", "id": id })
}

fn admin() -> Value {
    json!({ "type": "user", "id": "bob", "properties": { "role": "admin" } })
}

fn record(id: &str) -> Value {
    json!({ "type": "record", "id": id })
}

fn with_status(id: &str, status: &str) -> Value {
    json!({ "type": "record", "id": id, "properties": { "status": status } })
}

fn ask(subject: &Value, action: &str, resource: &Value) -> Value {
    json!({ "subject": subject, "action": { "name": action }, "resource": resource })
}

fn delete(soft: bool) -> Value {
    let action = json!({ "name": "delete", "properties": { "soft": soft } });
    json!({ "subject": user("alice"), "action": action, "resource": record("record-1") })
}

async fn decides(house: &House, token: &str, question: &Value) -> bool {
    let got = house.post_as(token, EVALUATION, question).await;
    assert_eq!(got.status, StatusCode::OK, "{question}: {got:?}");
    assert_eq!(got.headers[header::CONTENT_TYPE], "application/json");
    got.json()["decision"].as_bool().expect("a boolean")
}

fn decisions(got: &Got) -> Vec<bool> {
    assert_eq!(got.status, StatusCode::OK, "{got:?}");
    let answer = got.json();
    assert!(answer.get("decision").is_none(), "{answer}");
    let all = answer["evaluations"].as_array().expect("evaluations");
    all.iter().map(|one| one["decision"].as_bool().expect("a boolean")).collect()
}

/// The ids of a search for entities, or the names of one for actions.
async fn finds(house: &House, token: &str, path: &str, question: &Value) -> Vec<String> {
    let (mut asked, mut found) = (question.clone(), Vec::new());
    loop {
        let got = house.post_as(token, path, &asked).await;
        assert_eq!(got.status, StatusCode::OK, "{question}: {got:?}");
        assert_eq!(got.headers[header::CONTENT_TYPE], "application/json");
        let answer = got.json();
        found.extend(answer["results"].as_array().expect("results").clone());
        let next = answer["page"]["next_token"].as_str().expect("a string");
        if next.is_empty() {
            break;
        }
        asked["page"] = json!({ "token": next });
    }
    let name = |found: &Value| {
        let name = if path == ACTIONS { &found["name"] } else { &found["id"] };
        let kind = if path == SUBJECTS { &question["subject"]["type"] } else { &question["resource"]["type"] };
        assert!(path == ACTIONS || found["type"] == *kind, "{found}");
        name.as_str().expect("a name").to_owned()
    };
    found.iter().map(name).collect()
}

async fn refused(house: &House, token: &str, path: &str, question: &Value) {
    let got = house.post_as(token, path, question).await;
    assert_eq!(got.status, StatusCode::BAD_REQUEST, "{path} {question}: {got:?}");
    assert!(!got.message().is_empty());
}

#[tokio::test]
async fn basic_core() {
    let (house, token) = fixture().await;
    let (alice, one) = (user("alice"), record("record-1"));
    for (subject, action, expected) in
        [(&alice, "read", true), (&alice, "write", true), (&user("bob"), "read", true), (&user("bob"), "write", false)]
    {
        let mut question = ask(subject, action, &one);
        assert_eq!(decides(&house, &token, &question).await, expected, "{question}");
        question["context"] = json!({ "time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1" });
        assert_eq!(decides(&house, &token, &question).await, expected, "whatever the context: {question}");
    }
    let more = json!({
        "subject": { "type": "user", "id": "alice", "properties": { "department": "Sales", "role": "manager" } },
        "action": { "name": "read", "properties": { "method": "GET" } },
        "resource": { "type": "record", "id": "record-1", "properties": { "status": "active", "owner": "bob" } },
        "foo": "bar", "futureField": { "nested": true },
    });
    assert!(decides(&house, &token, &more).await);
    let got = house.post_as(&token, EVALUATION, &ask(&alice, "read", &one)).await;
    assert!(got.json()["context"].is_object());
    for _ in 0..3 {
        assert!(decides(&house, &token, &ask(&alice, "read", &one)).await, "the same again");
    }
}

#[tokio::test]
async fn basic_core_errors_and_headers() {
    let (house, token) = fixture().await;
    let whole = ask(&user("alice"), "read", &record("record-1"));
    for (at, instead) in [
        ("/subject", None),
        ("/action", None),
        ("/resource", None),
        ("/subject/type", None),
        ("/subject/id", None),
        ("/action/name", None),
        ("/resource/type", None),
        ("/resource/id", None),
        ("/subject", Some(json!("alice"))),
        ("/action/name", Some(json!(123))),
    ] {
        let mut question = whole.clone();
        let (parent, name) = at.rsplit_once('/').unwrap();
        let parent = question.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match instead {
            Some(value) => drop(parent.insert(name.to_owned(), value)),
            None => drop(parent.remove(name)),
        }
        refused(&house, &token, EVALUATION, &question).await;
    }
    for (kind, body) in [
        ("text/plain", whole.to_string()),
        ("application/json", "{\"subject\":".to_owned()),
        ("application/json", String::new()),
    ] {
        let request = Request::post(EVALUATION)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body))
            .unwrap();
        assert_eq!(house.send(request).await.status, StatusCode::BAD_REQUEST);
    }
    for path in [EVALUATION, SUBJECTS] {
        let request = Request::post(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("X-Request-ID", "bfe9eb29-ab87-4ca3-be83-a1d5d8305716")
            .body(Body::from(whole.to_string()))
            .unwrap();
        let got = house.send(request).await;
        assert_eq!(got.headers["x-request-id"], "bfe9eb29-ab87-4ca3-be83-a1d5d8305716");
    }
}

#[tokio::test]
async fn basic_properties() {
    let (house, token) = fixture().await;
    let archived = with_status("record-2", "archived");
    assert!(!decides(&house, &token, &ask(&user("alice"), "write", &archived)).await);
    assert!(decides(&house, &token, &ask(&admin(), "write", &archived)).await);
    assert!(decides(&house, &token, &delete(true)).await);
    assert!(!decides(&house, &token, &delete(false)).await);
}

#[tokio::test]
async fn batch_core() {
    let (house, token) = fixture().await;
    let (alice, bob, one, two) = (user("alice"), user("bob"), record("record-1"), record("record-2"));
    let read = json!({ "name": "read" });
    let many = json!({ "subject": alice, "action": read, "evaluations": [{ "resource": one }, { "resource": two }] });
    assert_eq!(decisions(&house.post_as(&token, EVALUATIONS, &many).await).len(), 2);
    let both = json!({ "subject": bob, "resource": one,
        "evaluations": [{ "action": { "name": "read" } }, { "action": { "name": "write" } }] });
    assert_eq!(decisions(&house.post_as(&token, EVALUATIONS, &both).await), [true, false]);
    let whole = json!({ "evaluations": [ask(&alice, "read", &one), ask(&bob, "write", &one)] });
    assert_eq!(decisions(&house.post_as(&token, EVALUATIONS, &whole).await), [true, false]);
    let inherited = json!({ "subject": alice, "action": read, "context": { "time": "2025-06-27T18:03-07:00" },
        "evaluations": [{ "resource": one }, { "resource": two, "context": { "source": "batch-override" } }] });
    assert_eq!(decisions(&house.post_as(&token, EVALUATIONS, &inherited).await).len(), 2);
    let bad = json!({ "subject": alice, "action": read, "options": { "evaluations_semantic": "execute_all" },
        "evaluations": [{ "resource": one }, {}] });
    assert_eq!(decisions(&house.post_as(&token, EVALUATIONS, &bad).await), [true, false]);
    let mut single = ask(&alice, "read", &one);
    assert_eq!(house.post_as(&token, EVALUATIONS, &single).await.json()["decision"], true);
    single["evaluations"] = json!([]);
    assert_eq!(house.post_as(&token, EVALUATIONS, &single).await.json()["decision"], true);
}

#[tokio::test]
async fn batch_properties() {
    let (house, token) = fixture().await;
    let (active, archived) = (with_status("record-1", "active"), with_status("record-2", "archived"));
    let by_resource = json!({ "subject": user("alice"), "action": { "name": "write" },
        "evaluations": [{ "resource": active }, { "resource": archived }] });
    assert_eq!(decisions(&house.post_as(&token, EVALUATIONS, &by_resource).await), [true, false]);
    let by_subject = json!({ "action": { "name": "write" }, "resource": archived,
        "evaluations": [{ "subject": user("alice") }, { "subject": admin() }] });
    assert_eq!(decisions(&house.post_as(&token, EVALUATIONS, &by_subject).await), [false, true]);
    let by_default = json!({ "subject": user("alice"), "action": { "name": "write" }, "resource": active,
        "evaluations": [{}, { "resource": archived }] });
    assert_eq!(decisions(&house.post_as(&token, EVALUATIONS, &by_default).await), [true, false]);
}

#[tokio::test]
async fn search_core() {
    let (house, token) = fixture().await;
    let subjects =
        json!({ "subject": { "type": "user" }, "action": { "name": "read" }, "resource": record("record-1") });
    let resources = json!({ "subject": user("alice"), "action": { "name": "read" }, "resource": { "type": "record" } });
    let actions = json!({ "subject": user("alice"), "resource": record("record-1") });
    for (path, question, expected) in [
        (SUBJECTS, &subjects, vec!["alice", "bob"]),
        (RESOURCES, &resources, vec!["record-1", "record-2"]),
        (ACTIONS, &actions, vec!["read", "write"]),
    ] {
        assert_eq!(finds(&house, &token, path, question).await, expected);
        let mut with_context = question.clone();
        with_context["context"] = json!({ "time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1" });
        assert_eq!(finds(&house, &token, path, &with_context).await, expected);
    }
    let mut named = subjects.clone();
    named["subject"]["id"] = json!("alice");
    assert_eq!(finds(&house, &token, SUBJECTS, &named).await, ["alice", "bob"]);
    named["subject"]["id"] = json!({ "not": "even a string" });
    assert_eq!(finds(&house, &token, SUBJECTS, &named).await, ["alice", "bob"]);
    let mut named = resources.clone();
    named["resource"]["id"] = json!("record-2");
    assert_eq!(finds(&house, &token, RESOURCES, &named).await, ["record-1", "record-2"]);
}

#[tokio::test]
async fn search_core_without_results_is_no_error() {
    let (house, token) = fixture().await;
    let nobody = json!({ "subject": user("nonexistent-user"), "resource": record("record-1") });
    assert!(finds(&house, &token, ACTIONS, &nobody).await.is_empty());
    for (path, question) in [
        (
            SUBJECTS,
            json!({ "subject": { "type": "spaceship" }, "action": { "name": "read" }, "resource": record("record-1") }),
        ),
        (
            SUBJECTS,
            json!({ "subject": { "type": "user" }, "action": { "name": "read" }, "resource": { "type": "spaceship", "id": "1" } }),
        ),
        (
            SUBJECTS,
            json!({ "subject": { "type": "user" }, "action": { "name": "fly" }, "resource": record("record-1") }),
        ),
        (
            RESOURCES,
            json!({ "subject": user("alice"), "action": { "name": "read" }, "resource": { "type": "spaceship" } }),
        ),
        (
            RESOURCES,
            json!({ "subject": user("nonexistent-user"), "action": { "name": "read" }, "resource": { "type": "record" } }),
        ),
        (ACTIONS, json!({ "subject": { "type": "spaceship", "id": "1" }, "resource": record("record-1") })),
        (ACTIONS, json!({ "subject": user("alice"), "resource": { "type": "spaceship", "id": "1" } })),
    ] {
        assert!(finds(&house, &token, path, &question).await.is_empty(), "{path} {question}");
    }
}

#[tokio::test]
async fn search_core_pages() {
    let (house, token) = fixture().await;
    let mut question = json!({ "subject": { "type": "user" }, "action": { "name": "read" }, "resource": record("record-1"),
        "page": { "limit": 1 } });
    let first = house.post_as(&token, SUBJECTS, &question).await.json();
    assert_eq!(first["page"]["count"], 1);
    let next = first["page"]["next_token"].as_str().unwrap().to_owned();
    assert!(!next.is_empty());
    // The certification leaves the limit out of the second request.
    question["page"] = json!({ "token": next });
    let second = house.post_as(&token, SUBJECTS, &question).await.json();
    assert_eq!((&first["results"][0]["id"], &second["results"][0]["id"]), (&json!("alice"), &json!("bob")));
    assert_eq!(second["page"]["next_token"], "");
}

#[tokio::test]
async fn search_core_errors() {
    let (house, token) = fixture().await;
    let (any_user, any_record) = (json!({ "type": "user" }), json!({ "type": "record" }));
    let (alice, one, read) = (user("alice"), record("record-1"), json!({ "name": "read" }));
    for (path, question) in [
        (SUBJECTS, json!({ "subject": any_user, "resource": one })),
        (SUBJECTS, json!({ "subject": any_user, "action": read })),
        (SUBJECTS, json!({ "action": read, "resource": one })),
        (RESOURCES, json!({ "action": read, "resource": any_record })),
        (RESOURCES, json!({ "subject": alice, "resource": any_record })),
        (ACTIONS, json!({ "subject": alice })),
        (ACTIONS, json!({ "resource": one })),
        (SUBJECTS, json!({ "subject": any_user, "action": read, "resource": any_record })),
        (RESOURCES, json!({ "subject": any_user, "action": read, "resource": any_record })),
        (ACTIONS, json!({ "subject": any_user, "resource": one })),
        (SUBJECTS, json!({ "subject": {}, "action": read, "resource": one })),
        (SUBJECTS, json!({ "subject": any_user, "action": read, "resource": one, "page": { "limit": -1 } })),
        (SUBJECTS, json!({ "subject": any_user, "action": read, "resource": one, "page": { "token": "nonsense" } })),
    ] {
        refused(&house, &token, path, &question).await;
    }
}

#[tokio::test]
async fn search_properties() {
    let (house, token) = fixture().await;
    let archived = with_status("record-2", "archived");
    let subjects = json!({ "subject": { "type": "user" }, "action": { "name": "write" }, "resource": archived });
    assert_eq!(finds(&house, &token, SUBJECTS, &subjects).await, ["bob"]);
    let resources = json!({ "subject": admin(), "action": { "name": "write" }, "resource": { "type": "record" } });
    assert_eq!(finds(&house, &token, RESOURCES, &resources).await, ["record-2"]);
    let actions = json!({ "subject": admin(), "resource": archived });
    assert_eq!(finds(&house, &token, ACTIONS, &actions).await, ["read", "write"]);
    // What is asserted of the sought bears on every candidate.
    let all = json!({ "subject": { "type": "user", "properties": { "role": "admin" } }, "action": { "name": "write" },
        "resource": archived });
    assert_eq!(finds(&house, &token, SUBJECTS, &all).await, ["alice", "bob"]);
    let none = json!({ "subject": admin(), "action": { "name": "write" },
        "resource": { "type": "record", "properties": { "status": "active" } } });
    assert!(finds(&house, &token, RESOURCES, &none).await.is_empty());
}

#[tokio::test]
async fn discovery() {
    let (house, _) = fixture().await;
    let request = Request::get("/.well-known/authzen-configuration").body(Body::empty()).unwrap();
    let got = house.send(request).await;
    assert_eq!(got.status, StatusCode::OK);
    assert_eq!(got.headers[header::CONTENT_TYPE], "application/json");
    let told = got.json();
    assert_eq!(told["policy_decision_point"], BASE);
    for (name, path) in [
        ("access_evaluation_endpoint", EVALUATION),
        ("access_evaluations_endpoint", EVALUATIONS),
        ("search_subject_endpoint", SUBJECTS),
        ("search_resource_endpoint", RESOURCES),
        ("search_action_endpoint", ACTIONS),
    ] {
        assert_eq!(told[name], format!("{BASE}{path}"), "{name}");
        assert!(BASE.starts_with("https://"));
    }
    assert!(told.get("access_request_endpoint").is_none(), "there is none yet, so it is not advertised");
}
