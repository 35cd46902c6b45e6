//! One evaluation: the shapes of its answers, and what the log keeps of it.

use crate::house::{BASE, House, PATIENT, START, id, question, request, settled, with};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use events::{Actor, CallerName, Event};
use serde_json::{Value, json};

#[tokio::test]
async fn a_permit_says_why_and_what_it_obliges_to() {
    let house = House::open().await;
    let got = house.evaluate(&question("n-amara", "read_chart", PATIENT)).await;
    assert_eq!((got.status, got.decision()), (StatusCode::OK, true));
    assert_eq!(got.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(got.headers[header::CACHE_CONTROL], "no-store");
    insta::assert_json_snapshot!("permit", settled(got.json()));
}

#[tokio::test]
async fn a_deny_says_why_what_would_help_and_who_answers_for_it() {
    let house = House::open().await;
    let got = house.evaluate(&question("n-bo", "read_chart", PATIENT)).await;
    assert_eq!((got.status, got.decision()), (StatusCode::OK, false));
    insta::assert_json_snapshot!("deny", settled(got.json()));
}

#[tokio::test]
async fn what_the_charter_does_not_know_is_denied_and_recorded() {
    let house = House::open().await;
    let whole = question("n-amara", "read_chart", PATIENT);
    for (place, value) in [
        ("/action/name", "launch_rocket"),
        ("/subject/type", "wizard"),
        ("/resource/type", "spaceship"),
        ("/subject/type", "patient"),
        ("/resource/type", "unit"),
        ("/resource/type", "user"),
        ("/resource/type", "Role"),
    ] {
        let got = house.evaluate(&with(whole.clone(), place, json!(value))).await;
        assert!(!got.decision(), "{place} = {value}");
        let leaf = house.leaf(&got.json()["context"]["entry"]);
        assert!(matches!(leaf.draft.event, Event::DecisionMade(_)));
    }
    let got = house.evaluate(&with(whole, "/action/name", json!("launch_rocket"))).await;
    insta::assert_json_snapshot!("unknown_action", settled(got.json()));
}

#[tokio::test]
async fn the_log_keeps_the_question_with_the_pseudonym_in_place_of_the_number() {
    let house = House::open().await;
    let got = house.evaluate(&question("n-amara", "read_chart", PATIENT)).await;
    let leaf = house.leaf(&got.json()["context"]["entry"]);
    assert_eq!(leaf.draft.actor, Actor::caller(&CallerName::new("ehr").unwrap()));
    assert_eq!(leaf.recorded_at, START);
    let Event::DecisionMade(made) = &leaf.draft.event else { panic!("another kind") };
    let patient = house.plane.directory().patient(PATIENT);
    assert_eq!(made.question.resource.id.as_str(), patient.to_string());
    assert_eq!((made.question.resource.kind.as_str(), made.question.principal.kind.as_str()), ("Patient", "Person"));
    assert_eq!(json!(made.question.asserted.context), question("n-amara", "read_chart", PATIENT)["context"]);
    assert!(!String::from_utf8(leaf.draft.tail().unwrap()).unwrap().contains(PATIENT));
}

#[tokio::test]
async fn a_record_number_under_a_misspelt_type_does_not_reach_the_log() {
    let house = House::open().await;
    let number = "MRN-31415-926";
    let whole = question("n-amara", "read_chart", number);
    for (place, kind) in [("/resource/type", "PATIENT"), ("/resource/type", "Pat"), ("/subject/type", "patients")] {
        let mut asked = with(whole.clone(), place, json!(kind));
        if place.starts_with("/subject") {
            asked = with(asked, "/subject/id", json!(number));
        }
        let got = house.evaluate(&asked).await;
        assert!(!got.decision());
        let leaf = house.leaf(&got.json()["context"]["entry"]);
        let text = String::from_utf8(leaf.draft.tail().unwrap()).unwrap();
        assert!(text.contains(kind) && !text.contains(number), "{text}");
    }
}

#[tokio::test]
async fn a_request_id_comes_back_on_every_answer_and_is_recorded() {
    let house = House::open().await;
    let ask = |token: &str, body: String| {
        let request = request(Method::POST, "/access/v1/evaluation", token)
            .header(header::CONTENT_TYPE, "application/json")
            .header("X-Request-ID", "bfe9eb29-ab87-4ca3-be83-a1d5d8305716");
        house.send(request.body(Body::from(body)).unwrap())
    };
    let whole = question("n-amara", "read_chart", PATIENT).to_string();
    for (token, body, status) in [
        (house.ehr.as_str(), whole.clone(), StatusCode::OK),
        (house.ehr.as_str(), "{".to_owned(), StatusCode::BAD_REQUEST),
        ("nobody", whole, StatusCode::UNAUTHORIZED),
    ] {
        let got = ask(token, body).await;
        assert_eq!(got.status, status);
        assert_eq!(got.headers["x-request-id"], "bfe9eb29-ab87-4ca3-be83-a1d5d8305716");
        if status == StatusCode::OK {
            let leaf = house.leaf(&got.json()["context"]["entry"]);
            assert_eq!(leaf.draft.request, Some(id("bfe9eb29-ab87-4ca3-be83-a1d5d8305716")));
        }
    }
    let without = house.evaluate(&question("n-amara", "read_chart", PATIENT)).await;
    assert!(!without.headers.contains_key("x-request-id"));
    // What could be words is replaced by a new one, which stands in the ledger and in the answer.
    let longest = "x".repeat(64);
    for (sent, stays) in [
        ("x".repeat(65).as_str(), false),
        ("patient-4000161 Pellworth", false),
        ("a/b", false),
        ("", false),
        (longest.as_str(), true),
        ("A.b_c:d-9", true),
    ] {
        let request = request(Method::POST, "/access/v1/evaluation", &house.ehr)
            .header(header::CONTENT_TYPE, "application/json")
            .header("X-Request-ID", sent)
            .body(Body::from(question("n-amara", "read_chart", PATIENT).to_string()));
        let got = house.send(request.unwrap()).await;
        assert!(got.decision());
        let told = got.headers["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(told == sent, stays, "{sent}: {told}");
        assert_eq!(house.leaf(&got.json()["context"]["entry"]).draft.request, Some(id(&told)));
    }
}

/// Whatever a caller writes where the charter has names, none of it stays in the ledger as it was written; the answer is as it ever was.
#[tokio::test]
async fn what_the_charter_does_not_know_is_recorded_under_a_code() {
    let house = House::open().await;
    let whole = question("n-amara", "read_chart", PATIENT);
    let secret = "Pellworth of 4000161";
    for (place, value) in [
        ("/action/name", json!(secret)),
        ("/context/workflow", json!(secret)),
        ("/resource", json!({ "type": "Unit", "id": secret })),
        ("/resource", json!({ "type": "spaceship", "id": secret })),
    ] {
        let asked = with(whole.clone(), place, value);
        let got = house.evaluate(&asked).await;
        assert_eq!(got.status, StatusCode::OK, "{place}");
        let leaf = house.leaf(&got.json()["context"]["entry"]);
        let written = String::from_utf8(leaf.draft.tail().unwrap()).unwrap();
        assert!(!written.contains("Pellworth"), "{place}: {written}");
        assert!(!got.json()["context"]["reasons"].to_string().contains("unknown-"), "{place}");
        // The same name has the same code, and another another.
        let again = house.leaf(&house.evaluate(&asked).await.json()["context"]["entry"]);
        assert_eq!(asked_of(&again), asked_of(&leaf), "{place}");
    }
    let got = house.evaluate(&with(whole, "/action/name", json!(secret))).await;
    assert_eq!(got.json()["context"]["reason"], format!("You may not do `{secret}`."));
}

fn asked_of(leaf: &events::Leaf) -> &events::decision::Question {
    let Event::DecisionMade(made) = &leaf.draft.event else { panic!("another kind") };
    &made.question
}

#[tokio::test]
async fn a_named_workflow_counts_only_if_it_has_the_action() {
    let house = House::open().await;
    let whole = question("n-amara", "read_chart", PATIENT);
    let workflow = async |name: Value| {
        house.evaluate(&with(whole.clone(), "/context/workflow", name)).await.json()["context"]["workflow"].clone()
    };
    assert_eq!(workflow(json!("ed-chart-review")).await, "ed-chart-review");
    assert_eq!(workflow(json!("infusion-pumps")).await, "chart-review");
    assert_eq!(workflow(json!("no-such-workflow")).await, "chart-review");
    assert_eq!(workflow(Value::Null).await, "chart-review");
}

#[tokio::test]
async fn the_metadata_says_where_the_endpoints_are_to_anybody() {
    let house = House::open().await;
    let get = Request::get("/.well-known/authzen-configuration").body(Body::empty()).unwrap();
    let got = house.send(get).await;
    assert_eq!(got.status, StatusCode::OK);
    assert_eq!(
        got.json(),
        json!({
            "policy_decision_point": BASE,
            "access_evaluation_endpoint": format!("{BASE}/access/v1/evaluation"),
            "access_evaluations_endpoint": format!("{BASE}/access/v1/evaluations"),
            "search_subject_endpoint": format!("{BASE}/access/v1/search/subject"),
            "search_resource_endpoint": format!("{BASE}/access/v1/search/resource"),
            "search_action_endpoint": format!("{BASE}/access/v1/search/action"),
            "supported_obligations": ["step-up", "notification", "session_termination", "custom"],
        })
    );
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_permitted() {
    let mut house = House::open().await;
    house.keep();
    let asked = question("n-amara", "record_observations", PATIENT);
    let permit = house.post("/handrail/v1/permits", &asked).await.json()["context"]["entry"].clone();
    house.plane.store().closed().await;
    for path in ["/access/v1/evaluation", "/handrail/v1/permits"] {
        let got = house.post(path, &asked).await;
        assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(got.message().ends_with("nothing was permitted, try again"), "{}", got.message());
    }
    let batch = with(asked.clone(), "/evaluations", json!([{}, { "action": { "name": "fly" } }]));
    let got = house.post("/access/v1/evaluations", &batch).await;
    assert_eq!(got.status, StatusCode::OK);
    for one in got.json()["evaluations"].as_array().unwrap() {
        assert_eq!((&one["decision"], &one["context"]["error"]["status"]), (&json!(false), &json!(503)));
    }
    // A permit whose end cannot be recorded has ended all the same, and whoever asks is told.
    house.clock.set(START + plane::LIVE_MAX);
    let path = format!("/handrail/v1/permits/{permit}");
    let told = tokio::time::timeout(std::time::Duration::from_secs(30), async {
        loop {
            let told = house.get(&house.ehr, &path).await.json();
            if told["standing"] != "holds" {
                return told;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    });
    let told = told.await.expect("it ends");
    assert_eq!((&told["standing"], &told["cause"], &told["permit"]), (&json!("ended"), &json!("expired"), &permit));
    assert_eq!(house.delete(&house.ehr, &path).await.status, StatusCode::SERVICE_UNAVAILABLE);
}
