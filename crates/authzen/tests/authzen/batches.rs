//! Several evaluations in one request.

use crate::house::{House, NOBODY, PATIENT, VIP, question, settled, with};
use authzen::EVALUATIONS_MAX;
use axum::http::StatusCode;
use serde_json::{Value, json};

const PATH: &str = "/access/v1/evaluations";

fn decisions(answer: &Value) -> Vec<bool> {
    answer["evaluations"].as_array().unwrap().iter().map(|one| one["decision"].as_bool().unwrap()).collect()
}

/// The patients a nurse of the emergency department is asked about: hers, nobody, hers.
fn rounds(semantic: Option<&str>) -> Value {
    let whole = question("n-amara", "record_observations", PATIENT);
    let mut batch = json!({
        "subject": whole["subject"], "action": whole["action"], "context": whole["context"],
        "evaluations": Value::from([PATIENT, NOBODY, VIP].map(|number| json!({ "resource": { "type": "patient", "id": number } })).to_vec()),
    });
    if let Some(semantic) = semantic {
        batch["options"] = json!({ "evaluations_semantic": semantic });
    }
    batch
}

#[tokio::test]
async fn all_are_decided_in_order_unless_said_otherwise() {
    let house = House::open().await;
    for semantic in [None, Some("execute_all")] {
        let before = house.entries();
        let got = house.post(PATH, &rounds(semantic)).await;
        assert_eq!(decisions(&got.json()), [true, false, true]);
        assert_eq!(house.entries(), before + 3, "each is recorded");
    }
    let got = house.post(PATH, &rounds(None)).await;
    insta::assert_json_snapshot!("evaluations", settled(got.json()));
}

#[tokio::test]
async fn it_ends_after_the_first_deny_or_the_first_permit_if_asked_to() {
    let house = House::open().await;
    let before = house.entries();
    let denied = house.post(PATH, &rounds(Some("deny_on_first_deny"))).await;
    assert_eq!(decisions(&denied.json()), [true, false]);
    assert_eq!(house.entries(), before + 2, "what was not asked is not recorded");
    let permitted = house.post(PATH, &rounds(Some("permit_on_first_permit"))).await;
    assert_eq!(decisions(&permitted.json()), [true]);
    let mut turned = rounds(Some("permit_on_first_permit"));
    turned["evaluations"].as_array_mut().unwrap().swap(0, 1);
    assert_eq!(decisions(&house.post(PATH, &turned).await.json()), [false, true]);
    let unknown = house.post(PATH, &rounds(Some("whatever"))).await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    assert!(unknown.message().contains("execute_all"), "{}", unknown.message());
}

#[tokio::test]
async fn an_item_has_its_own_members_over_the_defaults() {
    let house = House::open().await;
    let mut batch = rounds(None);
    batch["evaluations"] = json!([
        { "resource": { "type": "patient", "id": PATIENT } },
        { "resource": { "type": "patient", "id": PATIENT }, "subject": { "type": "user", "id": "n-bo" } },
        { "resource": { "type": "patient", "id": PATIENT }, "action": { "name": "fly" } },
        // The whole context is its own, so nobody says how she signed in.
        { "resource": { "type": "patient", "id": PATIENT }, "context": {} },
        { "resource": { "type": "patient", "id": PATIENT }, "context": null },
    ]);
    assert_eq!(decisions(&house.post(PATH, &batch).await.json()), [true, false, false, false, true]);
}

#[tokio::test]
async fn without_items_the_defaults_are_the_only_question() {
    let house = House::open().await;
    let whole = question("n-amara", "record_observations", PATIENT);
    let single = settled(house.evaluate(&whole).await.json());
    for empty in [None, Some(json!([])), Some(Value::Null)] {
        let asked = match empty {
            Some(empty) => with(whole.clone(), "/evaluations", empty),
            None => whole.clone(),
        };
        let got = house.post(PATH, &asked).await;
        assert_eq!((got.status, settled(got.json())), (StatusCode::OK, single.clone()));
    }
    let got = house.post(PATH, &json!({ "subject": whole["subject"], "action": whole["action"] })).await;
    assert_eq!((got.status, got.message().as_str()), (StatusCode::BAD_REQUEST, "`resource` is missing"));
}

#[tokio::test]
async fn what_is_wrong_with_an_item_denies_it_alone() {
    let house = House::open().await;
    let mut batch = rounds(None);
    let good = batch["evaluations"][0].clone();
    let bad = [
        json!({}),
        json!([]),
        json!("a patient"),
        Value::Null,
        json!({ "resource": "a patient" }),
        json!({ "resource": { "type": "patient" } }),
        json!({ "resource": { "type": "patient", "id": "" } }),
        json!({ "resource": { "type": "patient", "id": "9".repeat(65) } }),
        json!({ "resource": { "type": "patient", "id": 900_001 } }),
    ];
    let mut items = bad.to_vec();
    items.insert(4, good.clone());
    items.push(good);
    batch["evaluations"] = json!(items);
    let before = house.entries();
    let got = house.post(PATH, &batch).await;
    assert_eq!(got.status, StatusCode::OK);
    let answers = got.json()["evaluations"].as_array().unwrap().clone();
    assert_eq!(answers.len(), bad.len() + 2);
    for (index, answer) in answers.iter().enumerate() {
        let good = index == 4 || index == bad.len() + 1;
        assert_eq!(answer["decision"], good, "{index}: {answer}");
        if !good {
            assert_eq!(answer["context"]["error"]["status"], 400);
            assert!(answer["context"]["error"]["message"].as_str().is_some_and(|message| !message.is_empty()));
        }
    }
    assert_eq!(house.entries(), before + 2, "what could not be asked was not decided");
}

#[tokio::test]
async fn too_many_at_once_are_refused_before_any_is_decided() {
    let house = House::open().await;
    let mut batch = rounds(None);
    let one = batch["evaluations"][0].clone();
    let before = house.entries();
    batch["evaluations"] = json!(vec![one.clone(); EVALUATIONS_MAX + 1]);
    let got = house.post(PATH, &batch).await;
    assert_eq!(got.status, StatusCode::BAD_REQUEST);
    assert!(got.message().contains("256") && got.message().contains("257"), "{}", got.message());
    assert_eq!(house.entries(), before);
    batch["evaluations"] = json!(vec![one; EVALUATIONS_MAX]);
    assert_eq!(decisions(&house.post(PATH, &batch).await.json()).len(), EVALUATIONS_MAX);
    assert_eq!(house.entries(), before + EVALUATIONS_MAX as u64);
}

#[tokio::test]
async fn malformed_defaults_and_members_of_other_types_are_refused() {
    let house = House::open().await;
    for (place, value) in [
        ("/subject", json!("n-amara")),
        ("/action", json!([])),
        ("/context", json!("here")),
        ("/evaluations", json!({})),
        ("/evaluations", json!("all")),
        ("/options", json!([])),
        ("/options", json!({ "evaluations_semantic": 1 })),
    ] {
        let got = house.post(PATH, &with(rounds(None), place, value.clone())).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{place} = {value}");
        assert!(!got.message().is_empty());
    }
}
